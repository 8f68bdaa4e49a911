{%- set raw_columns = [
    'feedback_id', 'kind', 'score', 'account_id', 'account_system', 'answered_date',
] -%}

with

feedback_landed as (
    {{ landed_file_rows(source('raw', 'files__feedback'), raw_columns) }}
),

feedback_read as (
    select
        feedback_landed.*,
        {{ to_date('feedback_landed.answered_date') }} as answered_date_read,
        {{ to_bigint('feedback_landed.score') }} as score_read
    from feedback_landed
),

feedback_judged as (
    select
        feedback_read.*,
        case
            when feedback_read.raw_reject_reason is not null
                then feedback_read.raw_reject_reason
            when feedback_read.feedback_id is null then 'feedback_id is missing'
            when feedback_read.kind is null then 'kind is missing'
            when feedback_read.score is null then 'score is missing'
            when feedback_read.answered_date is null then 'answered_date is missing'
            when {{ unreadable('feedback_read.answered_date', 'feedback_read.answered_date_read') }}
                then 'answered_date is not a date'
            when {{ unreadable('feedback_read.score', 'feedback_read.score_read') }}
                then 'score is not a number'
            when feedback_read.kind = 'nps' and feedback_read.score_read not between 0 and 10
                then 'score is not one of 0 to 10'
            when feedback_read.kind = 'csat' and feedback_read.score_read not between 1 and 5
                then 'score is not one of 1 to 5'
        end as reject_reason
    from feedback_read
),

final as (
    select
        feedback_judged.system as source_system,
        feedback_judged.feedback_id,
        feedback_judged.account_id,
        lower(feedback_judged.account_system) as account_system,
        cast(null as text) as contact_id,
        feedback_judged.kind,
        -- The score says it.
        cast(null as text) as answer_group,
        feedback_judged.mapping_name,
        feedback_judged.file_name,
        feedback_judged.reject_reason,
        {{ rejected_record(raw_columns, 'feedback_judged', kept='raw_rejected_record') }}
            as rejected_record,
        feedback_judged.load_number,
        feedback_judged.version_order,
        feedback_judged.row_number,
        feedback_judged.score_read as score,
        cast(null as boolean) as is_deleted,
        feedback_judged.answered_date_read as answered_date,
        feedback_judged.fetched_at,
        cast(null as timestamp) as deleted_at
    from feedback_judged
)

select * from final
