"""Jobs as CSV: what ran, how long, and how much later it might have started."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from carbon_scaler.config.csv_table import (
    TableError,
    header_of,
    refuse_long,
    refuse_ragged,
    table_rows,
)
from carbon_scaler.config.job_columns import (
    COLUMNS,
    NEEDED,
    JobColumns,
    JobFrame,
    OutsideError,
)
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.simulation.jobs import Jobs

HEADER_FORM = ",".join(COLUMNS)


def read_jobs(file: Path, frame: JobFrame) -> Jobs:
    """In whatever order; what can't be replayed on these histories is refused."""
    refuse_long(file, frame.most, frame.too_many())
    rows = table_rows(file)
    names = header_of(rows, file, HEADER_FORM)
    _refuse_columns(names, file)
    read = JobColumns(frame=frame, place=lambda line: f"on line {line}")
    for line, cells in rows:
        refuse_ragged(cells, names, file, line)
        stripped = (cell.strip() for cell in cells)
        job = dict(zip(names, stripped, strict=True))
        try:
            read.add(line, job, partial(_refused, file, line, job))
        except OutsideError as outside:
            raise outside.refusal from None
    if not len(read):
        raise TableError("has no jobs below its first line; add some", file=file)
    return read.jobs()


def _refused(file: Path, line: int, job: Mapping[str, str], *said: str) -> TableError:
    column, wrong = said
    return TableError(wrong, file=file, line=line, column=column, value=job.get(column, ""))


def _refuse_columns(names: Sequence[str], file: Path) -> None:
    for name in names:
        if name not in COLUMNS:
            wrong = f"there is no such column; {allowed_names(name, COLUMNS)}"
            raise TableError(wrong, file=file, line=1, column=name)
    for name in NEEDED:
        if name not in names:
            wrong = f"is missing; the first line is like {HEADER_FORM}"
            raise TableError(wrong, file=file, line=1, column=name)
