"""What a series' past tells: who gave its values, and which hours are missing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from carbon_scaler.domain.intensity import DEFAULT_USABLE_FOR
from carbon_scaler.domain.snapshot import HOUR_SECONDS, RegionSeries

LOOKED_BACK = timedelta(days=7)
# A store gives eight days of five-minute values; of what is denser it gives the newest.
MOST_ROWS_OF_WHOLE_DAYS = 8 * 24 * 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChange:
    """The present value's source is not the one before; `since` when."""

    former: str
    present: str
    since: datetime


def source_change(series: RegionSeries, now: datetime) -> SourceChange | None:
    """The last change of source up to the present value, as far as the series reaches back."""
    present, newest = series.resolved_at(now), series.reading_at(now)
    if present is None or newest is None:
        return None
    if present.source != newest.source:
        return SourceChange(
            former=newest.source, present=present.source, since=min(newest.too_old_at, now)
        )
    index = int(np.searchsorted(series.starts, now.timestamp(), side="right")) - 1
    while index > 0 and series.sources[index - 1] == present.source:
        index -= 1
    if index == 0:
        return None
    return SourceChange(
        former=series.sources[index - 1],
        present=present.source,
        since=series.reading(index).observed_at,
    )


def missing_hours(series: RegionSeries, now: datetime) -> int:
    """How many hours of the last seven days, as far back as there are values, have none."""
    if series.first_at is None:
        return 0
    # A younger hour's value may still be on its way.
    ends = (now - DEFAULT_USABLE_FOR).timestamp() // HOUR_SECONDS + 1
    begins = (now - LOOKED_BACK).timestamp() // HOUR_SECONDS
    first = series.first_at.timestamp()
    if len(series.starts) > MOST_ROWS_OF_WHOLE_DAYS:
        first = float(series.starts[0])
    hours = np.unique(series.starts // HOUR_SECONDS)
    begins = max(begins, first // HOUR_SECONDS)
    present = np.count_nonzero((hours >= begins) & (hours < ends))
    return max(0, int(ends - begins) - int(present))
