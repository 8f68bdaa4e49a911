with

risks as (
    select
        deal_key,
        deal_id,
        source_system,
        deal_name,
        account_name,
        owner_name,
        stage,
        stage_label,
        amount_reporting,
        age_days,
        won_p90_age_days,
        days_past_close,
        days_since_activity,
        pushes,
        amount_cut_reporting,
        reasons,
        is_past_close_date,
        is_idle,
        is_older_than_won,
        is_pushed_twice,
        is_amount_cut,
        is_without_next_step,
        is_single_contact,
        is_without_contact,
        close_date
    from {{ ref('rpt_deal_risks') }}
),

risks_ranked as (
    select
        *,
        row_number() over (
            order by amount_reporting desc nulls last, deal_key asc
        ) as value_rank
    from risks
    -- A missing next step or contact, or a single one, alone is untidy, not alarming.
    where is_past_close_date or is_idle or is_older_than_won or is_pushed_twice or is_amount_cut
),

final as (
    select
        deal_key,
        deal_id,
        source_system,
        deal_name,
        account_name,
        owner_name,
        stage,
        stage_label,
        value_rank,
        amount_reporting,
        age_days,
        won_p90_age_days,
        days_past_close,
        days_since_activity,
        pushes,
        amount_cut_reporting,
        reasons,
        is_past_close_date,
        is_idle,
        is_older_than_won,
        is_pushed_twice,
        is_amount_cut,
        is_without_next_step,
        is_single_contact,
        is_without_contact,
        close_date
    from risks_ranked
    where value_rank <= 25
)

select * from final
