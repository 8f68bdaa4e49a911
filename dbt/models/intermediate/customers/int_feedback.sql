{#-
    One row per answer of a customer up to `as_of`, with what it says in one word. Answers of test accounts are left out.
-#}
with

feedback as (
    {{ union_staged('feedback') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

survivors as (
    select * from {{ ref('int_survivors') }}
    where object = 'account'
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- Several files may tell the same answer: what landed later counts.
feedback_ranked as (
    select
        feedback.*,
        row_number() over (
            partition by feedback.source_system, feedback.feedback_id order by feedback.version_order desc
        ) as version_rank
    from feedback
),

-- A past day has the customer that had landed for it, before the first landing who it is now.
told_by_the_day as (
    {{ told_by_the_day('feedback', 'feedback_id', ['account_id', 'account_system']) }}
),

feedback_linked as (
    select
        feedback_ranked.* replace (
            {{ as_told('account_id', 'feedback_ranked') }} as account_id,
            coalesce(
                {{ as_told('account_system', 'feedback_ranked') }}, feedback_ranked.source_system
            ) as account_system
        )
    from feedback_ranked
    left join told_by_the_day
        on
            feedback_ranked.source_system = told_by_the_day.source_system
            and feedback_ranked.feedback_id = told_by_the_day.feedback_id
    where feedback_ranked.version_rank = 1
),

feedback_keyed as (
    select
        feedback_linked.*,
        feedback_linked.account_system
        || ':'
        || coalesce(survivors.survivor_id, feedback_linked.account_id) as customer_key
    from feedback_linked
    cross join run_context
    left join survivors
        on
            feedback_linked.account_system = survivors.source_system
            and feedback_linked.account_id = survivors.merged_id
    where feedback_linked.answered_date <= run_context.as_of
),

final as (
    select
        feedback_keyed.source_system || ':' || feedback_keyed.feedback_id as feedback_key,
        feedback_keyed.customer_key,
        accounts.account_key,
        coalesce(accounts.segment, 'unknown') as segment,
        feedback_keyed.kind,
        case
            when feedback_keyed.kind = 'nps'
                then
                    case
                        when feedback_keyed.score >= 9 then 'promoter'
                        when feedback_keyed.score >= 7 then 'passive'
                        else 'detractor'
                    end
            when feedback_keyed.score >= 4 then 'satisfied'
            when feedback_keyed.score = 3 then 'neutral'
            else 'dissatisfied'
        end as answer_group,
        feedback_keyed.score,
        feedback_keyed.answered_date
    from feedback_keyed
    left join accounts on feedback_keyed.customer_key = accounts.account_key
    where coalesce(accounts.exclusion_reason, '') <> 'test'
)

select * from final
