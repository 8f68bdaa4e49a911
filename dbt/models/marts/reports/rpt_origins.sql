with

leads as (
    select
        channel,
        source_label,
        source_detail,
        is_customer
    from {{ ref('fct_leads') }}
    where not is_excluded and not is_imported and created_date is null
),

leads_grouped as (
    select
        channel,
        source_label,
        source_detail,
        count(*) as leads,
        count(*) filter (where is_customer) as converted,
        case grouping(channel, source_label, source_detail)
            when 7 then 'total'
            when 3 then 'channel'
            when 5 then 'source'
            when 6 then 'detail'
            else 'channel_source_detail'
        end as breakdown
    from leads
    group by grouping sets (
        (), (channel), (source_label), (source_detail), (channel, source_label, source_detail)
    )
),

final as (
    select
        breakdown,
        channel,
        source_label,
        source_detail,
        cast(
            row_number() over (
                partition by breakdown
                order by leads desc, channel asc, source_label asc, source_detail asc
            ) as bigint
        ) as size_rank,
        cast(leads as bigint) as leads,
        cast(converted as bigint) as converted,
        {{ ratio('converted', 'leads') }} as conversion_rate,
        {{ wilson_low('converted', 'leads') }} as wilson_low,
        {{ wilson_high('converted', 'leads') }} as wilson_high
    from leads_grouped
    where leads > 0
)

select * from final
