"""The recorded grids that savings are measured on: the traces in TRACES, or what is shipped."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.snapshot import HOUR_SECONDS
from carbon_scaler.forecasting.hours import Column, HourlyHistory, instant_of
from carbon_scaler.simulation.history import History
from carbon_scaler.wiring.shipped_year import ZONES, shipped_histories
from tests.bench.forecasting.traces import INTENSITIES, histories

SHIPPED = "shipped year 2022"
# Our forecaster's shipped coefficients were learned on these years.
TAUGHT_UNTIL = "2022"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """One zone's hours in one file; `taught` if the shipped coefficients were learned on it."""

    source: str
    zone: str
    history: History
    taught: bool = False


def traces() -> Path | None:
    """The directory that TRACES names; None without it."""
    named = os.environ.get("TRACES")
    if not named:
        return None
    directory = Path(named)
    if not any(directory.glob("*.csv")):
        sys.exit(f"TRACES: no CSV file in {directory}; name a directory of hourly CSV files")
    return directory


def zone_files(directory: Path | None) -> dict[str, list[Grid]]:
    """All grids by file, those of files with many zones first."""
    if directory is None:
        return {SHIPPED: shipped()}
    found = {file.stem: _grids(file) for file in sorted(directory.glob("*.csv"))}
    return dict(sorted(found.items(), key=lambda each: -len(each[1])))


def shipped() -> list[Grid]:
    """The regions of the shipped year under the names of their zones."""
    return [
        Grid(source=SHIPPED, zone=ZONES[region], history=history)
        for region, history in shipped_histories(ZONES).items()
    ]


def _grids(file: Path) -> list[Grid]:
    return [
        _grid(file, file.stem if name in INTENSITIES else name, hours)
        for name, hours in histories(file)
    ]


def _grid(file: Path, zone: str, hours: HourlyHistory) -> Grid:
    begins = instant_of(hours.first)
    history = History(
        region=zone,
        begins=begins.timestamp(),
        step=HOUR_SECONDS,
        grams_per_kwh=_until_missing(file, zone, hours.grams),
        basis=Basis(),
    )
    return Grid(
        source=file.stem, zone=zone, history=history, taught=str(begins.year) < TAUGHT_UNTIL
    )


def _until_missing(file: Path, zone: str, grams: Column) -> Column:
    """What a job emitted in a gap is not known, so a zone ends at its first one."""
    missing = np.flatnonzero(np.isnan(grams))
    if not len(missing):
        return grams
    if missing[0] < len(grams) - 1:
        print(f"{file.name}: {zone}: used up to row {missing[0] + 1}, then a gap", file=sys.stderr)
    return grams[: missing[0]]
