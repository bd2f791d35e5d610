"""The grids that a simulation runs on: invented ones, and real ones that are shipped or given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from carbon_scaler.config.history_file import HistoryFile, read_history
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.trigger import quoted
from carbon_scaler.simulation.exact_mix import DAY, ExactMix
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.mix import LONGEST
from carbon_scaler.simulation.synthetic import SEED_GRIDS, synthetic
from carbon_scaler.wiring.shipped_year import ZONES, shipped_histories

# What a live server's forecaster looks back on.
PAST_DAYS = 90
# For the last job to wait and to run.
TAIL_DAYS = 1
# So short a past leaves our own forecaster with little to learn from.
COLD_DAYS = 8
DEMONSTRATED_FROM = datetime(2025, 10, 1, tzinfo=UTC)
SHIPPED_FROM = datetime(2022, 10, 1, tzinfo=UTC)
SHIPPED_REGIONS = ("us-east-1", "us-west-1", "eu-central-1")

DEMONSTRATION = (
    "invented series: the stated averages and ranges, dips at 11-15 UTC (solar) and 18-22 UTC "
    "(wind), weather by chance; they show the mechanism and predict nothing"
)
SHIPPED = "the shipped year 2022 of " + ", ".join(f"{r} ({ZONES[r]})" for r in SHIPPED_REGIONS)
SHIPPED_NOTES = (
    "us-west-1 stands in for us-west-2, whose grid is not shipped",
    "contains information from Electricity Maps, under the ODbL 1.0",
)

Span = tuple[float, float]


class SimulationError(CarbonScalerError):
    """This can't be simulated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The regions of one simulation, and when its jobs are submitted, in Unix seconds."""

    what: str
    notes: tuple[str, ...]
    begins: float
    ends: float
    histories: Mapping[str, History]


def demonstration(mix: ExactMix) -> Grid:
    """The invented series."""
    begins = DEMONSTRATED_FROM.timestamp()
    days = PAST_DAYS + mix.days + TAIL_DAYS
    return Grid(
        what=DEMONSTRATION,
        notes=(),
        begins=begins,
        ends=begins + mix.days * DAY,
        histories=synthetic(SEED_GRIDS, begins=begins - PAST_DAYS * DAY, days=days, seed=mix.seed),
    )


def shipped_grid(mix: ExactMix) -> Grid:
    """October of the shipped year, or as early as so many days need."""
    histories = shipped_histories(SHIPPED_REGIONS)
    period = _period(mix, histories, SHIPPED_FROM.timestamp())
    return _grid(SHIPPED, SHIPPED_NOTES, period, histories)


def given_grid(
    mix: ExactMix, files: tuple[HistoryFile, ...], progress: Callable[[str], None]
) -> Grid:
    """The last days of these files."""
    histories: dict[str, History] = {}
    warnings: list[str] = []
    for file in files:
        if file.region in histories:
            raise SimulationError(f"--from-history: {quoted(file.region)} is there twice; keep one")
        progress(str(file.file))
        read = read_history(file, Basis())
        histories[file.region] = read.history
        warnings += read.warnings
    what = "your files: " + ", ".join(f"{each.region} ({each.file})" for each in files)
    return _grid(what, tuple(warnings), _period(mix, histories, None), histories)


def _period(mix: ExactMix, histories: Mapping[str, History], wanted: float | None) -> Span:
    """Whole UTC days: from the wanted instant, or the last ones that fit."""
    first = max(each.begins for each in histories.values())
    last = min(each.ends for each in histories.values()) - LONGEST
    length = mix.days * DAY
    latest = (last - length) // DAY * DAY
    if latest < first:
        fits = max(0, int((last - -(-first // DAY) * DAY) // DAY))
        raise SimulationError(
            f"--days {mix.days}: the regions have {fits} whole UTC days in common, beside the "
            f"{LONGEST / 3600:g} hours that the last job may wait and run; ask for fewer days, or "
            "give longer histories"
        )
    begins = latest if wanted is None else min(wanted, latest)
    return begins, begins + length


def _grid(
    what: str, notes: tuple[str, ...], period: Span, histories: Mapping[str, History]
) -> Grid:
    begins, ends = period
    past = (begins - max(each.begins for each in histories.values())) / DAY
    if past < COLD_DAYS:
        cold = (
            f"only {past:.1f} days are known before the period: what learns knows little at first"
        )
        notes = (*notes, cold)
    cut = {region: _cut(each, begins) for region, each in histories.items()}
    return Grid(what=what, notes=notes, begins=begins, ends=ends, histories=cut)


def _cut(history: History, begins: float) -> History:
    """Without what is further back than a live server looks."""
    steps = max(0, int((begins - PAST_DAYS * DAY - history.begins) // history.step))
    return replace(
        history,
        begins=history.begins + steps * history.step,
        grams_per_kwh=history.grams_per_kwh[steps:],
        renewable_percent=(
            None if history.renewable_percent is None else history.renewable_percent[steps:]
        ),
    )
