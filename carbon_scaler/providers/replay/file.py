"""A replay file: one year of grid values as CSV, read whole and checked cell by cell."""

import csv
import io
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from pathlib import Path

from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.regions import split_region
from carbon_scaler.domain.trigger import quoted
from carbon_scaler.providers.replay.hours import EPOCH, ReplayYear, year_of_means

MOST_BYTES = 50_000_000
# The column is numeric(10,4): what rounds to a million does not fit.
TOO_LARGE = 999_999.99995
WHOLE_PERCENT = 100.0
SHARE = ".renewable_percent"
FIRST_YEAR, LAST_YEAR = 1970, 2200

_MICROSECOND = timedelta(microseconds=1)
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_INSTANT_FORM = (
    f"an instant with its offset, like 2022-01-01T00:00Z, in the years {FIRST_YEAR} to {LAST_YEAR}"
)
_GRAMS_FORM = (
    "allowed is a number of g/kWh below 1,000,000, like 231.5, or nothing where data are missing"
)
_SHARE_FORM = "allowed is a number from 0 to 100, or nothing where it is not known"
_HEADER_FORM = "the first line is like started_at,us-east-1,us-west-1"


class ReplayFileError(CarbonScalerError):
    """A replay file cannot be used: where, and what is allowed."""

    def __init__(
        self,
        wrong: str,
        *,
        file: str,
        line: int | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> None:
        self.file, self.line, self.column, self.value = file, line, column, value
        place = [f"line {line}"] if line is not None else []
        place += [f"column {quoted(column)}"] if column is not None else []
        parts = [_printable(file), ", ".join(place), quoted(value) if value is not None else ""]
        super().__init__(": ".join([*filter(None, parts), wrong]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    name: str
    region: str
    share: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    file: str
    instant_column: str
    columns: Sequence[_Column]
    lines: "array[int]" = field(default_factory=lambda: array("q"))
    microseconds: "array[int]" = field(default_factory=lambda: array("q"))
    cells: "array[float]" = field(default_factory=lambda: array("d"))


def read_replay_file(path: Path) -> ReplayYear:
    """The year in this file, which is UTF-8 and at most 50 MB."""
    name = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise ReplayFileError(
            f"cannot be read ({cause}); name a CSV file that this user may read", file=name
        ) from error
    if len(raw) > MOST_BYTES:
        raise ReplayFileError("is over 50 MB; one year of hours is enough", file=name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReplayFileError("is not UTF-8 text; save it as CSV in UTF-8", file=name) from error
    return parse_replay(text, name=name)


@lru_cache(maxsize=1)
def shipped_year() -> ReplayYear:
    """2022 of six regions; see year/NOTICE.md."""
    shipped = resources.files("carbon_scaler.providers.replay") / "year" / "2022.csv"
    return parse_replay(shipped.read_text("utf-8"), name="2022.csv (shipped)")


def parse_replay(text: str, *, name: str) -> ReplayYear:
    """The first year in the text, from its earliest instant on.

    Several rows in one hour are averaged over those that have a value; hours without one are gaps.
    Rows of later years are checked like all others, and have no effect.
    """
    if "\0" in text:
        raise ReplayFileError("is not text; save it as CSV in UTF-8", file=name)
    rows = _rows(text, name)
    line, header = next(rows, (1, []))
    if not header:
        raise ReplayFileError(f"is empty; {_HEADER_FORM}", file=name)
    columns = _columns(header, name, line)
    table = _Table(file=name, instant_column=header[0].strip(), columns=columns)
    for line, row in rows:
        _add_row(table, line, row)
    _refuse_empty(table)
    _refuse_duplicates(table)
    return year_of_means(
        name=name,
        microseconds=table.microseconds,
        cells=table.cells,
        columns=[(column.region, column.share) for column in columns],
    )


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if len(row) > 1 or (row and row[0].strip()):
                yield reader.line_num, row
    except csv.Error as error:
        raise ReplayFileError(
            f"is not CSV ({error}); separate cells by commas and close quotes",
            file=name,
            line=reader.line_num,
        ) from error


def _columns(header: Sequence[str], name: str, line: int) -> list[_Column]:
    names = [cell.strip() for cell in header]
    if _instant(names[0]) is not None:
        raise ReplayFileError(
            f"the names of the columns are missing; {_HEADER_FORM}", file=name, line=line
        )
    columns = [_column(written, name, line) for written in names[1:]]
    if not columns:
        raise ReplayFileError(
            f"there is no column of a region; {_HEADER_FORM}", file=name, line=line
        )
    _refuse_unmatched(columns, name, line)
    return columns


def _column(written: str, name: str, line: int) -> _Column:
    _, region = split_region(written.removesuffix(SHARE))
    if not _REGION.fullmatch(region):
        raise ReplayFileError(
            f"a column is named after its region, like us-east-1, or us-east-1{SHARE}",
            file=name,
            line=line,
            column=written,
        )
    return _Column(name=written, region=region, share=written.endswith(SHARE))


def _refuse_unmatched(columns: Sequence[_Column], name: str, line: int) -> None:
    regions = {column.region for column in columns if not column.share}
    seen: set[tuple[str, bool]] = set()
    for column in columns:
        wrong = None
        stem, dot, _ = column.region.rpartition(".")
        if (column.region, column.share) in seen:
            wrong = "is there twice; keep one"
        elif column.share and column.region not in regions:
            wrong = f"has no column {column.region} beside it; add it or remove this one"
        elif dot and stem in regions:
            wrong = f"is no region; did you mean {stem}{SHARE}?"
        if wrong:
            raise ReplayFileError(wrong, file=name, line=line, column=column.name)
        seen.add((column.region, column.share))


def _add_row(table: _Table, line: int, row: Sequence[str]) -> None:
    if len(row) != len(table.columns) + 1:
        raise ReplayFileError(
            f"has {len(row)} cells; the first line has {len(table.columns) + 1}",
            file=table.file,
            line=line,
        )
    microseconds = _instant(row[0])
    if microseconds is None:
        raise ReplayFileError(
            _INSTANT_FORM, file=table.file, line=line, column=table.instant_column, value=row[0]
        )
    table.lines.append(line)
    table.microseconds.append(microseconds)
    for column, text in zip(table.columns, row[1:], strict=True):
        value = _number(text, share=column.share)
        if value is None:
            form = _SHARE_FORM if column.share else _GRAMS_FORM
            raise ReplayFileError(form, file=table.file, line=line, column=column.name, value=text)
        table.cells.append(value)


def _instant(text: str) -> int | None:
    """Microseconds since the Unix epoch; None where the text states no such instant."""
    try:
        written = datetime.fromisoformat(text.strip())
        if written.tzinfo is None:
            return None
        instant = written.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        return None
    return (instant - EPOCH) // _MICROSECOND


def _number(text: str, *, share: bool) -> float | None:
    """The number, NaN for an empty cell, None for what is not allowed."""
    stripped = text.strip()
    if not stripped:
        return float("nan")
    try:
        value = float(stripped)
    except ValueError:
        return None
    # float() also reads 1_000 and the digits of other scripts.
    if "_" in stripped or not stripped.isascii():
        return None
    allowed = 0 <= value <= WHOLE_PERCENT if share else abs(value) < TOO_LARGE
    return value if allowed else None


def _refuse_empty(table: _Table) -> None:
    if not table.lines:
        raise ReplayFileError("has no rows below its first line; add values", file=table.file)


def _refuse_duplicates(table: _Table) -> None:
    seen: dict[int, int] = {}
    for line, instant in zip(table.lines, table.microseconds, strict=True):
        first = seen.setdefault(instant, line)
        if first != line:
            at = (EPOCH + timedelta(microseconds=instant)).isoformat()
            raise ReplayFileError(
                f"the instant is on line {first} already; keep one row for each",
                file=table.file,
                line=line,
                column=table.instant_column,
                value=at,
            )


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in text)
