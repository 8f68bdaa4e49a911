{#-
    What the forecast knows of the past: the deals that may become bookings as they stood at the ends
    of days, in spans that tile the life of each. Deals of whose life the beginning is not known have none.

    What is known of today only (an amount without history, a probability of the deal's own) stands
    in a span of its own that begins today, so that nothing of it is told of an earlier day.

    Where others share a deal (fct_deal_splits says by which rules), spans end where the split is changed, and `credits`
    says who has which part; of a win its cents too.
-#}
with

states as (
    select * from {{ ref('int_deal_states') }}
    where not is_last_instant and status <> 'deleted'
),

pipeline_deals as (
    select * from {{ ref('int_pipeline_deals') }}
),

whole_lives as (
    select * from pipeline_deals
    where not is_stage_unknown
),

deals as (
    select * from {{ ref('fct_deals') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

-- What will be is told by the teams of the day that is told.
teams as (
    select * from team_periods
    where is_last
),

stages as (
    select * from {{ ref('dim_stages') }}
    where object = 'deal'
),

rates as (
    select * from {{ ref('int_rates_daily') }}
),

splits as (
    select * from {{ ref('int_deal_splits') }}
    where kind = 'revenue'
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- A won deal is its owner's at the close, even if it changed hands later; without one then, of who holds it.
states_since_close as (
    select
        states.*,
        last_value(case when states.is_close then coalesce(states.owner_key, '') end ignore nulls) over deal_by_time
            as closing_owner_key,
        last_value(case when states.is_close then states.valid_from_date end ignore nulls) over deal_by_time
            as closed_date
    from states
    window deal_by_time as (
        partition by states.deal_key
        order by states.valid_from
        rows between unbounded preceding and current row
    )
),

spans as (
    select
        states.deal_key,
        case
            when states.status = 'open' then states.owner_key
            else coalesce(nullif(states.closing_owner_key, ''), states.owner_key)
        end as owner_key,
        whole_lives.segment,
        stages.pipeline_label,
        states.stage,
        states.status,
        -- CRMs write the same words as BEST_CASE, Best Case or bestcase.
        case regexp_replace(lower(states.forecast_category), '[^a-z]', '', 'g')
            when 'commit' then 'commit'
            when 'bestcase' then 'best_case'
            when 'pipeline' then 'pipeline'
        end as category,
        states.forecast_probability,
        states.currency,
        states.amount,
        stages.win_probability,
        states.close_date,
        case
            when states.status <> 'won' then null
            when run_context.close_day_rule = 'stage_event' then coalesce(states.closed_date, states.close_date)
            else coalesce(states.close_date, states.closed_date)
        end as won_day,
        states.valid_from_date as valid_from,
        case when states.valid_to_date <= run_context.as_of then states.valid_to_date end as valid_until
    from states_since_close as states
    cross join run_context
    inner join whole_lives on states.deal_key = whole_lives.deal_key
    inner join stages on states.stage_key = stages.stage_key
    where states.valid_to_date > states.valid_from_date
),

present_values as (
    select
        pipeline_deals.deal_key,
        case when pipeline_deals.is_amount_unknown then deals.amount end as amount,
        case when pipeline_deals.is_amount_unknown then deals.currency end as currency,
        case when pipeline_deals.is_close_date_unknown then deals.close_date end as close_date,
        deals.win_probability
    from pipeline_deals
    inner join deals on pipeline_deals.deal_key = deals.deal_key
    left join stages on deals.stage_key = stages.stage_key
    where
        not pipeline_deals.is_deleted
        and (
            pipeline_deals.is_amount_unknown
            or pipeline_deals.is_close_date_unknown
            or deals.win_probability is distinct from stages.win_probability
        )
),

-- Of a closed deal what it brought is a fact of its close.
spans_with_present as (
    select
        spans.* replace (
            case
                when present_values.deal_key is not null and spans.status = 'won'
                    then coalesce(spans.amount, present_values.amount)
                else spans.amount
            end as amount,
            case
                when present_values.deal_key is not null and spans.status = 'won'
                    then coalesce(spans.currency, present_values.currency)
                else spans.currency
            end as currency,
            case
                when
                    present_values.deal_key is not null
                    and spans.status = 'open'
                    and spans.valid_until is null
                    then run_context.as_of
                else spans.valid_until
            end as valid_until
        )
    from spans
    cross join run_context
    left join present_values on spans.deal_key = present_values.deal_key
    union all
    select
        spans.* replace (
            coalesce(spans.amount, present_values.amount) as amount,
            coalesce(spans.currency, present_values.currency) as currency,
            coalesce(present_values.win_probability, spans.win_probability) as win_probability,
            coalesce(spans.close_date, present_values.close_date) as close_date,
            run_context.as_of as valid_from
        )
    from spans
    cross join run_context
    inner join present_values on spans.deal_key = present_values.deal_key
    where spans.status = 'open' and spans.valid_until is null
),

spans_told as (
    select *
    from spans_with_present
    where valid_until is null or valid_until > valid_from
),

cut_days as (
    select
        deal_key,
        valid_from_date as cut_day
    from splits
    union
    select
        deal_key,
        valid_to_date as cut_day
    from splits
),

pieces as (
    select
        starts.deal_key,
        starts.span_from,
        starts.valid_from,
        lead(starts.valid_from) over (partition by starts.deal_key, starts.span_from order by starts.valid_from)
            as valid_until
    from (
        select
            spans_told.deal_key,
            spans_told.valid_from as span_from,
            cut_days.cut_day as valid_from
        from spans_told
        inner join cut_days
            on
                spans_told.deal_key = cut_days.deal_key
                and spans_told.valid_from < cut_days.cut_day
                and coalesce(spans_told.valid_until, date '9999-12-31') > cut_days.cut_day
        union
        select
            spans_told.deal_key,
            spans_told.valid_from as span_from,
            spans_told.valid_from
        from spans_told
        inner join splits on spans_told.deal_key = splits.deal_key
    ) as starts
),

spans_cut as (
    select spans_told.*
    from spans_told
    anti join pieces on spans_told.deal_key = pieces.deal_key
    union all
    select
        spans_told.* replace (
            pieces.valid_from as valid_from, coalesce(pieces.valid_until, spans_told.valid_until) as valid_until
        )
    from spans_told
    inner join pieces on spans_told.deal_key = pieces.deal_key and spans_told.valid_from = pieces.span_from
),

spans_valued as (
    select
        spans_cut.deal_key,
        spans_cut.owner_key,
        {{ owner_member('owners') }} as owner,
        coalesce(teams.team, 'unassigned') as team,
        -- A win stays with the team that its owner was in on its day.
        case when spans_cut.status = 'won' then coalesce(team_periods.team, 'unassigned') end as booked_team,
        spans_cut.segment,
        coalesce(spans_cut.pipeline_label, 'Unknown') as pipeline,
        spans_cut.stage,
        spans_cut.status,
        spans_cut.category,
        spans_cut.forecast_probability,
        spans_cut.currency,
        spans_cut.amount as amount_in_currency,
        {{ converted('spans_cut.amount', 'rates.rate_to_reporting') }} as amount,
        cast(spans_cut.win_probability as double) as win_probability,
        spans_cut.close_date,
        spans_cut.won_day,
        spans_cut.valid_from,
        spans_cut.valid_until
    from spans_cut
    cross join run_context
    left join owners on spans_cut.owner_key = owners.owner_key
    left join teams on spans_cut.owner_key = teams.owner_key
    left join team_periods
        on
            spans_cut.owner_key = team_periods.owner_key
            and spans_cut.won_day >= team_periods.valid_from_date
            and spans_cut.won_day < team_periods.valid_to_date
    left join rates
        on
            spans_cut.currency = rates.currency
            and least(
                coalesce(spans_cut.won_day, spans_cut.valid_from), run_context.as_of
            ) = rates.rate_date
),

parts_stated as (
    select
        spans_valued.deal_key,
        spans_valued.valid_from,
        spans_valued.owner_key as deal_owner_key,
        spans_valued.status,
        spans_valued.won_day,
        spans_valued.amount,
        splits.owner_key,
        splits.stated_share as share,
        sum(splits.stated_share) over (partition by spans_valued.deal_key, spans_valued.valid_from) as stated_share,
        row_number() over (partition by spans_valued.deal_key, spans_valued.valid_from order by splits.owner_key)
            as stated_no
    from spans_valued
    inner join splits
        on
            spans_valued.deal_key = splits.deal_key
            and spans_valued.valid_from >= splits.valid_from_date
            and spans_valued.valid_from < splits.valid_to_date
),

-- Too much counts for nobody; what is missing is the owner's. The cents that are left go to who lost most of one.
parts_by_owner as (
    select
        parts.deal_key,
        parts.valid_from,
        parts.deal_owner_key,
        parts.status,
        parts.won_day,
        parts.amount,
        parts.owner_key,
        sum(parts.share) as share
    from (
        select *
        from parts_stated
        union all
        select
            parts_stated.* replace (
                parts_stated.deal_owner_key as owner_key, 1 - parts_stated.stated_share as share
            )
        from parts_stated
        where parts_stated.stated_no = 1 and parts_stated.stated_share < 1 - {{ split_rounding() }}
    ) as parts
    where parts.stated_share <= 1 + {{ split_rounding() }}
    group by all
),

parts_dealt as (
    {{ dealt_by_share('parts_by_owner', ['deal_key', 'valid_from'], ['amount']) }}
),

credits as (
    select
        parts_dealt.deal_key,
        parts_dealt.valid_from,
        list(
            struct_pack(
                owner_key := parts_dealt.owner_key,
                owner := {{ owner_member('owners') }},
                team := coalesce(teams.team, 'unassigned'),
                booked_team := case when parts_dealt.status = 'won' then coalesce(team_periods.team, 'unassigned') end,
                share := parts_dealt.share,
                amount := case when parts_dealt.status = 'won' then parts_dealt.amount_dealt end
            ) order by parts_dealt.part_no
        ) as credits
    from parts_dealt
    left join owners on parts_dealt.owner_key = owners.owner_key
    left join teams on parts_dealt.owner_key = teams.owner_key
    left join team_periods
        on
            parts_dealt.owner_key = team_periods.owner_key
            and parts_dealt.won_day >= team_periods.valid_from_date
            and parts_dealt.won_day < team_periods.valid_to_date
    group by all
),

final as (
    select
        spans_valued.*,
        credits.credits
    from spans_valued
    left join credits
        on spans_valued.deal_key = credits.deal_key and spans_valued.valid_from = credits.valid_from
)

select * from final
