{#-
    One row per account that exists at the end of `as_of`, from its newest landed version;
    merged-away ones do not.
-#}
with

accounts as (
    select * from {{ ref('int_accounts_unioned') }}
),

survivors as (
    select * from {{ ref('int_survivors') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

test_email_domains as (
    select distinct test_email_domains.domain
    from {{ source('run', 'test_email_domains') }} as test_email_domains
),

test_names as (
    select distinct test_names.name from {{ source('run', 'test_names') }} as test_names
),

newest_versions as (
    select
        accounts.source_system,
        accounts.account_id,
        max(accounts.version_order) as version_order
    from accounts
    group by all
),

accounts_newest as (
    select accounts.*
    from accounts
    inner join newest_versions
        on
            accounts.source_system = newest_versions.source_system
            and accounts.account_id = newest_versions.account_id
            and accounts.version_order = newest_versions.version_order
),

accounts_existing as (
    select accounts_newest.*
    from accounts_newest
    cross join run_context
    anti join survivors
        on
            survivors.object = 'account'
            and accounts_newest.source_system = survivors.source_system
            and accounts_newest.account_id = survivors.merged_id
    where accounts_newest.created_at is null or accounts_newest.created_at < run_context.as_of_end
),

final as (
    select
        accounts_existing.source_system || ':' || accounts_existing.account_id as account_key,
        accounts_existing.source_system || ':' || accounts_existing.owner_id as owner_key,
        accounts_existing.source_system
        || ':'
        || coalesce(survivors.survivor_id, accounts_existing.parent_account_id)
            as parent_account_key,
        accounts_existing.account_id,
        accounts_existing.source_system,
        accounts_existing.account_name,
        accounts_existing.domain,
        accounts_existing.industry,
        accounts_existing.country,
        accounts_existing.segment,
        accounts_existing.employee_count,
        coalesce(
            accounts_existing.is_deleted
            and (
                accounts_existing.deleted_at is null
                or accounts_existing.deleted_at < run_context.as_of_end
            ),
            false
        ) as is_deleted,
        test_email_domains.domain is not null or test_names.name is not null as is_test,
        accounts_existing.created_at,
        accounts_existing.deleted_at
    from accounts_existing
    cross join run_context
    left join survivors
        on
            survivors.object = 'account'
            and accounts_existing.source_system = survivors.source_system
            and accounts_existing.parent_account_id = survivors.merged_id
    left join test_email_domains on accounts_existing.domain = test_email_domains.domain
    left join test_names on lower(accounts_existing.account_name) = test_names.name
)

select * from final
