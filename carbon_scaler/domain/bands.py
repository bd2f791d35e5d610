"""Names for intensities: a half-open table from clean to dirty."""

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What lies below a limit and in no band before it; the last one has no limit."""

    name: str
    below: float | None  # grams per kWh
    # What its author expects of such a grid; it is told beside the band and moves nothing.
    min_renewable_percent: float | None = None


Bands = tuple[Band, ...]

# Five for explanations, and the four of the older platform.
FIVE_BANDS: Bands = (
    Band(name="very_clean", below=100.0, min_renewable_percent=40.0),
    Band(name="clean", below=200.0, min_renewable_percent=40.0),
    Band(name="moderate", below=400.0, min_renewable_percent=20.0),
    Band(name="high", below=600.0),
    Band(name="very_high", below=None),
)
CLASSIFICATION: Bands = (
    Band(name="clean", below=200.0, min_renewable_percent=40.0),
    Band(name="moderate", below=400.0, min_renewable_percent=20.0),
    Band(name="high", below=600.0),
    Band(name="very_high", below=None),
)


def band_of(grams_per_kwh: float, bands: Bands) -> Band:
    """The band that a value lies in; a limit itself belongs to the next one."""
    limits = [band.below for band in bands[:-1] if band.below is not None]
    return bands[bisect_right(limits, grams_per_kwh)]
