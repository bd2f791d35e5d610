"""A forecast as CSV: what was expected of each hour, and when that was said."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
from carbon_scaler.domain.snapshot import HOUR_SECONDS
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.simulation.issues import Issues

MOST_ROWS = 5_000_000
MOST_GRAMS = 10_000.0
ISSUED, TARGET, VALUE = "issued_at", "target_at", "value"
COLUMNS = (ISSUED, TARGET, VALUE)
HEADER_FORM = f"{','.join(COLUMNS)}, or without {ISSUED}"
VALUE_FORM = f"allowed is a number of g/kWh from 0 to {MOST_GRAMS:g} in every row"
HOUR_FORM = f"{INSTANT_FORM}, and a whole hour of UTC: a forecast has a value for each hour"
FROM_THE_BEGINNING = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What has been read so far; an issue is known by the row that it begins with."""

    file: Path
    names: Sequence[str]
    targets: "array[float]" = field(default_factory=lambda: array("d"))
    grams: "array[float]" = field(default_factory=lambda: array("d"))
    issued: "array[float]" = field(default_factory=lambda: array("d"))
    firsts: "array[int]" = field(default_factory=lambda: array("q"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    file: Path
    names: Sequence[str]
    line: int
    cells: Sequence[str]

    def text(self, column: str) -> str:
        return self.cells[self.names.index(column)]

    def refused(self, column: str, wrong: str) -> TableError:
        return TableError(
            wrong, file=self.file, line=self.line, column=column, value=self.text(column)
        )


def read_forecast(file: Path) -> Issues:
    """Rows in the order of `issued_at` and then `target_at`, one for each hour of an issue."""
    rows = table_rows(file)
    names = header_of(rows, file, HEADER_FORM)
    _refuse_columns(names, file)
    read = _Rows(file=file, names=names)
    for row in _checked(rows, read):
        _add(read, row)
    if not read.firsts:
        raise TableError("has no values below its first line; add some", file=file)
    firsts = np.array(read.firsts, dtype=np.intp)
    return Issues(
        issued=np.array(read.issued),
        starts=np.array(read.targets)[firsts],
        grams=tuple(np.split(np.array(read.grams), firsts[1:])),
    )


def _refuse_columns(names: Sequence[str], file: Path) -> None:
    for name in names:
        if name not in COLUMNS:
            wrong = f"there is no such column; {allowed_names(name, COLUMNS)}"
            raise TableError(wrong, file=file, line=1, column=name)
    for name in (TARGET, VALUE):
        if name not in names:
            wrong = f"is missing; the first line is like {HEADER_FORM}"
            raise TableError(wrong, file=file, line=1, column=name)


def _checked(rows: Iterator[tuple[int, list[str]]], read: _Rows) -> Iterator[_Row]:
    for line, cells in rows:
        refuse_ragged(cells, read.names, read.file, line)
        if len(read.grams) == MOST_ROWS:
            wrong = f"has over {MOST_ROWS} rows; cut it in parts"
            raise TableError(wrong, file=read.file, line=line)
        yield _Row(file=read.file, names=read.names, line=line, cells=cells)


def _add(read: _Rows, row: _Row) -> None:
    issued, target = _issued(row), instant(row.text(TARGET))
    if target is None or target % HOUR_SECONDS:
        raise row.refused(TARGET, HOUR_FORM)
    grams = number(row.text(VALUE), 0, MOST_GRAMS)
    if grams is None:
        raise row.refused(VALUE, VALUE_FORM)
    if not read.issued or issued > read.issued[-1]:
        read.issued.append(issued)
        read.firsts.append(len(read.targets))
    elif issued < read.issued[-1]:
        raise row.refused(ISSUED, "is before that of the row above; issues ascend")
    else:
        _refuse_gap(row, target - read.targets[-1])
    read.targets.append(target)
    read.grams.append(grams)


def _issued(row: _Row) -> float:
    if ISSUED not in row.names:
        return FROM_THE_BEGINNING
    issued = instant(row.text(ISSUED))
    if issued is None:
        raise row.refused(ISSUED, INSTANT_FORM)
    return issued


def _refuse_gap(row: _Row, apart: float) -> None:
    """Hours of one issue follow one another."""
    if apart == HOUR_SECONDS:
        return
    if apart == 0:
        raise row.refused(TARGET, "is there twice in one issue; keep one row for each hour")
    if apart < 0:
        raise row.refused(TARGET, "is before that of the row above; the hours of an issue ascend")
    missing = round(apart / HOUR_SECONDS) - 1
    raise row.refused(
        TARGET,
        f"comes {missing + 1} hours after the row above; {missing} missing: one row for each hour",
    )
