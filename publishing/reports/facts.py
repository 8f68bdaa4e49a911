"""What the report reads: the `rpt_*` tables of one release or passed candidate, as plain rows.

What belongs here: reading and grouping rows as they are. What does not: a figure that no mart holds.
"""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from configuration.errors import ReleaseError

Row = dict[str, Any]

_TABLES = {
    "rpt_headline": "order by period_type",
    "rpt_monthly": "order by month_start",
    "rpt_funnel": "order by funnel desc, dimension, member, cohort_basis, stage_order",
    "rpt_channels": "order by is_total, sort_order, channel",
    "rpt_attribution_comparison": (
        "where period_type = 'trailing_12_months' and conversion_event = 'won' and level = 'contact'"
        " and model in ('first', 'last', 'markov') order by channel, model"
    ),
    "rpt_leads_to_call": "order by owner_name = 'Unassigned', owner_name, owner_rank",
    "rpt_campaigns": "where spend_rank <= 10 order by spend_rank",
    "rpt_origins": "where size_rank <= 15 order by breakdown, size_rank",
    "rpt_forecast": "order by period_type, period_start, method, part",
    "rpt_forecast_deals": "order by value_rank",
    "rpt_forecast_bridge": "order by period_type, reason = 'total', abs(difference) desc, reason",
    "rpt_stage_speed": "order by stage_order",
    "rpt_bottlenecks": (
        "where least(coalesce(point_rank, 99), coalesce(day_rank, 99)) <= 6"
        " order by point_rank nulls last, day_rank nulls last, pipeline, stage_order"
    ),
    "rpt_win_rates": "order by last_day desc",
    "rpt_win_loss": "where size_rank <= 8 or member = 'total' order by breakdown, size_rank",
    "rpt_attention_list": (
        "where attention_rank <= 25 or (entity_kind = 'lead' and kind_rank <= 5) order by attention_rank, flag_rank"
    ),
    "rpt_risk_reasons": "order by reason_order",
    "rpt_team": "order by is_total, won_quarter desc, owner_name",
    "rpt_pipeline_changes": "order by period_start, movement, size_rank",
    "rpt_coaching": "order by topic, deals_short desc, open_reporting desc nulls last, owner_key",
    "rpt_restatements": "where size_rank <= 3 order by is_amount desc, measure desc, size_rank",
    "rpt_quality": "order by section, records desc, source_system, subject, remark",
}


_OF_METHODS = (
    *("share_of_target", "p10", "p90", "chance_of_target", "typical_miss", "typical_bias", "range_coverage"),
    *("forecasts_scored", "notes"),
)
# From the opening of a week to its closing.
_MOVEMENTS = (
    *("opening", "created", "reopened", "increased", "won", "lost", "decreased", "deleted", "exchange_rate"),
    "closing",
)
_OF_DEALS = ("amount_band", "source", "idle", "team", "owner")


@dataclass(frozen=True)
class Facts:
    """The rows by table name, and the one row that says which state they are of."""

    context: Row
    tables: dict[str, list[Row]]

    @property
    def as_of(self) -> date:
        day: date = self.context["as_of"]
        return day

    def headline(self, period_type: str) -> Row | None:
        return next((row for row in self.tables["rpt_headline"] if row["period_type"] == period_type), None)

    def channels(self) -> list[Row]:
        """One entry per channel, the largest first, the total last: its rows of the last 90 days and 12 months."""
        recent = {row["channel"]: row for row in self._window("rpt_channels", "trailing_90_days")}
        year = {row["channel"]: row for row in self._window("rpt_channels", "trailing_12_months")}
        together = sorted(
            (recent | year).values(),
            key=lambda row: (row["is_total"], row["channel_group"] == "unknown", -row["leads"], row["sort_order"]),
        )
        return [
            {"row": row, "recent": recent.get(row["channel"]), "year": year.get(row["channel"])} for row in together
        ]

    def credited_channels(self) -> list[Row]:
        """One entry per channel that is credited or cost something, the largest of the Markov model first: its spend,
        and its rows by model."""
        channels: dict[str, Row] = {}
        for row in self.tables["rpt_attribution_comparison"]:
            entry = channels.setdefault(row["channel"], {"channel": row["channel"], "models": {}})
            entry["spend_reporting"] = row["spend_reporting"]
            entry["models"][row["model"]] = row

        def size(entry: Row) -> tuple[Any, ...]:
            markov = entry["models"].get("markov")
            amount = markov["credited_amount_reporting"] if markov else 0
            return (entry["channel"] == "unattributed", -amount, entry["channel"])

        return sorted(channels.values(), key=size)

    def all_channels(self) -> list[Row]:
        """The rows of all time, for companies whose records are older than a year."""
        return self._window("rpt_channels", "all_time")

    def _window(self, table: str, window: str) -> list[Row]:
        return [row for row in self.tables[table] if row["window_name"] == window]

    def campaigns(self, *windows: str) -> list[Row]:
        """The rows of the first of `windows` that holds any spend or click."""
        for window in windows:
            rows = self._window("rpt_campaigns", window)
            if any(row["spend_reporting"] or row["impressions"] for row in rows):
                return rows
        return []

    def funnel(self, name: str) -> list[Row]:
        """The rows of one funnel, by dated cohorts where there are any, else by today's state.

        Of today's state only the stages count at which anybody stands: all others were passed by definition.
        """
        rows = [row for row in self.tables["rpt_funnel"] if row["funnel"] == name and row["dimension"] == "all"]
        dated = [row for row in rows if row["cohort_basis"] == "dated"]
        return dated or [row for row in rows if row["is_last"] or row["entities_open"] or row["entities_exited"]]

    def segments(self, name: str) -> list[Row]:
        """One entry per account segment of one funnel, the eight largest, `unknown` last: how many entered its first
        stage, and its rows of dated cohorts by stage. Nothing where no account's segment is known.
        """
        segments: dict[str, Row] = {}
        for row in self.tables["rpt_funnel"]:
            if row["funnel"] == name and row["dimension"] == "segment" and row["cohort_basis"] == "dated":
                entry = segments.setdefault(row["member"], {"segment": row["member"], "stages": {}})
                entry["stages"][row["stage"]] = row

        for entry in segments.values():
            first = min(entry["stages"].values(), key=lambda row: row["stage_order"])
            entry["entered"] = first["entities_entered"]

        def size(entry: Row) -> tuple[Any, ...]:
            return entry["segment"] == "unknown", -entry["entered"], entry["segment"]

        return sorted(segments.values(), key=size)[:8] if segments.keys() - {"unknown"} else []

    def forecasts(self) -> list[Row]:
        """One entry per period: its dates and target, and per method the parts' expected amounts, range and score."""
        periods: dict[tuple[str, date], Row] = {}
        for row in self.tables["rpt_forecast"]:
            key = (row["period_type"], row["period_start"])
            shared = ("period_type", "period_label", "period_start", "period_end", "is_current", "target_reporting")
            period = periods.setdefault(key, {name: row[name] for name in shared} | {"methods": {}})
            method = period["methods"].setdefault(row["method"], {})
            method[row["part"]] = row["expected"]
            if row["part"] == "total":
                method |= {name: row[name] for name in _OF_METHODS}
        return list(periods.values())

    def near_and_far_forecasts(self) -> tuple[list[Row], list[Row]]:
        """The current and next month and the quarters, which come first, and the later months."""
        months = [period for period in self.forecasts() if period["period_type"] == "month"]
        quarters = [period for period in self.forecasts() if period["period_type"] == "quarter"]
        return months[:2] + quarters, months[2:]

    def cautions(self) -> list[str]:
        """Codes of what to know before trusting our forecast of the periods that stand first."""
        near, _ = self.near_and_far_forecasts()
        told = [period["methods"]["saleshouse"]["notes"] or "" for period in near if "saleshouse" in period["methods"]]
        return sorted({code for notes in told for code in notes.split(", ") if code})

    def losses(self, breakdown: str) -> list[Row]:
        return [row for row in self.tables["rpt_win_loss"] if row["breakdown"] == breakdown]

    def bridge(self, period_type: str) -> list[Row]:
        """What leads from the commit to the forecast of the current month or quarter, the total last."""
        return [row for row in self.tables["rpt_forecast_bridge"] if row["period_type"] == period_type]

    def factors(self, deal: Row) -> list[Row]:
        """What moves a deal's chance: the two strongest factors that say something of the deal itself."""
        told = [one for one in json.loads(deal["reasons"] or "[]") if one["code"] in _OF_DEALS]
        return told[:2]

    def attention(self) -> list[list[Row]]:
        """The deals and leads that need attention, the highest value at risk first, each as the rows of its flags."""
        entities: dict[int, list[Row]] = {}
        for row in self.tables["rpt_attention_list"]:
            entities.setdefault(row["attention_rank"], []).append(row)
        return list(entities.values())

    def weeks(self) -> list[Row]:
        """One entry per movement of the pipeline in the running week or the one before: both, and its largest deals,
        those of the running week first."""
        entries: dict[str, Row] = {
            name: {"movement": name, "running": None, "before": None, "deals": []} for name in _MOVEMENTS
        }
        for row in self.tables["rpt_pipeline_changes"]:
            entry = entries[row["movement"]]
            if row["size_rank"]:
                entry["deals"].append(row)
            else:
                entry["running" if row["is_current"] else "before"] = row
        for entry in entries.values():
            entry["deals"] = sorted(entry["deals"], key=lambda row: not row["is_current"])[:3]
        return [entry for entry in entries.values() if entry["running"] or entry["before"]]

    def coaching(self, topic: str) -> list[Row]:
        return [row for row in self.tables["rpt_coaching"] if row["topic"] == topic]

    def quality(self, section: str) -> list[Row]:
        return [row for row in self.tables["rpt_quality"] if row["section"] == section]


def read(marts: Path) -> Facts:
    """Reads one marts file, which is left as it is.

    Raises ReleaseError when it cannot be opened or lacks a table of the report.
    """
    import duckdb

    try:
        # Attached by a name of our own: in a file called marts.duckdb, `marts.` would be both catalogue and schema.
        with duckdb.connect() as connection:
            connection.execute("attach '" + str(marts).replace("'", "''") + "' as release (read_only)")
            context = _rows(connection, "select * from release.marts.release_context")
            tables = {
                name: _rows(connection, f"select * from release.marts.{name} {rest}") for name, rest in _TABLES.items()
            }
    except duckdb.Error as exc:
        raise ReleaseError(
            str(exc).splitlines()[0],
            where=str(marts),
            effect="no report was rendered",
            fix="build the candidate again with `saleshouse run`",
        ) from exc
    return Facts(context[0], tables)


def _rows(connection: Any, query: str) -> list[Row]:
    found = connection.execute(query)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
