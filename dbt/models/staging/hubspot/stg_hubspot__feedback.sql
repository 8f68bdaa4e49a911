{%- set columns = [
    'id', 'created_at', 'updated_at', 'archived', 'archived_at', 'hs_survey_type', 'hs_industry_standard_question_type',
    'hs_value', 'hs_response_group', 'hs_submission_timestamp', 'hs_createdate', 'hs_lastmodifieddate', 'associations',
] -%}
{{ config(meta={'reads': columns}) }}

with

run_context as (
    select * from {{ source('run', 'run_context') }}
),

feedback_landed as (
    {{ landed_versions(
        source('raw', 'hubspot__feedback_submissions'), id=['id'], id_in_this=['feedback_id'], columns=columns,
        order_by=['fetched_at', 'updated_at'],
    ) }}
),

-- A custom survey says of what kind its question is.
feedback_read as (
    select
        feedback_landed.*,
        lower(
            case
                when upper({{ given('feedback_landed.hs_survey_type') }}) = 'CUSTOM'
                    then coalesce({{ given('feedback_landed.hs_industry_standard_question_type') }}, 'custom')
                else {{ given('feedback_landed.hs_survey_type') }}
            end
        ) as kind_read,
        upper({{ given('feedback_landed.hs_response_group') }}) as sentiment,
        {{ to_bigint('feedback_landed.hs_value') }} as score_read,
        {{ to_timestamp('feedback_landed.hs_submission_timestamp') }} as answered_at_read,
        {{ to_timestamp('coalesce(feedback_landed.hs_createdate, feedback_landed.created_at)') }} as created_at_read,
        {{ to_timestamp('coalesce(feedback_landed.hs_lastmodifieddate, feedback_landed.updated_at)') }}
            as updated_at_read,
        {{ to_timestamp('feedback_landed.archived_at') }} as deleted_at_read,
        try(json_extract_string(feedback_landed.associations, '$.contacts.results[0].id')) as first_contact_id
    from feedback_landed
),

feedback_judged as (
    select
        feedback_read.*,
        case
            when {{ given('feedback_read.id') }} is null then 'id is missing'
            when feedback_read.created_at_read is null then 'created_at is not a time'
            when feedback_read.kind_read is null then 'kind is missing'
            when {{ given('feedback_read.hs_submission_timestamp') }} is null then 'answered_at is missing'
            when feedback_read.answered_at_read is null then 'answered_at is not a time'
            when {{ unreadable('feedback_read.hs_value', 'feedback_read.score_read') }} then 'score is not a number'
            when feedback_read.kind_read = 'nps' and feedback_read.score_read is null then 'score is missing'
            when feedback_read.kind_read = 'nps' and feedback_read.score_read not between 0 and 10
                then 'score is not one of 0 to 10'
            when feedback_read.kind_read = 'csat' and feedback_read.sentiment is null then 'sentiment is missing'
            when
                feedback_read.kind_read = 'csat'
                and feedback_read.sentiment not in ('PROMOTER', 'PASSIVE', 'DETRACTOR')
                then 'sentiment is not one of promoter, passive, detractor'
        end as reject_reason
    from feedback_read
),

final as (
    select
        'hubspot' as source_system,
        feedback_judged.id as feedback_id,
        cast(null as text) as account_id,
        cast(null as text) as account_system,
        feedback_judged.first_contact_id as contact_id,
        feedback_judged.kind_read as kind,
        -- HubSpot's sentiments follow from the ratings, on whatever scale a survey has asked; NPS has one scale only.
        case
            when feedback_judged.kind_read = 'csat'
                then
                    case feedback_judged.sentiment
                        when 'PROMOTER' then 'satisfied'
                        when 'PASSIVE' then 'neutral'
                        when 'DETRACTOR' then 'dissatisfied'
                    end
        end as answer_group,
        feedback_judged.reject_reason,
        {{ rejected_record(columns, 'feedback_judged') }} as rejected_record,
        feedback_judged.load_number,
        feedback_judged.version_order,
        feedback_judged.content_hash,
        feedback_judged.score_read as score,
        coalesce({{ to_boolean('feedback_judged.archived') }}, false) as is_deleted,
        {{ day_in_zone('feedback_judged.answered_at_read', 'run_context.reporting_timezone') }} as answered_date,
        feedback_judged.fetched_at,
        feedback_judged.created_at_read as created_at,
        feedback_judged.updated_at_read as updated_at,
        feedback_judged.deleted_at_read as deleted_at
    from feedback_judged
    cross join run_context
)

select * from final
