{#-
    What staging reads of each raw table of records, in order: the models and the test that no
    landed row is lost must agree on what makes two rows equal.
-#}
{% macro raw_columns(raw_table) -%}
    {%- set activity = [
        'id', 'created_at', 'updated_at', 'archived', 'hs_timestamp', 'hubspot_owner_id', 'hs_createdate',
        'hs_lastmodifieddate', 'title', 'direction', 'outcome', 'status', 'duration_ms', 'associations',
    ] -%}
    {%- set columns = {
        'hubspot__owners': [
            'id', 'email', 'first_name', 'last_name', 'user_id', 'teams', 'archived', 'created_at',
            'updated_at', 'payload',
        ],
        'hubspot__pipelines': [
            'id', 'label', 'display_order', 'stages', 'archived', 'updated_at',
        ],
        'hubspot__contacts': [
            'id', 'created_at', 'updated_at', 'archived', 'archived_at', 'email', 'firstname', 'lastname',
            'lifecyclestage', 'hs_lead_status', 'hubspot_owner_id', 'hs_analytics_source',
            'hs_analytics_source_data_1', 'associatedcompanyid', 'createdate', 'lastmodifieddate',
            'hs_merged_object_ids', 'country', 'jobtitle', 'ga_client_id', 'gclid', 'lead_source',
            'purchase_timeframe', 'associations',
        ],
        'hubspot__companies': [
            'id', 'created_at', 'updated_at', 'archived', 'archived_at', 'name', 'domain', 'industry',
            'country', 'numberofemployees', 'hubspot_owner_id', 'createdate', 'hs_lastmodifieddate',
            'hs_merged_object_ids', 'hs_parent_company_id', 'properties',
        ],
        'hubspot__deals': [
            'id', 'created_at', 'updated_at', 'archived', 'archived_at', 'dealname', 'amount',
            'deal_currency_code', 'dealstage', 'pipeline', 'closedate', 'createdate', 'hs_lastmodifieddate',
            'hubspot_owner_id', 'dealtype', 'closed_lost_reason', 'hs_merged_object_ids',
            'hs_forecast_category', 'hs_next_step', 'competitor', 'hs_created_by_user_id', 'associations',
        ],
        'hubspot__products': [
            'id', 'created_at', 'updated_at', 'archived', 'archived_at', 'name', 'hs_sku', 'price',
            'recurringbillingfrequency', 'createdate', 'hs_lastmodifieddate',
        ],
        'hubspot__line_items': [
            'id', 'created_at', 'updated_at', 'archived', 'archived_at', 'name', 'hs_product_id', 'quantity', 'price',
            'amount', 'hs_line_item_currency_code', 'recurringbillingfrequency', 'line_outcome', 'createdate',
            'hs_lastmodifieddate', 'associations',
        ],
        'hubspot__deal_splits': ['id', 'splits'],
        'hubspot__meetings': activity,
        'hubspot__calls': activity,
        'hubspot__emails': activity,
        'hubspot__tasks': activity,
    } -%}
    {{ return(columns[raw_table]) }}
{%- endmacro %}
