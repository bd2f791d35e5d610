"""Where what `backtest` replays comes from: files, a database, a query."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import assert_never

import numpy as np

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.config.csv_table import TableError, read_text
from carbon_scaler.config.history_file import (
    DATABASE,
    HistoryFile,
    ReadHistory,
    StoredHistory,
    history_doubts,
    read_history,
)
from carbon_scaler.config.job_columns import JobColumns, JobFrame, OutsideError, ReadJobs
from carbon_scaler.config.jobs_file import read_jobs
from carbon_scaler.config.jobs_json import read_cluster_jobs
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import quoted
from carbon_scaler.forecasting.hours import HourlyHistory, hourly, instant_of
from carbon_scaler.simulation.history import History
from carbon_scaler.storage.hourly_values import PostgresHourlyValues
from carbon_scaler.storage.job_history import job_rows
from carbon_scaler.storage.pool import DatabaseError, DatabaseUrlError
from carbon_scaler.storage.region_figures import PostgresRegionFigures
from carbon_scaler.wiring.databases import opened_database, reachable_database

HOUR = timedelta(hours=1)
STORED_COLUMN = "v_co2e_hourly.gco2_per_kwh"
CLUSTER_ENDING, QUERY_ENDING = ".json", ".sql"
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class StoredHistoryError(CarbonScalerError):
    """What the database holds of a region can't be replayed on."""


def history_of(asked: HistoryFile | StoredHistory, basis: Basis, settings: Settings) -> ReadHistory:
    """A region's past, from its file or from the database."""
    match asked:
        case HistoryFile():
            return read_history(asked, basis)
        case StoredHistory():
            return asyncio.run(_stored_history(asked, basis, settings))
        case _:
            assert_never(asked)


async def _stored_history(asked: StoredHistory, basis: Basis, settings: Settings) -> ReadHistory:
    region, since = asked.region, asked.since or EARLIEST
    until = SystemClock().now().replace(minute=0, second=0, microsecond=0)
    async with opened_database(settings, most_connections=1) as database:
        bases = await PostgresRegionFigures(database.pool, server=database.server).bases()
        _refuse_basis(region, basis, bases)
        values = PostgresHourlyValues(database.pool, server=database.server)
        known = hourly(*await values.read(region, since=since, until=until))
    _refuse_gaps(asked, known)
    history = History(
        region=region,
        begins=float(known.first * HOUR.total_seconds()),
        step=HOUR.total_seconds(),
        grams_per_kwh=known.grams,
        basis=basis,
    )
    doubts = history_doubts(history)
    warnings = (f"{DATABASE}: {region}: {doubts}",) if doubts else ()
    return ReadHistory(history=history, column=STORED_COLUMN, warnings=warnings)


def _refuse_basis(region: str, basis: Basis, bases: Mapping[str, Basis]) -> None:
    stored = bases.get(region)
    if stored is None:
        raise StoredHistoryError(
            f"--intensity: the database knows no region {quoted(region)}; "
            f"{allowed_names(region, bases)}"
        )
    if stored != basis:
        raise StoredHistoryError(
            f"--intensity: the database holds {stored} values of {region}, asked for are {basis}; "
            f"add --signal {stored.signal} --factors {stored.factors}"
        )


def _refuse_gaps(asked: StoredHistory, known: HourlyHistory) -> None:
    """What a job emitted in a gap is not known, so that nothing is filled in."""
    if len(known.grams) < 2:  # noqa: PLR2004
        raise StoredHistoryError(
            f"--intensity: {len(known.grams)} hours of {asked.region} are stored"
            f"{_since(asked)}; carbon-scaler ingest fills it"
        )
    missing = np.flatnonzero(np.isnan(known.grams))
    if not len(missing):
        return
    first, last = int(missing[0]), int(missing[-1])
    known_again = first + int(np.argmin(np.isnan(known.grams[first:])))
    later = _shown(known.first + last + 1)
    raise StoredHistoryError(
        f"--intensity: of {asked.region} nothing is stored from {_shown(known.first + first)} to "
        f"{_shown(known.first + known_again)} ({len(missing)} hours are missing in all), and what "
        f"a job emitted then is not known; begin later, like "
        f"--intensity {asked.region}={DATABASE}:{later}"
    )


def _since(asked: StoredHistory) -> str:
    return "" if asked.since is None else f" since {asked.since:%Y-%m-%dT%H:%MZ}"


def _shown(hour: int) -> str:
    return f"{instant_of(hour):%Y-%m-%dT%H:%MZ}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsAsked:
    """Which jobs: a file of theirs, or one with the query that yields them.

    The query asks the server whose URL `variable` holds; None: that of a looking command.
    """

    file: Path
    variable: str | None = None
    url: str | None = None


def jobs_of(asked: JobsAsked, frame: JobFrame, settings: Settings) -> ReadJobs:
    """By the file's ending: Kubernetes' JSON, a query, else CSV."""
    ending = asked.file.suffix.lower()
    if ending == CLUSTER_ENDING:
        return read_cluster_jobs(asked.file, frame)
    if ending != QUERY_ENDING:
        return ReadJobs(jobs=read_jobs(asked.file, frame))
    with _blamed_on_variable(asked.variable):
        url = asked.url or reachable_database(settings)
        return asyncio.run(_queried(asked.file, url, frame))


@contextmanager
def _blamed_on_variable(variable: str | None) -> Iterator[None]:
    """Errors of the database name the variable that its URL was taken from."""
    try:
        yield
    except (DatabaseError, DatabaseUrlError) as error:
        if variable is None:
            raise
        raise type(error)(str(error).replace("DATABASE_URL", variable)) from error


async def _queried(file: Path, url: str, frame: JobFrame) -> ReadJobs:
    read = JobColumns(frame=frame, place=lambda row: f"in row {row}")
    async with aclosing(job_rows(url, read_text(file), file=str(file))) as rows:
        async for cells in rows:
            row = len(read) + 1
            try:
                read.add(row, cells, partial(_refused, file, row, cells))
            except OutsideError as outside:
                raise outside.refusal from None
    if not len(read):
        raise TableError("the query yields no jobs; widen it", file=file)
    return ReadJobs(jobs=read.jobs())


def _refused(file: Path, row: int, cells: Mapping[str, str], *said: str) -> TableError:
    column, wrong = said
    return TableError(
        wrong, file=file, path=f"row {row}", column=column, value=cells.get(column, "")
    )
