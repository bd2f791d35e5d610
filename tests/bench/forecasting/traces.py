"""The recorded grids that coefficients are learned from and figures are measured on."""

import csv
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np

from carbon_scaler.forecasting.hours import Column, HourlyHistory, hour_of

PROJECT = Path(__file__).parents[3]
DEFAULT = PROJECT.parent / "shared" / "traces"
INTENSITIES = ("ci", "ci_lca", "ci_direct")
WIDE = "em_lca_2022_41zones.csv"


def traces_directory() -> Path:
    """Where the traces are: TRACES, or beside the project; without them there is no figure."""
    directory = Path(os.environ.get("TRACES") or DEFAULT)
    if not any(directory.glob("*.csv")):
        sys.exit(f"no traces in {directory}: set TRACES to a directory of hourly CSV files")
    return directory


def histories(
    file: Path, columns: tuple[str, ...] | None = None
) -> Iterator[tuple[str, HourlyHistory]]:
    """Each wanted column of a trace; by default all of a wide file, else the first intensity."""
    with file.open(newline="") as lines:
        header, *rows = csv.reader(lines)
    first = hour_of(datetime.fromisoformat(rows[0][0].replace("Z", "+00:00")))
    if columns is None:
        known = [name for name in INTENSITIES if name in header]
        columns = tuple(known[:1] or header[1:])
    for name in columns:
        yield name, HourlyHistory(first=first, grams=_column(rows, header.index(name)))


def _column(rows: list[list[str]], index: int) -> Column:
    return np.array([float(row[index]) if row[index] else np.nan for row in rows])
