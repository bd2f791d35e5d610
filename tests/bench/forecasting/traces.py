"""The recorded grids that coefficients are learned from and figures are measured on."""

import csv
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np

from carbon_scaler.forecasting.hours import DAY, Column, HourlyHistory, hour_of
from carbon_scaler.forecasting.weather import WeatherForecast

PROJECT = Path(__file__).parents[3]
DEFAULT = PROJECT.parent / "shared" / "traces"
INTENSITIES = ("ci", "ci_lca", "ci_direct")
WEATHER = ("wx_wind", "wx_temp", "wx_dswrf")
KELVIN = 273.15
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


def weather_forecasts(file: Path) -> list[WeatherForecast]:
    """One a day, of its 24 hours (UTC), known from 23:00 of the day before and never earlier.

    The traces hold one value an hour, the day-ahead forecast of that hour: whoever looks at 06:00
    has it for the rest of that day, and for none of the next.
    """
    (_, wind), (_, kelvin), (_, radiation) = histories(file, WEATHER)
    days = [slice(row, row + DAY) for row in range(0, len(wind.grams), DAY)]
    return [
        WeatherForecast(
            issued=wind.first + day.start - 1,
            first=wind.first + day.start,
            wind_metres_per_second=wind.grams[day],
            temperature_celsius=kelvin.grams[day] - KELVIN,
            radiation_watts_per_square_metre=radiation.grams[day],
        )
        for day in days
    ]


def _column(rows: list[list[str]], index: int) -> Column:
    return np.array([float(row[index]) if row[index] else np.nan for row in rows])
