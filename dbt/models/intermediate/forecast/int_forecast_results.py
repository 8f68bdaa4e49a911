"""Calls the forecast and keeps all of its tables as one, told apart by `result`.

What belongs here: which relations the forecast reads, and the types of what it gives back. What does not: any estimate
(forecasting/) and what readers see (the marts, which read this by `result`).
"""

TYPES = {
    "text": "method period_type part owner team segment pipeline level member deal_key stage cell reasons origin_kind "
    "code lever",
    "bigint": "month_offset first_offset last_offset cell_level n wins horizon days_left expected_cents p10_cents "
    "p50_cents p90_cents target_cents amount_cents value_cents actual_cents actual_now_cents open_deals base_cents "
    "gain_cents moved_out_cents",
    "decimal(18, 9)": "chance_of_target chance base_chance value",
    "double": "scale_cents",
    "date": "month_start month_end quarter_start period_start period_end origin_day",
}


def model(dbt, session):
    from forecasting import Inputs, Settings, forecast

    def given(relation, query="select * from GIVEN"):
        return "(" + query.replace("GIVEN", f"({relation.sql_query()}) as given") + ")"

    (as_of,) = dbt.source("run", "run_context").project("as_of").fetchone()
    # Judging by days left as well costs as much as all the rest: at the ends of months only.
    ends = {end for (end,) in dbt.ref("int_forecast_months").project("month_end").fetchall()}
    settings = Settings() if as_of in ends else Settings(weekly_origins=0)
    owners = dbt.ref("dim_owners").sql_query()
    result = forecast(
        session,
        as_of=as_of,
        settings=settings,
        inputs=Inputs(
            deals=given(dbt.ref("int_forecast_deals")),
            states=given(dbt.ref("int_forecast_spans")),
            stages=given(
                dbt.ref("dim_stages"),
                "select stage, stage_order, null::double as win_probability from GIVEN where object = 'deal'",
            ),
            months=given(dbt.ref("int_forecast_months")),
            # Whose targets are those of people who left is told as their deals are.
            targets=given(
                dbt.ref("fct_targets"),
                "select case given.level when 'company' then 'total' else given.level end as level, "
                "case when given.level = 'company' then 'total' when given.level = 'team' then given.member "
                "when owners.kind <> 'person' or not owners.is_active then 'unassigned' else given.member end "
                "as member, given.period_start as month_start, given.amount_reporting as amount "
                f"from GIVEN left join ({owners}) as owners "
                "on given.level = 'owner' and given.member = owners.owner_key where given.measure = 'bookings'",
            ),
            activities=given(
                dbt.ref("fct_activities"),
                "select deal_key, occurred_date as activity_day from GIVEN "
                "where deal_key is not null and is_past and is_completed and not is_excluded",
            ),
            flows=given(
                dbt.ref("int_stage_flows"),
                "select pipeline, stage, stage_order, case when point_note is null then conversion_rate end as "
                "conversion, won_share, day_note is null as is_timed from GIVEN",
            ),
        ),
    )
    tables = {
        "period": result.periods, "cell": result.cells, "interval": result.intervals, "deal": result.deals,
        "error": result.errors, "note": result.notes, "bottleneck": result.bottlenecks,
    }  # fmt: skip
    kinds = {name: kind for kind, names in TYPES.items() for name in names.split()}
    parts = []
    for name, table in tables.items():
        session.register(f"forecast_{name}s_found", table)
        columns = ", ".join(
            f"cast({column if column in table.columns else 'null'} as {kind}) as {column}"
            for column, kind in kinds.items()
        )
        parts.append(f"select '{name}' as result, {columns} from forecast_{name}s_found")
    return session.sql(" union all ".join(parts))
