"""A grid's past as CSV: the first column an instant, the others numbers."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from carbon_scaler.config.csv_table import (
    INSTANT_FORM,
    TableError,
    header_of,
    instant,
    number,
    refuse_ragged,
    table_rows,
)
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.regions import split_region
from carbon_scaler.domain.snapshot import HOUR_SECONDS
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import quoted
from carbon_scaler.simulation.history import History

MOST_ROWS = 2_000_000
MOST_GRAMS = 10_000.0
# No grid's cleanest interval is so far from its dirtiest one.
MIXED_UNITS_FACTOR = 500.0
FORM = (
    "REGION=FILE[:COLUMN[:RENEWABLE_COLUMN]], like eu-west-1=ireland.csv:grams, or "
    "REGION=database[:SINCE], like eu-west-1=database:2026-03-01T00:00Z"
)
# A file of this name is ./database.
DATABASE = "database"
HEADER_FORM = "started_at,grams_per_kwh"
GRAMS_FORM = (
    f"allowed is a number of g/kWh from 0 to {MOST_GRAMS:g} in every row; "
    "fill in what is missing, or cut the file before it"
)
SHARE_FORM = "allowed is a number from 0 to 100, or nothing where it is not known"


class HistoryArgumentError(CarbonScalerError):
    """What names a history file is not understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFile:
    """Which columns of which file are a region's past; None: the usual one."""

    region: str
    file: Path
    column: str | None = None
    renewable_column: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHistory:
    """What the database holds of a region, from an instant on; None: from its first value on."""

    region: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadHistory:
    """The past of one region, from which column, and what its owner should know."""

    history: History
    column: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    file: Path
    names: Sequence[str]
    lines: "array[int]" = field(default_factory=lambda: array("q"))
    instants: "array[float]" = field(default_factory=lambda: array("d"))
    grams: "array[float]" = field(default_factory=lambda: array("d"))
    shares: "array[float]" = field(default_factory=lambda: array("d"))

    def refused_at(self, index: int, wrong: str) -> TableError:
        """For the instant of a row."""
        at = datetime.fromtimestamp(self.instants[index], UTC).isoformat(timespec="minutes")
        return TableError(
            wrong, file=self.file, line=self.lines[index], column=self.names[0], value=at
        )


def parse_history_argument(text: str) -> HistoryFile | StoredHistory:
    """`REGION=FILE:COLUMN:RENEWABLE_COLUMN` or `REGION=database:SINCE` taken apart."""
    written, _, rest = text.partition("=")
    file, *columns = rest.split(":")
    _, region = split_region(written.strip())
    if region and file == DATABASE:
        return StoredHistory(region=region, since=_since(rest.partition(":")[2], text))
    if not (region and file and all(columns)) or len(columns) > 2:  # noqa: PLR2004
        raise HistoryArgumentError(f"--intensity: {quoted(text)} is not allowed; write {FORM}")
    column, renewable = [*columns, None, None][:2]
    return HistoryFile(region=region, file=Path(file), column=column, renewable_column=renewable)


def _since(since: str, text: str) -> datetime | None:
    if not since:
        return None
    seconds = instant(since)
    if seconds is None:
        raise HistoryArgumentError(
            f"--intensity: {quoted(text)} is not allowed; SINCE is {INSTANT_FORM}"
        )
    return datetime.fromtimestamp(seconds, UTC)


def read_history(asked: HistoryFile, basis: Basis) -> ReadHistory:
    """Intervals of one length without a gap; anything else is refused."""
    file = asked.file
    rows = table_rows(file)
    names = header_of(rows, file, HEADER_FORM)
    column = _column(asked, names)
    places = [names.index(column)]
    if asked.renewable_column is not None:
        places.append(_place(asked.renewable_column, names, file))
    read = _Rows(file=file, names=names)
    for line, cells in rows:
        refuse_ragged(cells, names, file, line)
        _add(read, line, cells, places)
        if len(read.lines) > MOST_ROWS:
            raise TableError(f"has over {MOST_ROWS} rows; cut it in parts", file=file, line=line)
    step = _step(read)
    history = History(
        region=asked.region,
        begins=read.instants[0],
        step=step,
        grams_per_kwh=np.array(read.grams),
        renewable_percent=np.array(read.shares) if len(places) > 1 else None,
        basis=basis,
    )
    return ReadHistory(history=history, column=column, warnings=_warnings(history, file, column))


def _column(asked: HistoryFile, names: Sequence[str]) -> str:
    """The one that is named, else the region's, else the first after the instant."""
    if asked.column is not None:
        return names[_place(asked.column, names, asked.file)]
    if len(names) == 1:
        raise TableError(
            f"there is no column of intensities; the first line is like {HEADER_FORM}",
            file=asked.file,
            line=1,
        )
    return asked.region if asked.region in names[1:] else names[1]


def _place(column: str, names: Sequence[str], file: Path) -> int:
    if column not in names[1:]:
        raise TableError(
            f"there is no such column; {allowed_names(column, names[1:])}",
            file=file,
            line=1,
            column=column,
        )
    return names.index(column)


def _add(read: _Rows, line: int, cells: Sequence[str], places: Sequence[int]) -> None:
    file, names = read.file, read.names
    begins = instant(cells[0])
    if begins is None:
        raise TableError(INSTANT_FORM, file=file, line=line, column=names[0], value=cells[0])
    grams = number(cells[places[0]], 0, MOST_GRAMS)
    if grams is None:
        column, value = names[places[0]], cells[places[0]]
        raise TableError(GRAMS_FORM, file=file, line=line, column=column, value=value)
    read.lines.append(line)
    read.instants.append(begins)
    read.grams.append(grams)
    for place in places[1:]:
        text = cells[place].strip()
        share = number(text, 0, 100) if text else float("nan")
        if share is None:
            raise TableError(SHARE_FORM, file=file, line=line, column=names[place], value=text)
        read.shares.append(share)


def _step(read: _Rows) -> float:
    """How long each interval lasts, in seconds: the distance of all neighbours."""
    if len(read.instants) < 2:  # noqa: PLR2004
        raise TableError(
            f"has {len(read.instants)} rows; two are needed to tell how long one lasts",
            file=read.file,
        )
    apart = np.diff(np.array(read.instants))
    backwards = np.flatnonzero(apart <= 0)
    if len(backwards):
        index = int(backwards[0])
        wrong = "is there twice" if apart[index] == 0 else "is before that of the row above"
        raise read.refused_at(index + 1, f"{wrong}; rows ascend, one for each instant")
    step = float(apart.min())
    uneven = np.flatnonzero(apart != step)
    if len(uneven):
        raise read.refused_at(int(uneven[0]) + 1, _uneven(apart, int(uneven[0]), step))
    if step > HOUR_SECONDS:
        raise read.refused_at(1, f"rows are {_text(step)} apart; an hour is the most")
    return step


def _uneven(apart: "np.ndarray[tuple[int], np.dtype[np.float64]]", index: int, step: float) -> str:
    missing = int(np.round((apart - step).sum() / step))
    return (
        f"comes {_text(float(apart[index]))} after the row above, where others are {_text(step)} "
        f"apart: a gap, or mixed steps (about {missing} rows are missing in all); fill it, or cut "
        "the file there"
    )


def _text(seconds: float) -> str:
    return format_duration(timedelta(seconds=seconds))


def _warnings(history: History, file: Path, column: str) -> tuple[str, ...]:
    told = history_doubts(history)
    return (f"{file}: column {quoted(column)}: {told}",) if told else ()


def history_doubts(history: History) -> str | None:
    """What its owner should know before he trusts figures made of these values."""
    least, most = history.grams_per_kwh.min(), history.grams_per_kwh.max()
    if least == most:
        return f"every value is {least:g} g/kWh: no start is better than another one"
    above_nothing = history.grams_per_kwh[history.grams_per_kwh > 0]
    if most < MIXED_UNITS_FACTOR * above_nothing.min():
        return None
    return f"values from {above_nothing.min():g} to {most:g} g/kWh; are units mixed in it?"
