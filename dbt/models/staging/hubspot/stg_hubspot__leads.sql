-- HubSpot keeps no leads beside contacts: each contact is one. A view, since it adds nothing that
-- could be stored.
{{ config(database='work', materialized='view') }}

with

contacts as (
    select * from {{ ref('stg_hubspot__contacts') }}
),

final as (
    select
        contacts.source_system,
        contacts.contact_id as lead_id,
        contacts.contact_id,
        contacts.account_id,
        contacts.owner_id,
        contacts.full_name,
        contacts.email,
        cast(null as text) as company_name,
        contacts.source_label,
        contacts.source_detail,
        contacts.lifecycle_label as stage_label,
        contacts.lead_status_label as status_label,
        contacts.purchase_timeframe,
        contacts.country,
        contacts.reject_reason,
        contacts.rejected_record,
        contacts.load_number,
        contacts.version_order,
        contacts.content_hash,
        cast(null as boolean) as is_converted,
        cast(null as boolean) as is_test,
        contacts.is_deleted,
        contacts.fetched_at,
        contacts.created_at,
        contacts.updated_at,
        contacts.deleted_at
    from contacts
)

select * from final
