{%- set raw_columns = [
    'segment', 'country', 'account_name', 'domain',
] -%}

with

addressable_accounts_landed as (
    {{ landed_file_rows(source('raw', 'files__addressable_accounts'), raw_columns) }}
),

addressable_accounts_judged as (
    select
        addressable_accounts_landed.*,
        addressable_accounts_landed.raw_reject_reason as reject_reason
    from addressable_accounts_landed
),

final as (
    select
        addressable_accounts_judged.system as source_system,
        lower(addressable_accounts_judged.segment) as segment,
        addressable_accounts_judged.country,
        addressable_accounts_judged.account_name,
        lower(addressable_accounts_judged.domain) as domain,
        addressable_accounts_judged.mapping_name,
        addressable_accounts_judged.file_name,
        addressable_accounts_judged.reject_reason,
        {{ rejected_record(raw_columns, 'addressable_accounts_judged', kept='raw_rejected_record') }}
            as rejected_record,
        addressable_accounts_judged.load_number,
        addressable_accounts_judged.version_order,
        addressable_accounts_judged.row_number,
        addressable_accounts_judged.fetched_at
    from addressable_accounts_judged
)

select * from final
