"""Jobs as CSV: what ran, how long, and how much later it might have started."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
from carbon_scaler.domain.policy import DEFAULT_CLASS
from carbon_scaler.domain.regions import split_region
from carbon_scaler.domain.snapshot import Column
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.jobs import Jobs

MOST_JOBS = 2_000_000
COLUMNS = (
    "id",
    "submitted_at",
    "duration_minutes",
    "energy_kwh",
    "workload_class",
    "max_delay_minutes",
    "regions",
)
HEADER_FORM = ",".join(COLUMNS)
SHORTEST_MINUTES, LONGEST_MINUTES = 1 / 60, 366 * 1440.0
MOST_KWH = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTerms:
    """What a class states for the cells that are left empty; seconds and kWh."""

    slack: float
    duration: float
    energy_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What has been read so far, and what cells are checked against."""

    file: Path
    names: Sequence[str]
    terms: Mapping[str, ClassTerms]
    histories: Mapping[str, History]
    ids: dict[str, int] = field(default_factory=dict)  # to their lines
    submitted: "array[float]" = field(default_factory=lambda: array("d"))
    duration: "array[float]" = field(default_factory=lambda: array("d"))
    energy_kwh: "array[float]" = field(default_factory=lambda: array("d"))
    slack: "array[float]" = field(default_factory=lambda: array("d"))
    class_of: "array[int]" = field(default_factory=lambda: array("q"))
    choice_of: "array[int]" = field(default_factory=lambda: array("q"))
    classes: dict[str, int] = field(default_factory=dict)
    # By the cell's text, which is the same for many jobs.
    places: dict[str, int] = field(default_factory=dict)
    choices: dict[tuple[str, ...], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line's cells by column."""

    reading: _Reading
    line: int
    cells: Mapping[str, str]

    def refused(self, column: str, wrong: str) -> TableError:
        return TableError(
            wrong,
            file=self.reading.file,
            line=self.line,
            column=column,
            value=self.cells.get(column, ""),
        )

    def bounded(self, column: str, least: float, most: float, stated: float) -> float:
        """A number, or what the class states where there is none."""
        text = self.cells.get(column, "")
        if not text:
            return stated
        value = number(text, least, most)
        if value is None:
            raise self.refused(
                column, f"allowed is a number from {least:.3g} to {most:g}, or nothing"
            )
        return value


def read_jobs(
    file: Path, terms: Mapping[str, ClassTerms], histories: Mapping[str, History]
) -> Jobs:
    """In whatever order; what can't be replayed on these histories is refused."""
    rows = table_rows(file)
    names = header_of(rows, file, HEADER_FORM)
    _refuse_columns(names, file)
    reading = _Reading(file=file, names=names, terms=terms, histories=histories)
    for line, cells in rows:
        refuse_ragged(cells, names, file, line)
        stripped = (cell.strip() for cell in cells)
        _add(_Row(reading=reading, line=line, cells=dict(zip(names, stripped, strict=True))))
    if not reading.ids:
        raise TableError("has no jobs below its first line; add some", file=file)
    return Jobs(
        ids=tuple(reading.ids),
        submitted=_column(reading.submitted),
        duration=_column(reading.duration),
        energy_kwh=_column(reading.energy_kwh),
        slack=_column(reading.slack),
        classes=tuple(reading.classes),
        class_of=np.array(reading.class_of, dtype=np.intp),
        choices=tuple(reading.choices),
        choice_of=np.array(reading.choice_of, dtype=np.intp),
    )


def _refuse_columns(names: Sequence[str], file: Path) -> None:
    for name in names:
        if name not in COLUMNS:
            wrong = f"there is no such column; {allowed_names(name, COLUMNS)}"
            raise TableError(wrong, file=file, line=1, column=name)
    for name in ("id", "submitted_at"):
        if name not in names:
            wrong = f"is missing; the first line is like {HEADER_FORM}"
            raise TableError(wrong, file=file, line=1, column=name)


def _add(row: _Row) -> None:
    reading = row.reading
    _add_id(row)
    workload_class, terms = _class(row)
    submitted = instant(row.cells["submitted_at"])
    if submitted is None:
        raise row.refused("submitted_at", INSTANT_FORM)
    minutes = row.bounded(
        "duration_minutes", SHORTEST_MINUTES, LONGEST_MINUTES, terms.duration / 60
    )
    slack = 60 * row.bounded("max_delay_minutes", 0, LONGEST_MINUTES, terms.slack / 60)
    regions = _regions(row)
    _refuse_outside(row, regions, submitted, submitted + slack + 60 * minutes)
    reading.submitted.append(submitted)
    reading.duration.append(60 * minutes)
    reading.energy_kwh.append(row.bounded("energy_kwh", 0, MOST_KWH, terms.energy_kwh))
    reading.slack.append(slack)
    reading.class_of.append(reading.classes.setdefault(workload_class, len(reading.classes)))
    reading.choice_of.append(reading.choices.setdefault(regions, len(reading.choices)))


def _add_id(row: _Row) -> None:
    reading, job = row.reading, row.cells["id"]
    if not job:
        raise row.refused("id", "is missing; every job has one")
    first = reading.ids.setdefault(job, row.line)
    if first != row.line:
        raise row.refused("id", f"is on line {first} already; every job has its own")
    if len(reading.ids) > MOST_JOBS:
        raise row.refused("id", f"there are over {MOST_JOBS} jobs; replay them in parts")


def _class(row: _Row) -> tuple[str, ClassTerms]:
    name = row.cells.get("workload_class") or DEFAULT_CLASS
    terms = row.reading.terms.get(name)
    if terms is None:
        raise row.refused("workload_class", allowed_names(name, row.reading.terms))
    return name, terms


def _regions(row: _Row) -> tuple[str, ...]:
    histories = row.reading.histories
    text = row.cells.get("regions", "")
    if not text and len(histories) == 1:
        return tuple(histories)
    names = [split_region(part.strip())[1] for part in text.split("|")]
    for name in names:
        if name not in histories:
            with_history = allowed_names(name or None, histories)
            raise row.refused("regions", f"name regions whose intensity is given: {with_history}")
    return tuple(dict.fromkeys(names))


def _refuse_outside(row: _Row, regions: Sequence[str], begins: float, ends: float) -> None:
    for region in regions:
        history = row.reading.histories[region]
        if begins < history.begins:
            raise row.refused(
                "submitted_at",
                f"the intensity of {region} begins later, at {_shown(history.begins)}; "
                "leave the job out",
            )
        if ends > history.ends:
            raise row.refused(
                "submitted_at",
                f"started at its latest it would run until {_shown(ends)}, and the intensity of "
                f"{region} ends at {_shown(history.ends)}; leave the job out",
            )


def _shown(instant_seconds: float) -> str:
    shown = datetime.fromtimestamp(min(instant_seconds, 2**33), UTC)
    return shown.isoformat(timespec="seconds").replace("+00:00", "Z")


def _column(values: "array[float]") -> Column:
    return np.array(values, dtype=np.float64)
