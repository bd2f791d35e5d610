"""The tables that docs/savings.md shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from carbon_scaler.application.backtest import Placing, Way
from carbon_scaler.simulation.history import History
from tests.bench.savings.grids import Grid
from tests.bench.savings.measured import EU_SHARE, WAYS, Saving
from tests.bench.savings.tables import Table

NOT_SAID = "-"
COLUMNS = (
    *("g/kWh", *(way.value for way in WAYS), "oracle", "forecast, % of oracle"),
    *("with 5 % error", "% of oracle"),
)
NOISY = (
    "With 5 % error: `forecast`, given one forecast of all hours with independent normal errors "
    "whose deviation is 5 % of the zone's mean."
)
# Region: the zones that may stand for it, the best first.
REGIONS = {
    "us-east-1": ("US-MIDA-PJM",),
    "us-west-2": ("US-NW-PACW", "US-NW-PGE", "US-CAL-CISO"),
    "eu-central-1": ("DE",),
}
INSIDE = frozenset({"eu-central-1"})


@dataclass(frozen=True, kw_only=True)
class Regions:
    """Zones of one file under the names of cloud regions."""

    source: str
    zones: Mapping[str, str]
    histories: Sequence[History]
    inside: frozenset[str]


Placed = Mapping[Placing, Mapping[Way, Mapping[str, Any]]]


def zones_table(source: str, savings: Sequence[Saving]) -> Table:
    """Each zone, their mean, and what the bars ask."""
    worst = min(savings, key=lambda each: _share(each, Way.FORECAST))
    notes = [
        f"Share of the oracle's saving, ratio of the means: {_shares_of_means(savings)}.",
        f"Smallest share by forecast: {worst.zone}, {100 * _share(worst, Way.FORECAST):.1f} %.",
        f"Zones in which a strategy is below starting at once: {_below(savings)}.",
        f"Starts past their latest: {sum(each.late for each in savings)}.",
        NOISY,
    ]
    rows = [*map(_row, savings), _mean_row(savings)]
    title = f"{source}: {len(savings)} zones, saved %"
    return Table(title=title, columns=("zone", *COLUMNS), rows=rows, notes=notes)


def years_table(savings: Sequence[Saving]) -> Table:
    """Zone-years of files of their own; the mean is over those that taught nothing."""
    unseen = [each for each in savings if not each.taught]
    rows = [*map(_row, savings)]
    notes = [f"Starts past their latest: {sum(each.late for each in savings)}."]
    if len(unseen) < len(savings):
        notes.append("* The shipped coefficients were learned on this file: no test of `forecast`.")
    if unseen:
        rows.append(_mean_row(unseen))
    return Table(title="Zone-years, saved %", columns=("zone", *COLUMNS), rows=rows, notes=notes)


def three_regions(grids: Sequence[Grid]) -> Regions | None:
    """From the first file that has a zone for each."""
    for source in dict.fromkeys(grid.source for grid in grids):
        here = {grid.zone: grid.history for grid in grids if grid.source == source}
        zones = {
            region: next((name for name in names if name in here), None)
            for region, names in REGIONS.items()
        }
        found = {region: zone for region, zone in zones.items() if zone is not None}
        if len(found) == len(REGIONS):
            histories = [_named(here[zone], region) for region, zone in found.items()]
            return Regions(source=source, zones=found, histories=histories, inside=INSIDE)
    return None


def placed_table(regions: Regions, found: Placed) -> Table:
    """By place and strategy, against every job at once at home."""
    rows = [
        (f"{way.value}, {placing.value}", *_placed_row(outcomes[way]))
        for placing, outcomes in found.items()
        for way in WAYS
        if way in outcomes
    ]
    oracle = next(iter(found.values()))[Way.ORACLE]
    where = ", ".join(f"{region} = {zone}" for region, zone in regions.zones.items())
    every = [outcome for outcomes in found.values() for outcome in outcomes.values()]
    violations = sum(outcome["violations"] for outcome in every)
    late = sum(outcome["late_starts"] for outcome in every)
    return Table(
        title=f"Three regions of {regions.source}, even home, {100 * EU_SHARE:.0f} % EU-only: saved %",
        columns=("strategy, place", "saved %", "% of oracle", "delay mean, min", "EU jobs outside"),
        rows=[*rows, ("oracle, free in time and place", *_placed_row(oracle))],
        notes=[
            f"{where}.{_stand_ins(regions)}",
            f"{oracle['bound_jobs']} of {oracle['jobs']} jobs may only run in eu-*; of them "
            f"{violations} ran elsewhere in {len(every)} runs. Starts past their latest: {late}.",
        ],
    )


def _stand_ins(regions: Regions) -> str:
    """Zones that had to take another's place."""
    return "".join(
        f" {zone} stands in for {REGIONS[region][0]}, which is not among them."
        for region, zone in regions.zones.items()
        if zone != REGIONS[region][0]
    )


def _named(history: History, region: str) -> History:
    return History(
        region=region,
        begins=history.begins,
        step=history.step,
        grams_per_kwh=history.grams_per_kwh,
        basis=history.basis,
    )


def _row(saving: Saving) -> tuple[str, ...]:
    return (
        f"{saving.zone}*" if saving.taught else saving.zone,
        *_figures(saving.mean_grams, saving.percent, saving.possible, saving.with_noisy),
    )


def _mean_row(savings: Sequence[Saving]) -> tuple[str, ...]:
    return (
        f"mean of {len(savings)}",
        *_figures(
            _mean([each.mean_grams for each in savings]),
            {way: _mean([each.percent[way] for each in savings]) for way in WAYS},
            _mean([each.possible for each in savings]),
            _mean([each.with_noisy for each in savings]),
        ),
    )


def _figures(
    grams: float, percent: Mapping[str, float], possible: float, with_noisy: float
) -> tuple[str, ...]:
    return (
        f"{grams:.0f}",
        *(f"{percent[way]:.2f}" for way in WAYS),
        f"{possible:.2f}",
        _of(possible, percent[Way.FORECAST]),
        f"{with_noisy:.2f}",
        _of(possible, with_noisy),
    )


def _of(possible: float, saved: float) -> str:
    return f"{100 * saved / possible:.2f}" if possible > 0 else NOT_SAID


def _placed_row(outcome: Mapping[str, Any]) -> tuple[str, ...]:
    share = outcome["share_of_oracle"]
    return (
        f"{outcome['saving_percent']:.2f}",
        NOT_SAID if share is None else f"{100 * share:.1f}",
        f"{outcome['delay_minutes']['mean']:.0f}",
        str(outcome["violations"]),
    )


def _share(saving: Saving, way: Way) -> float:
    share = saving.share(way)
    return 1.0 if share is None else share


def _shares_of_means(savings: Sequence[Saving]) -> str:
    possible = sum(each.possible for each in savings)
    shares = (
        f"{way.value} {100 * sum(each.percent[way] for each in savings) / possible:.2f} %"
        for way in WAYS
        if possible > 0
    )
    return ", ".join(shares)


def _below(savings: Sequence[Saving]) -> str:
    counts = (f"{way.value} {sum(each.percent[way] < 0 for each in savings)}" for way in WAYS)
    return ", ".join(counts)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
