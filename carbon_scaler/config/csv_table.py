"""CSV files as users keep them: each refusal names file, line and column."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TextIO

from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.trigger import quoted

# A file without line ends would otherwise be held in memory as a whole.
LONGEST_LINE = 1_000_000
OTHER_SEPARATORS = (";", "\t")
FIRST_YEAR, LAST_YEAR = 1970, 2200
INSTANT_FORM = (
    f"an instant with its offset, like 2022-01-01T00:00Z, in the years {FIRST_YEAR} to {LAST_YEAR}"
)

Row = tuple[int, list[str]]  # line, cells


class TableError(CarbonScalerError):
    """A file of rows can't be used: where, and what would be right."""

    def __init__(
        self,
        wrong: str,
        *,
        file: Path,
        line: int | None = None,
        column: str | None = None,
        value: str | None = None,
        path: str | None = None,
    ) -> None:
        """`path` is the place in a file that has no lines of its own."""
        self.file, self.line, self.column, self.value = file, line, column, value
        self.path = path
        place = [path] if path is not None else []
        place += [f"line {line}"] if line is not None else []
        place += [f"column {quoted(column)}"] if column is not None else []
        said = None if value is None else quoted(value)
        super().__init__(": ".join(filter(None, [str(file), ", ".join(place), said, wrong])))


def table_rows(file: Path) -> Iterator[Row]:
    """The header first, without a byte order mark; blank lines are left out."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            yield from _rows(text, file)
    except OSError as error:
        raise unreadable(file, error) from error
    except ValueError as error:
        raise TableError("is not UTF-8 text; save it as CSV in UTF-8", file=file) from error


def header_of(rows: Iterator[Row], file: Path, form: str) -> list[str]:
    """The names of the columns; `form` is what the first line is like."""
    _, cells = next(rows, (1, []))
    names = [cell.strip() for cell in cells]
    if not names:
        raise TableError(f"is empty; the first line is like {form}", file=file)
    if instant(names[0]) is not None:
        raise TableError(
            f"the names of the columns are missing; the first line is like {form}",
            file=file,
            line=1,
        )
    if len(names) == 1 and any(other in names[0] for other in OTHER_SEPARATORS):
        wrong = f"separate cells by commas; the first line is like {form}"
        raise TableError(wrong, file=file, line=1, value=names[0])
    for name, times in Counter(names).items():
        if times > 1:
            raise TableError("is there twice; keep one", file=file, line=1, column=name)
    return names


def refuse_ragged(cells: Sequence[str], names: Sequence[str], file: Path, line: int) -> None:
    """Every row has as many cells as there are columns."""
    if len(cells) != len(names):
        raise TableError(
            f"has {len(cells)} cells; the first line has {len(names)}", file=file, line=line
        )


def instant(text: str) -> float | None:
    """Unix seconds; None where the text states no instant with an offset."""
    try:
        written = datetime.fromisoformat(text.strip())
        if written.tzinfo is None or not FIRST_YEAR <= written.astimezone(UTC).year <= LAST_YEAR:
            return None
    except (ValueError, OverflowError):
        return None
    return written.timestamp()


def number(text: str, least: float, most: float) -> float | None:
    """A finite number within bounds; None where the text states none."""
    stripped = text.strip()
    # float() also reads 1_000 and the digits of other scripts.
    if "_" in stripped or not stripped.isascii():
        return None
    try:
        value = float(stripped)
    except ValueError:
        return None
    return value if least <= value <= most else None


def refuse_long(file: Path, most: int, wrong: str) -> None:
    """By its lines alone, so that what is too much is not read for a minute beforehand."""
    try:
        if not file.is_file():  # a pipe can be read once
            return
        with file.open("rb") as text:
            lines = iter(partial(text.readline, LONGEST_LINE), b"")
            filled = (number for number, line in enumerate(lines, 1) if line.strip())
            over = next(islice(filled, most + 1, None), None)
    except OSError as error:
        raise unreadable(file, error) from error
    if over is not None:
        raise TableError(wrong, file=file, line=over)


def read_text(file: Path, most: int = LONGEST_LINE) -> str:
    """A short text in UTF-8, like a query."""
    try:
        with file.open(encoding="utf-8-sig") as text:
            content = text.read(most + 1)
    except OSError as error:
        raise unreadable(file, error, "text") from error
    except ValueError as error:
        raise TableError("is not UTF-8 text; save it in UTF-8", file=file) from error
    if len(content) > most:
        raise TableError(f"is over {most} characters long; shorten it", file=file)
    if "\0" in content:
        raise TableError("holds zero bytes, so it is no text; save it in UTF-8", file=file)
    return content


def unreadable(file: Path, error: OSError, kind: str = "CSV") -> TableError:
    """For a file that the system does not hand out."""
    cause = error.strerror or str(error)
    wrong = f"cannot be read ({cause}); name a {kind} file that this user may read"
    return TableError(wrong, file=file)


def _rows(text: TextIO, file: Path) -> Iterator[Row]:
    reader = csv.reader(_lines(text, file), strict=True)
    try:
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield reader.line_num, cells
    except csv.Error as error:
        raise TableError(
            f"is not CSV ({error}); separate cells by commas and close quotes",
            file=file,
            line=reader.line_num,
        ) from error


def _lines(text: TextIO, file: Path) -> Iterator[str]:
    number_of_line = 0
    while line := text.readline(LONGEST_LINE):
        number_of_line += 1
        if "\0" in line:
            wrong = "holds zero bytes, so it is no text; save it as CSV in UTF-8"
            raise TableError(wrong, file=file, line=number_of_line)
        if len(line) == LONGEST_LINE:
            wrong = f"is over {LONGEST_LINE} characters long; separate rows by line ends"
            raise TableError(wrong, file=file, line=number_of_line)
        yield line
