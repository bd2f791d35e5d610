from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from carbon_scaler.config import history_file
from carbon_scaler.config.csv_table import TableError
from carbon_scaler.config.history_file import (
    HistoryArgumentError,
    HistoryFile,
    ReadHistory,
    StoredHistory,
    parse_history_argument,
    read_history,
)
from carbon_scaler.domain.intensity import Basis

BEGINS = datetime(2022, 1, 1, tzinfo=UTC)


def hourly(*cells: str, header: str = "started_at,grams") -> str:
    begins = (BEGINS + timedelta(hours=number) for number in range(len(cells)))
    rows = [f"{at:%Y-%m-%dT%H:%MZ},{cell}" for at, cell in zip(begins, cells, strict=True)]
    return "\n".join([header, *rows, ""])


def read(
    tmp_path: Path, text: str | bytes, column: str | None = None, renewable: str | None = None
) -> ReadHistory:
    file = tmp_path / "grid.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    asked = HistoryFile(region="eu-west-1", file=file, column=column, renewable_column=renewable)
    return read_history(asked, Basis())


def refusal(
    tmp_path: Path, text: str | bytes, column: str | None = None, renewable: str | None = None
) -> TableError:
    with pytest.raises(TableError) as caught:
        read(tmp_path, text, column, renewable)
    assert caught.value.file == tmp_path / "grid.csv"
    assert str(caught.value).startswith(str(caught.value.file))
    return caught.value


def test_intervals_of_an_hour_are_read(tmp_path: Path):
    found = read(tmp_path, hourly("100", "250.5", " 3e2 "))

    history = found.history
    assert (found.column, found.warnings) == ("grams", ())
    assert (history.region, history.begins, history.step) == ("eu-west-1", BEGINS.timestamp(), 3600)
    assert history.grams_per_kwh.tolist() == [100, 250.5, 300]
    assert history.ends == BEGINS.timestamp() + 3 * 3600
    assert history.renewable_percent is None


def test_an_offset_a_byte_order_mark_other_line_ends_and_blank_lines_change_nothing(
    tmp_path: Path,
):
    text = "started_at,grams\r\n2022-01-01T01:00+01:00,1\r\n\r\n2022-01-01T01:00:00Z,2\r\n"

    history = read(tmp_path, b"\xef\xbb\xbf" + text.encode()).history

    assert history.begins == BEGINS.timestamp()
    assert history.grams_per_kwh.tolist() == [1, 2]


def test_the_hour_that_clocks_go_through_twice_is_two_with_their_offsets(tmp_path: Path):
    rows = ["2022-10-30T02:00+02:00,1", "2022-10-30T02:00+01:00,2", "2022-10-30T03:00+01:00,3"]

    history = read(tmp_path, "\n".join(["at,grams", *rows])).history

    assert history.step == 3600
    assert history.grams_per_kwh.tolist() == [1, 2, 3]


def test_the_named_columns_are_read_and_an_unknown_share_is_not_a_number(tmp_path: Path):
    text = hourly("1,100,20", "2,200,", header="at,other,grams,green")

    history = read(tmp_path, text, "grams", "green").history

    assert history.grams_per_kwh.tolist() == [100, 200]
    assert history.renewable_percent is not None
    assert history.renewable_percent[0] == 20
    assert np.isnan(history.renewable_percent[1])


def test_without_a_name_the_regions_column_counts_else_the_first(tmp_path: Path):
    named = hourly("1,100", "2,200", header="at,us-east-1,eu-west-1")
    others = hourly("1,100", "2,200", header="at,a,b")

    assert read(tmp_path, named).column == "eu-west-1"
    assert read(tmp_path, others).column == "a"


def test_ten_years_are_read(tmp_path: Path):
    text = hourly(*["100"] * (3652 * 24))

    assert read(tmp_path, text).history.ends == datetime(2032, 1, 1, tzinfo=UTC).timestamp()


def test_values_of_two_units_in_one_column_are_told(tmp_path: Path):
    found = read(tmp_path, hourly("450", "0.45", "0"))

    assert "0.45 to 450 g/kWh; are units mixed" in found.warnings[0]


def test_one_constant_value_is_told(tmp_path: Path):
    found = read(tmp_path, hourly("450", "450", "450"))

    (warning,) = found.warnings
    assert "every value is 450 g/kWh: no start is better than another one" in warning


def test_three_rows_are_three_intervals(tmp_path: Path):
    found = read(tmp_path, hourly("100", "200", "300"))

    assert (len(found.history.grams_per_kwh), found.warnings) == (3, ())


def test_a_zone_that_is_missing_for_a_month_is_refused_where_it_begins(tmp_path: Path):
    cells = [f"{100 + hour % 24},{'' if 744 <= hour < 1416 else 7}" for hour in range(8760)]

    error = refusal(tmp_path, hourly(*cells, header="at,FR,DE"), "DE")

    assert (error.line, error.column, error.value) == (746, "DE", "")
    assert "fill in what is missing, or cut the file before it" in str(error)


@pytest.mark.parametrize("cell", ["", "NaN", "inf", "-1", "10000.1", "dirty", "1_000", "1 2"])
def test_what_is_no_intensity_is_refused_where_it_stands(tmp_path: Path, cell: str):
    error = refusal(tmp_path, hourly("100", cell, "100"))

    assert (error.line, error.column, error.value) == (3, "grams", cell)
    assert "a number of g/kWh from 0 to 10000" in str(error)


@pytest.mark.parametrize("cell", ["-1", "100.1", "nan", "green"])
def test_what_is_no_share_is_refused_where_it_stands(tmp_path: Path, cell: str):
    text = hourly("100,30", f"100,{cell}", header="at,grams,green")

    error = refusal(tmp_path, text, "grams", "green")

    assert (error.line, error.column, error.value) == (3, "green", cell)


@pytest.mark.parametrize(
    "at", ["2022-01-01T00:00", "2022-01-01", "1640995200", "yesterday", "", "0001-01-01T00:00Z"]
)
def test_what_is_no_instant_with_an_offset_is_refused_where_it_stands(tmp_path: Path, at: str):
    error = refusal(tmp_path, f"at,grams\n{at},1\n2022-01-01T01:00Z,1\n")

    assert (error.line, error.column) == (2, "at")
    assert "an instant with its offset" in str(error)


def test_an_instant_that_is_there_twice_is_refused(tmp_path: Path):
    text = "at,g\n2022-01-01T00:00Z,1\n2022-01-01T01:00Z,2\n2022-01-01T02:00+01:00,3\n"

    error = refusal(tmp_path, text)

    assert (error.line, error.column) == (4, "at")
    assert "is there twice" in str(error)


def test_rows_that_go_back_are_refused(tmp_path: Path):
    error = refusal(tmp_path, "at,g\n2022-01-01T01:00Z,1\n2022-01-01T00:00Z,2\n")

    assert error.line == 3
    assert "before that of the row above" in str(error)


def test_a_gap_is_refused_with_how_much_is_missing(tmp_path: Path):
    hours = [*range(5), *range(29, 40), *range(41, 50)]
    rows = [f"{BEGINS + timedelta(hours=hour):%Y-%m-%dT%H:%MZ},1" for hour in hours]

    error = refusal(tmp_path, "\n".join(["at,g", *rows]))

    assert (error.line, error.column) == (7, "at")
    assert "comes 1d1h after the row above, where others are 1h apart" in str(error)
    assert "about 25 rows are missing" in str(error)


def test_mixed_steps_are_refused_where_they_begin(tmp_path: Path):
    rows = [0, 30, 60, 120, 180]
    text = "\n".join(f"{BEGINS + timedelta(minutes=each):%Y-%m-%dT%H:%MZ},1" for each in rows)

    error = refusal(tmp_path, f"at,g\n{text}\n")

    assert error.line == 5
    assert "mixed steps" in str(error)


def test_daily_values_are_refused(tmp_path: Path):
    error = refusal(tmp_path, "at,g\n2022-01-01T00:00Z,1\n2022-01-02T00:00Z,2\n")

    assert "rows are 1d apart; an hour is the most" in str(error)


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_are_refused(tmp_path: Path, rows: int):
    assert "two are needed" in str(refusal(tmp_path, hourly(*["1"] * rows)))


def test_more_rows_than_are_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history_file, "MOST_ROWS", 2)

    error = refusal(tmp_path, hourly("1", "2", "3"))

    assert error.line == 4
    assert "has over 2 rows; cut it in parts" in str(error)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("2022-01-01T00:00Z,1\n2022-01-01T01:00Z,1\n", "the names of the columns are missing"),
        ("at\n2022-01-01T00:00Z\n", "there is no column of intensities"),
        ("at,g,g\n", "is there twice"),
        ("at,g\n2022-01-01T00:00Z,1,2\n", "has 3 cells; the first line has 2"),
        ('at,g\n2022-01-01T00:00Z,"1\n', "is not CSV"),
        (b"at,g\n\xff\xfe,1\n", "is not UTF-8"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str | bytes, says: str):
    assert says in str(refusal(tmp_path, text))


def test_a_column_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path):
    error = refusal(tmp_path, hourly("1,2", "1,2", header="at,grams,green"), "gram")

    assert (error.line, error.column) == (1, "gram")
    assert 'did you mean "grams"? one of grams, green' in str(error)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(TableError, match="cannot be read"):
        read_history(HistoryFile(region="eu-west-1", file=tmp_path / "none.csv"), Basis())


def test_the_argument_names_region_file_and_columns():
    assert parse_history_argument("aws:eu-west-1=a/b.csv") == HistoryFile(
        region="eu-west-1", file=Path("a/b.csv")
    )
    assert parse_history_argument("eu-west-1=b.csv:grams:green") == HistoryFile(
        region="eu-west-1", file=Path("b.csv"), column="grams", renewable_column="green"
    )


def test_the_argument_may_name_the_database_and_since_when():
    stored = parse_history_argument("aws:eu-west-1=database")
    since = parse_history_argument("eu-west-1=database:2026-03-01T01:00+01:00")

    assert stored == StoredHistory(region="eu-west-1", since=None)
    assert since == StoredHistory(region="eu-west-1", since=datetime(2026, 3, 1, tzinfo=UTC))
    assert parse_history_argument("eu-west-1=./database") == HistoryFile(
        region="eu-west-1", file=Path("database")
    )


@pytest.mark.parametrize("since", ["2026-03-01", "2026-03-01T00:00", "yesterday", ":"])
def test_since_when_needs_an_instant_with_its_offset(since: str):
    with pytest.raises(HistoryArgumentError, match="SINCE is an instant with its offset"):
        parse_history_argument(f"eu-west-1=database:{since}")


@pytest.mark.parametrize(
    "text", ["", "=database", "eu-west-1", "=b.csv", "a=", "a=b:", "a=b:c:d:e", "a=b::d"]
)
def test_an_argument_that_says_less_or_more_is_refused(text: str):
    with pytest.raises(HistoryArgumentError, match="REGION=FILE"):
        parse_history_argument(text)
