with

canonical_channels as (
    select * from {{ ref('canonical_channels') }}
),

final as (
    select
        canonical_channels.channel,
        canonical_channels.channel_name,
        canonical_channels.channel_group,
        canonical_channels.sort_order,
        canonical_channels.is_paid
    from canonical_channels
)

select * from final
