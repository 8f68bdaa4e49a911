{#-
    One row per account that exists at the end of `as_of`, from its newest landed version; merged-away ones do not. A
    past day has the owner, the parent and the facts that had landed for it.
-#}
{#- Facts of a company change slowly: before the first landing they are taken to have been what they are. -#}
{%- set links = ['parent_account_id', 'industry', 'country', 'segment', 'employee_count'] -%}
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

told_by_the_day as (
    {{ told_by_the_day('accounts', 'account_id', links + ['owner_id', 'is_deleted', 'deleted_at']) }}
),

accounts_linked as (
    select
        accounts_existing.* replace (
            {%- for link in links %}
            {{ as_told(link, 'accounts_existing') }} as {{ link }},
            {%- endfor %}
            {{ told_value('owner_id', 'accounts_existing') }} as owner_id,
            {{ lies_deleted('accounts_existing') }} as is_deleted,
            {{ lies_deleted_since('accounts_existing') }} as deleted_at
        )
    from accounts_existing
    cross join run_context
    left join told_by_the_day
        on
            accounts_existing.source_system = told_by_the_day.source_system
            and accounts_existing.account_id = told_by_the_day.account_id
),

final as (
    select
        accounts_linked.source_system || ':' || accounts_linked.account_id as account_key,
        accounts_linked.source_system || ':' || accounts_linked.owner_id as owner_key,
        accounts_linked.source_system
        || ':'
        || coalesce(survivors.survivor_id, accounts_linked.parent_account_id)
            as parent_account_key,
        accounts_linked.account_id,
        accounts_linked.source_system,
        accounts_linked.account_name,
        accounts_linked.domain,
        accounts_linked.industry,
        accounts_linked.country,
        accounts_linked.segment,
        accounts_linked.employee_count,
        accounts_linked.is_deleted,
        test_email_domains.domain is not null or test_names.name is not null as is_test,
        accounts_linked.created_at,
        accounts_linked.deleted_at
    from accounts_linked
    left join survivors
        on
            survivors.object = 'account'
            and accounts_linked.source_system = survivors.source_system
            and accounts_linked.parent_account_id = survivors.merged_id
    left join test_email_domains on accounts_linked.domain = test_email_domains.domain
    left join test_names on lower(accounts_linked.account_name) = test_names.name
)

select * from final
