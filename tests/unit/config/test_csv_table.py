"""Files that are no tables, through every reader of tables."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from carbon_scaler.config.csv_table import TableError, header_of, read_text, refuse_long, table_rows
from carbon_scaler.config.forecast_file import read_forecast
from carbon_scaler.config.history_file import HistoryFile, read_history
from carbon_scaler.config.job_columns import JobFrame
from carbon_scaler.config.jobs_file import read_jobs
from carbon_scaler.domain.intensity import Basis


def as_history(file: Path) -> object:
    return read_history(HistoryFile(region="eu-west-1", file=file), Basis())


def as_jobs(file: Path) -> object:
    return read_jobs(file, JobFrame(terms={}, histories={}))


READERS = (as_history, as_jobs, read_forecast)
Reader = Callable[[Path], object]


def refusal(reader: Reader, file: Path) -> TableError:
    with pytest.raises(TableError) as caught:
        reader(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty; the first line is like"),
        (b"\n\n\n", "is empty; the first line is like"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "line 1: holds zero bytes, so it is no text"),
        (b"\x89PNG\r\n\x1a\n", "is not UTF-8 text"),
        ("at,grämm\n".encode("latin-1"), "is not UTF-8 text"),
        ("at,grams\n".encode("utf-16"), "is not UTF-8 text"),
        ("at,grams\n".encode("utf-16-le"), "holds zero bytes"),
        (b"at," + b"x" * 200_000 + b"\n", "line 1: is not CSV (field larger than field limit"),
        (b"at," + b"x," * 600_000, "line 1: is over 1000000 characters long"),
        (b'at,"grams\n', "is not CSV (unexpected end of data)"),
        (b"at;grams\n2022-01-01T00:00Z;1\n", "separate cells by commas"),
        (b"at\tgrams\n", "separate cells by commas"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(
    tmp_path: Path, reader: Reader, content: bytes, says: str
):
    file = tmp_path / "table.csv"
    file.write_bytes(content)

    assert says in str(refusal(reader, file))


@pytest.mark.parametrize("reader", READERS)
def test_a_directory_is_refused(tmp_path: Path, reader: Reader):
    assert "cannot be read (Is a directory)" in str(refusal(reader, tmp_path))


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, reader: Reader):
    error = refusal(reader, tmp_path / "none.csv")

    assert "cannot be read (No such file or directory)" in str(error)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_one_may_not_read_is_refused(tmp_path: Path, reader: Reader):
    file = tmp_path / "table.csv"
    file.write_text("at,grams\n")
    file.chmod(0)

    assert "cannot be read (Permission denied)" in str(refusal(reader, file))


@pytest.mark.parametrize("reader", READERS)
def test_what_never_ends_is_not_read_for_ever(reader: Reader):
    assert "holds zero bytes" in str(refusal(reader, Path("/dev/zero")))


def test_lines_are_counted_without_the_blank_ones(tmp_path: Path):
    file = tmp_path / "table.csv"
    file.write_text("at\n\n1\n\n2\n")

    refuse_long(file, 2, "too many")
    with pytest.raises(TableError, match="line 5: too many"):
        refuse_long(file, 1, "too many")


def test_a_header_of_many_columns_is_checked_in_one_go(tmp_path: Path):
    file = tmp_path / "table.csv"
    file.write_text(",".join(f"c{number}" for number in range(100_000)))

    assert len(header_of(table_rows(file), file, "at")) == 100_000


def test_a_text_that_is_too_long_or_none_is_refused(tmp_path: Path):
    file = tmp_path / "jobs.sql"
    for content, says in (
        (b"x" * 11, "is over 10 characters long"),
        (b"\0", "holds zero bytes"),
        (b"\xff\xfe", "is not UTF-8 text"),
    ):
        file.write_bytes(content)
        with pytest.raises(TableError, match=says):
            read_text(file, most=10)
    with pytest.raises(TableError, match="cannot be read"):
        read_text(tmp_path)
