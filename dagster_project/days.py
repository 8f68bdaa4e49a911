"""Which day a run is about. Here, at the edge, the clock is read once; nothing behind this module reads it."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from configuration.errors import ConfigurationError
from configuration.model import Settings

# Named when a run is started; a run about partitions is about the last of them.
AS_OF = "saleshouse/as_of"
# Named when a run is started: the release that its closed figures are compared with.
BASELINE = "saleshouse/baseline"
_TAGS = (AS_OF, "dagster/asset_partition_range_end", "dagster/partition")


def yesterday(settings: Settings) -> date:
    """The last complete day in the company's reporting zone."""
    return datetime.now(ZoneInfo(settings.company.reporting_timezone)).date() - timedelta(days=1)


def checked(day: date, settings: Settings) -> date:
    """The day that a run is asked for. Raises ConfigurationError for one before start_date or not yet over."""
    first, last = settings.start_date, yesterday(settings)
    if first <= day <= last:
        return day
    raise ConfigurationError(
        f"{day} is {'before start_date' if day < first else 'not over yet'}",
        where="--as-of",
        effect="nothing was run",
        fix=f"choose a day from {first} to {last}",
    )


def as_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, settings: Settings) -> date:
    """The day of the run: the one it was started for, else its last partition, else the last complete day."""
    for tag in _TAGS:
        if tag in context.run.tags:
            return date.fromisoformat(context.run.tags[tag])
    return yesterday(settings)


def moment(day: date, settings: Settings) -> datetime:
    """The instant from which sources look back: the end of `day`, or now while that day is still going on."""
    zone = ZoneInfo(settings.company.reporting_timezone)
    return min(datetime.now(UTC), datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC))
