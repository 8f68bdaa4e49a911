with

accounts as (
    select * from {{ ref('int_accounts_current') }}
),

final as (
    select
        accounts.account_key,
        accounts.owner_key,
        parent_accounts.account_key as parent_account_key,
        accounts.account_id,
        accounts.source_system,
        accounts.account_name,
        accounts.domain,
        accounts.industry,
        accounts.country,
        coalesce(
            accounts.segment,
            case
                when accounts.employee_count < 50 then 'small'
                when accounts.employee_count < 500 then 'mid'
                when accounts.employee_count >= 500 then 'enterprise'
                else 'unknown'
            end
        ) as segment,
        case
            when accounts.is_deleted then 'deleted'
            when accounts.is_test then 'test'
        end as exclusion_reason,
        accounts.employee_count,
        accounts.is_deleted,
        accounts.is_deleted or accounts.is_test as is_excluded,
        accounts.created_at,
        case when accounts.is_deleted then accounts.deleted_at end as deleted_at
    from accounts
    left join
        accounts as parent_accounts
        on accounts.parent_account_key = parent_accounts.account_key
)

select * from final
