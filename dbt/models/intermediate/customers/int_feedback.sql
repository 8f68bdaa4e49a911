{#-
    One row per answer of a customer up to `as_of`, with what it says in one word. An answer names the account or, in a
    CRM, the person who gave it, who answers for the account that the day shows of them. Answers of test records, those
    that lie deleted and those to other questions than NPS and CSAT are left out.
-#}
with

feedback as (
    {{ union_staged('feedback') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

contacts as (
    select * from {{ ref('dim_contacts') }}
),

survivors as (
    select * from {{ ref('int_survivors') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- Several files may tell the same answer, and a file that of a CRM under its id: what landed later counts.
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
    {{ told_by_the_day(
        'feedback', 'feedback_id', ['account_id', 'account_system', 'contact_id', 'is_deleted', 'deleted_at'],
    ) }}
),

feedback_linked as (
    select
        feedback_ranked.* replace (
            {{ as_told('account_id', 'feedback_ranked') }} as account_id,
            {{ as_told('contact_id', 'feedback_ranked') }} as contact_id,
            {{ lies_deleted('feedback_ranked') }} as is_deleted,
            coalesce(
                {{ as_told('account_system', 'feedback_ranked') }}, feedback_ranked.source_system
            ) as account_system
        )
    from feedback_ranked
    cross join run_context
    left join told_by_the_day
        on
            feedback_ranked.source_system = told_by_the_day.source_system
            and feedback_ranked.feedback_id = told_by_the_day.feedback_id
    where
        feedback_ranked.version_rank = 1
        and feedback_ranked.kind in ('nps', 'csat')
        and feedback_ranked.answered_date <= run_context.as_of
),

feedback_keyed as (
    select
        feedback_linked.*,
        coalesce(
            feedback_linked.account_system
            || ':'
            || coalesce(account_survivors.survivor_id, feedback_linked.account_id),
            contacts.account_key
        ) as customer_key,
        coalesce(contacts.exclusion_reason, '') = 'test' as is_of_test_contact
    from feedback_linked
    left join survivors as account_survivors
        on
            account_survivors.object = 'account'
            and feedback_linked.account_system = account_survivors.source_system
            and feedback_linked.account_id = account_survivors.merged_id
    left join survivors as contact_survivors
        on
            contact_survivors.object = 'contact'
            and feedback_linked.source_system = contact_survivors.source_system
            and feedback_linked.contact_id = contact_survivors.merged_id
    left join contacts
        on
            feedback_linked.source_system
            || ':'
            || coalesce(contact_survivors.survivor_id, feedback_linked.contact_id) = contacts.contact_key
    where not feedback_linked.is_deleted
),

final as (
    select
        feedback_keyed.source_system || ':' || feedback_keyed.feedback_id as feedback_key,
        feedback_keyed.customer_key,
        accounts.account_key,
        coalesce(accounts.segment, 'unknown') as segment,
        feedback_keyed.kind,
        case
            when feedback_keyed.answer_group is not null then feedback_keyed.answer_group
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
    where
        coalesce(accounts.exclusion_reason, '') <> 'test'
        and not feedback_keyed.is_of_test_contact
)

select * from final
