{#- How a deal is shared out. Who reads splits says which; how they are dealt is said here. -#}

{#- Shares that miss the whole by less were rounded when they were written down. -#}
{% macro split_rounding() -%}
    0.001
{%- endmacro %}

{#-
    The rows of `parts` (`keys`, deal_owner_key, owner_key, share, `moneys`) with what each part gets. Per `keys` the shares
    become exactly 1: the largest takes what rounding has left. `part_no` begins with the deal's owner, then goes by size.
    Each of `moneys` is dealt in whole cents, `<money>_dealt`; those that are left go to the parts that lost most of one.
-#}
{% macro dealt_by_share(parts, keys, moneys) -%}
    select
        {%- for money in moneys %}
        cast(
            cast(
                ({{ money }}_cents + cast({{ money }}_turn <= {{ money }}_left as integer)) * sign({{ money }})
                as decimal(20, 0)
            ) * 0.01 as decimal(18, 2)
        ) as {{ money }}_dealt,
        {%- endfor %}
        *
    from (
        select
            {%- for money in moneys %}
            row_number() over (
                partition by {{ keys | join(', ') }} order by {{ money }}_exact - {{ money }}_cents desc, part_no
            ) as {{ money }}_turn,
            abs(cast({{ money }} * 100 as decimal(20, 0))) - sum({{ money }}_cents) over parts_of_deal
                as {{ money }}_left,
            {%- endfor %}
            *
        from (
            select
                {%- for money in moneys %}
                abs(cast({{ money }} * 100 as decimal(20, 0))) * share as {{ money }}_exact,
                cast(floor(abs(cast({{ money }} * 100 as decimal(20, 0))) * share) as decimal(20, 0)) as {{ money }}_cents,
                {%- endfor %}
                row_number() over (
                    partition by {{ keys | join(', ') }}
                    order by coalesce(owner_key, '') = coalesce(deal_owner_key, '') desc, share desc, owner_key
                ) as part_no,
                *
            from (
                select
                    parts.* replace (
                        cast(
                            share
                            + case
                                when row_number() over parts_by_size = 1
                                    then 1 - sum(share) over (partition by {{ keys | join(', ') }})
                                else 0
                            end as decimal(18, 9)
                        ) as share
                    )
                from {{ parts }} as parts
                window parts_by_size as (partition by {{ keys | join(', ') }} order by share desc, owner_key)
            ) as parts_whole
        ) as parts_cut
        window parts_of_deal as (partition by {{ keys | join(', ') }})
    ) as parts_ranked
{%- endmacro %}
