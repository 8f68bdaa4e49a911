"""What a reader is promised of the sources: all read, fresh, nothing lost between raw and marts, little left unmapped.

What belongs here: freshness, volumes, rejects, unmapped shares, and the reconciliation of rows and money with raw.
What does not: promises about one mart's own columns.
"""

from typing import TYPE_CHECKING

from expectations import reconciliation, rules
from expectations.context import COMPARABLE_ROWS, GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MART = "fct_source_freshness"

# A vendor that has said nothing new for three days is worth a line on the report.
QUIET_HOURS = 72
# More than half rejected is a wrong mapping, not dirty data.
REJECTED_SHARE_BLOCK = 0.5


def expectations(context: GateContext) -> list["Expectation"]:
    """One row per source and entity."""
    counts = ("loads", "rows_fetched", "rows_staged", "rows_rejected", "rows_duplicate")
    return [
        rules.row_count("row_floor", 1 if context.enabled else 0),
        rules.filled("source", "entity", *counts),
        rules.unique("source", "entity"),
        rules.none("counts_not_negative", " or ".join(f"{column} < 0" for column in counts)),
        rules.none(
            "fetched_is_staged_rejected_or_duplicate",
            "rows_fetched <> rows_staged + rows_rejected + rows_duplicate",
            expected="every fetched row is staged, rejected or an exact duplicate",
        ),
        *_enabled_sources_read(context),
        *_freshness(context),
        *_rejects(),
        *_nothing_forgotten(context),
        *_unmapped(context),
        *reconciliation.expectations(context),
    ]


def _enabled_sources_read(context: GateContext) -> list["Expectation"]:
    if not context.enabled:
        return []
    listed = ", ".join(f"('{source}')" for source in sorted(context.enabled))
    return [
        rules.rows(
            "enabled_sources_read",
            f"select enabled.source from (values {listed}) as enabled (source) "
            "where enabled.source not in (select source from {batch} where loads > 0 and source is not null)",
            expected="every source that is switched on has landed at least once",
        )
    ]


def _freshness(context: GateContext) -> list["Expectation"]:
    """A configured limit blocks; without one a long silence warns. Hours count back from the reported day's end."""
    newest = (
        "select source, max(last_record_at) as last_record_at, sum(rows_staged) as rows_staged "
        "from {batch} group by source"
    )
    asked: list[Expectation] = []
    for source in sorted(context.enabled):
        hours = context.freshness_hours.get(source)
        limit = f"timestamp '{context.as_of_end}' - interval '{int((hours or QUIET_HOURS) * 3600)} seconds'"
        # Exported files may hold no times at all; only a limit that somebody set asks for one.
        silent = f"last_record_at < {limit}" + (" or last_record_at is null" if hours else "")
        asked.append(
            rules.rows(
                f"{source}_fresh",
                f"select * from ({newest}) where source = '{source}' and rows_staged > 0 and ({silent})",
                severity="block" if hours else "warn",
                expected=f"a record of the last {hours or QUIET_HOURS:g} hours before the day's end",
            )
        )
    return asked


def _rejects() -> list["Expectation"]:
    # Of all rows that ever landed, and of the newest landing's: years of good rows dilute a bad one.
    return [
        rules.none("no_rejected_rows", "rows_rejected > 0", severity="warn"),
        rules.rows(
            "rejected_share",
            _rejected("rows_rejected", "rows_fetched - rows_duplicate", minimum=1),
            expected=f"at most {REJECTED_SHARE_BLOCK:.0%} of an entity's rows rejected",
        ),
        rules.rows(
            "last_rejected_share",
            _rejected(
                "last_rows_rejected",
                "last_rows_staged + last_rows_rejected",
                minimum=COMPARABLE_ROWS,
                which="rejects.load_number = sources.last_rows_load_number",
            ),
            expected=f"at most {REJECTED_SHARE_BLOCK:.0%} of the newest landing's rows rejected, "
            f"where it brought {COMPARABLE_ROWS} or more",
        ),
    ]


def _rejected(rejected: str, of_rows: str, *, minimum: int, which: str = "true") -> str:
    """Entities with more rejects than the bound among `minimum` rows or more, and the commonest reason of `which`."""
    return (
        "with sources as (select * from {batch}) "
        f"select source, entity, {rejected} as rejected, {of_rows} as of_rows, "
        f"concat(source, ' ', entity, ', ', {rejected}, ' of ', {of_rows}, ', most often ', ("
        "select mode(rejects.reason order by rejects.reason) from fct_rejected_rows as rejects "
        "where rejects.source_system = sources.source "
        f"and rejects.entity = coalesce(split_part(sources.staged_as, ', ', 1), sources.entity) and {which})) as label "
        f"from sources where {of_rows} >= {minimum} and {rejected} > {REJECTED_SHARE_BLOCK} * ({of_rows})"
    )


def _nothing_forgotten(context: GateContext) -> list["Expectation"]:
    """Raw is append-only, so what was fetched for a release can only grow while the watermark does."""
    known = context.live_known_at
    if "fct_source_freshness" not in context.live_rows or known is None or context.known_at < known:
        return []
    return [
        rules.rows(
            "fetched_rows_never_fall",
            "select live.source, live.entity, live.rows_fetched as fetched_before, sources.rows_fetched as fetched_now "
            "from live.marts.fct_source_freshness as live left join {batch} as sources "
            "on live.source = sources.source and live.entity = sources.entity "
            "where coalesce(sources.rows_fetched, 0) < live.rows_fetched",
            expected="at least as many fetched rows as the live release knew",
        )
    ]


def _unmapped(context: GateContext) -> list["Expectation"]:
    """Any unmapped label warns; above the configured share it blocks once there is a live release to fall back on."""
    asked: list[Expectation] = []
    # Of an earlier day nobody may know a stage, which is no label that a list lacks.
    known = "not is_excluded" + (" and history_basis <> 'assumed_current'" if context.is_rebuild else "")
    for subject, mart, column, label, kept in (
        ("deal_stages", "fct_deals", "stage", "stage_label", known),
        ("lead_stages", "fct_leads", "lifecycle_stage", "null", known),
        ("lead_sources", "fct_leads", "channel", "source_label", "not is_excluded"),
        ("web_sources", "fct_sessions", "channel", "medium", "not is_bot"),
    ):
        asked.append(
            rules.rows(
                f"{subject}_mapped",
                f"select source_system, {label} as label, count(*) as row_count from {mart} "
                f"where {column} = 'unmapped' and {kept} group by all order by row_count desc, label",
                severity="warn",
                expected="every label in use is mapped",
            )
        )
        asked.append(
            rules.rows(
                f"{subject}_unmapped_share",
                _labels_above_share(context, mart, f"{column} = 'unmapped'", label, kept),
                severity="block" if context.live_release else "warn",
                expected=f"at most {context.unmapped_share_block:.1%} unmapped",
            )
        )
    # A company that keeps no list of reasons leaves them as they are.
    listed = "exists (select 1 from fct_source_freshness where entity = 'loss_reasons' and rows_staged > 0)"
    kept = "not is_excluded and loss_reason is not null"
    asked.append(
        rules.rows(
            "loss_reasons_mapped",
            "select source_system, lost_reason as label, count(*) as row_count from fct_win_loss "
            f"where loss_reason = 'unmapped' and {kept} and {listed} group by all order by row_count desc, label",
            severity="warn",
            expected="every stated reason of a loss is mapped",
        )
    )
    asked.append(
        rules.rows(
            "loss_reasons_unmapped_share",
            _labels_above_share(context, "fct_win_loss", f"loss_reason = 'unmapped' and {listed}", "lost_reason", kept),
            severity="block" if context.live_release else "warn",
            expected=f"at most {context.unmapped_share_block:.1%} unmapped",
        )
    )
    asked.append(
        rules.rows(
            "stages_mapped",
            "select source_system, object, pipeline_label, stage_label from dim_stages where not is_mapped",
            severity="warn",
            expected="every stage that a source knows is mapped",
        )
    )
    return asked


def _labels_above_share(context: GateContext, mart: str, is_unmapped: str, label: str, kept: str) -> str:
    """The labels that nobody mapped, the commonest first, if their rows are more than the configured share of all."""
    return (
        f"select source_system, label, row_count from (select source_system, {label} as label, count(*) as row_count, "
        f"sum(count(*)) over () as unmapped_count from {mart} where {kept} and {is_unmapped} group by all) "
        f"where unmapped_count > {context.unmapped_share_block} * (select count(*) from {mart} where {kept}) "
        "order by row_count desc, label"
    )
