"""Jobs of whatever origin: each checked, then a column per attribute."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from carbon_scaler.config.csv_table import INSTANT_FORM, instant, number
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.policy import DEFAULT_CLASS
from carbon_scaler.domain.regions import split_region
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
NEEDED = ("id", "submitted_at")
SHORTEST_MINUTES, LONGEST_MINUTES = 1 / 60, 366 * 1440.0
MOST_KWH = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTerms:
    """What a class states for the cells that are left empty; seconds and kWh."""

    slack: float
    duration: float
    energy_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobFrame:
    """What jobs have to fit in: the classes there are, and the grids' past."""

    terms: Mapping[str, ClassTerms]
    histories: Mapping[str, History]
    # Of the jobs that name no class.
    usual_class: str = DEFAULT_CLASS
    most: int = MOST_JOBS

    def too_many(self) -> str:
        """What is said of more jobs than are replayed at once."""
        return f"there are over {self.most} jobs; replay them in parts"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadJobs:
    """The jobs that can be replayed, and what was left out."""

    jobs: Jobs
    warnings: tuple[str, ...] = ()


# Names the place of a column of the job at hand, and what is wrong there.
Refuse = Callable[[str, str], CarbonScalerError]


class OutsideError(CarbonScalerError):
    """A job would run where the intensity is not known; `refusal` says where."""

    def __init__(self, refusal: CarbonScalerError) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class JobColumns:
    """What has been read so far."""

    frame: JobFrame
    # Where the row of a number is, like `on line 3`.
    place: Callable[[int], str]
    _ids: dict[str, int] = field(default_factory=dict)  # to their rows
    _submitted: "array[float]" = field(default_factory=lambda: array("d"))
    _duration: "array[float]" = field(default_factory=lambda: array("d"))
    _energy_kwh: "array[float]" = field(default_factory=lambda: array("d"))
    _slack: "array[float]" = field(default_factory=lambda: array("d"))
    _class_of: "array[int]" = field(default_factory=lambda: array("q"))
    _choice_of: "array[int]" = field(default_factory=lambda: array("q"))
    _classes: dict[str, int] = field(default_factory=dict)
    _choices: dict[tuple[str, ...], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, row: int, cells: Mapping[str, str], refuse: Refuse) -> None:
        """One job; what can't be replayed is refused, and outside the histories by its own error."""
        job = _Row(frame=self.frame, cells=cells, refused=refuse)
        self._refuse_id(job)
        workload_class, terms = job.workload_class()
        submitted = job.submitted()
        duration = 60 * job.bounded(
            "duration_minutes", SHORTEST_MINUTES, LONGEST_MINUTES, terms.duration / 60
        )
        slack = 60 * job.bounded("max_delay_minutes", 0, LONGEST_MINUTES, terms.slack / 60)
        energy_kwh = job.bounded("energy_kwh", 0, MOST_KWH, terms.energy_kwh)
        regions = job.regions()
        job.refuse_outside(regions, submitted, submitted + slack + duration)
        self._ids[cells["id"]] = row
        self._submitted.append(submitted)
        self._duration.append(duration)
        self._energy_kwh.append(energy_kwh)
        self._slack.append(slack)
        self._class_of.append(self._classes.setdefault(workload_class, len(self._classes)))
        self._choice_of.append(self._choices.setdefault(regions, len(self._choices)))

    def jobs(self) -> Jobs:
        """All of them, in the order in which they came."""
        return Jobs(
            ids=tuple(self._ids),
            submitted=_column(self._submitted),
            duration=_column(self._duration),
            energy_kwh=_column(self._energy_kwh),
            slack=_column(self._slack),
            classes=tuple(self._classes),
            class_of=np.array(self._class_of, dtype=np.intp),
            choices=tuple(self._choices),
            choice_of=np.array(self._choice_of, dtype=np.intp),
        )

    def _refuse_id(self, job: "_Row") -> None:
        name = job.cells["id"]
        if not name:
            raise job.refused("id", "is missing; every job has one")
        first = self._ids.get(name)
        if first is not None:
            raise job.refused("id", f"is {self.place(first)} already; every job has its own")
        if len(self._ids) == self.frame.most:
            raise job.refused("id", self.frame.too_many())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One job's cells by column."""

    frame: JobFrame
    cells: Mapping[str, str]
    refused: Refuse

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

    def submitted(self) -> float:
        """In Unix seconds."""
        submitted = instant(self.cells["submitted_at"])
        if submitted is None:
            raise self.refused("submitted_at", INSTANT_FORM)
        return submitted

    def workload_class(self) -> tuple[str, ClassTerms]:
        """Its name, and what it states."""
        name = self.cells.get("workload_class") or self.frame.usual_class
        terms = self.frame.terms.get(name)
        if terms is None:
            raise self.refused("workload_class", allowed_names(name, self.frame.terms))
        return name, terms

    def regions(self) -> tuple[str, ...]:
        """Where it may run, its home first."""
        histories = self.frame.histories
        text = self.cells.get("regions", "")
        if not text and len(histories) == 1:
            return tuple(histories)
        names = [split_region(part.strip())[1] for part in text.split("|")]
        for name in names:
            if name not in histories:
                known = allowed_names(name or None, histories)
                raise self.refused("regions", f"name regions whose intensity is given: {known}")
        return tuple(dict.fromkeys(names))

    def refuse_outside(self, regions: Sequence[str], begins: float, ends: float) -> None:
        """A run must lie in the past that is known, whenever it starts."""
        for region in regions:
            history = self.frame.histories[region]
            if begins < history.begins:
                wrong = f"the intensity of {region} begins later, at {_shown(history.begins)}"
            elif ends > history.ends:
                wrong = (
                    f"started at its latest it would run until {_shown(ends)}, and the intensity "
                    f"of {region} ends at {_shown(history.ends)}"
                )
            else:
                continue
            raise OutsideError(self.refused("submitted_at", f"{wrong}; leave the job out"))


def _shown(instant_seconds: float) -> str:
    shown = datetime.fromtimestamp(min(instant_seconds, 2**33), UTC)
    return shown.isoformat(timespec="seconds").replace("+00:00", "Z")


def _column(values: "array[float]") -> Column:
    return np.array(values, dtype=np.float64)
