from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from carbon_scaler.config import forecast_file
from carbon_scaler.config.csv_table import TableError
from carbon_scaler.config.forecast_file import read_forecast
from carbon_scaler.simulation.issues import Issues

HEADER = "issued_at,target_at,value"
FIRST = "2022-01-01T00:00Z,2022-01-01T01:00Z,100"
BEGINS = datetime(2022, 1, 1, tzinfo=UTC).timestamp()
HOUR = 3600.0


def read(tmp_path: Path, *lines: str) -> Issues:
    file = tmp_path / "forecast.csv"
    file.write_text("\n".join([*lines, ""]))
    return read_forecast(file)


def refusal(tmp_path: Path, *lines: str) -> TableError:
    with pytest.raises(TableError) as caught:
        read(tmp_path, *lines)
    assert str(caught.value).startswith(str(tmp_path / "forecast.csv"))
    return caught.value


def test_each_issue_is_read_with_its_hours(tmp_path: Path):
    found = read(
        tmp_path,
        HEADER,
        FIRST,
        "2022-01-01T00:00Z,2022-01-01T02:00Z,150.5",
        "2022-01-01T02:30+01:00,2022-01-01T02:00Z,90",
    )

    assert len(found) == 2
    assert found.issued.tolist() == [BEGINS, BEGINS + 1.5 * HOUR]
    assert found.starts.tolist() == [BEGINS + HOUR, BEGINS + 2 * HOUR]
    assert [each.tolist() for each in found.grams] == [[100, 150.5], [90]]


def test_without_when_it_was_issued_it_is_known_from_the_beginning(tmp_path: Path):
    found = read(tmp_path, "target_at,value", "2022-01-01T00:00Z,1", "2022-01-01T01:00Z,2")

    assert found.issued.tolist() == [-np.inf]
    assert found.starts.tolist() == [BEGINS]
    assert [each.tolist() for each in found.grams] == [[1, 2]]


def test_columns_may_stand_in_any_order(tmp_path: Path):
    found = read(tmp_path, "value,target_at", "7,2022-01-01T00:00Z")

    assert [each.tolist() for each in found.grams] == [[7]]


@pytest.mark.parametrize("cell", ["", "NaN", "inf", "-1", "10000.1", "dirty"])
def test_what_is_no_intensity_is_refused_where_it_stands(tmp_path: Path, cell: str):
    error = refusal(tmp_path, HEADER, FIRST, f"2022-01-01T00:00Z,2022-01-01T02:00Z,{cell}")

    assert (error.line, error.column, error.value) == (3, "value", cell)
    assert "a number of g/kWh from 0 to 10000" in str(error)


@pytest.mark.parametrize("column", ["issued_at", "target_at"])
@pytest.mark.parametrize("cell", ["", "2022-01-01T02:00", "tomorrow"])
def test_what_is_no_instant_is_refused_where_it_stands(tmp_path: Path, column: str, cell: str):
    cells = {"issued_at": "2022-01-01T00:00Z", "target_at": "2022-01-01T02:00Z", "value": "1"}

    error = refusal(tmp_path, HEADER, FIRST, ",".join({**cells, column: cell}.values()))

    assert (error.line, error.column, error.value) == (3, column, cell)
    assert "an instant with its offset" in str(error)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("01:00", "is there twice in one issue"),
        ("00:00", "is before that of the row above"),
        ("04:00", "comes 3 hours after the row above; 2 missing"),
        ("01:30", "a whole hour of UTC"),
    ],
)
def test_hours_of_an_issue_that_do_not_follow_one_another_are_refused(
    tmp_path: Path, target: str, says: str
):
    error = refusal(tmp_path, HEADER, FIRST, f"2022-01-01T00:00Z,2022-01-01T{target}Z,1")

    assert (error.line, error.column) == (3, "target_at")
    assert says in str(error)


def test_issues_that_go_back_are_refused(tmp_path: Path):
    error = refusal(tmp_path, HEADER, FIRST, "2021-12-31T23:00Z,2022-01-01T01:00Z,1")

    assert (error.line, error.column) == (3, "issued_at")
    assert "issues ascend" in str(error)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ((), "is empty"),
        ((HEADER,), "has no values below its first line"),
        (("2022-01-01T00:00Z,1",), "the names of the columns are missing"),
        (("target_at,grams",), "there is no such column; one of issued_at, target_at, value"),
        (("target_at",), "is missing; the first line is like issued_at,target_at,value"),
        (("target_at,value", "2022-01-01T00:00Z"), "has 1 cells; the first line has 2"),
    ],
)
def test_what_is_no_forecast_is_refused(tmp_path: Path, lines: tuple[str, ...], says: str):
    assert says in str(refusal(tmp_path, *lines))


def test_more_rows_than_are_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forecast_file, "MOST_ROWS", 1)

    error = refusal(tmp_path, HEADER, FIRST, FIRST)

    assert error.line == 3
    assert "has over 1 rows" in str(error)
