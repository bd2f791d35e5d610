"""`carbon-scaler simulate` as a user runs it: invented series beside real grids."""

import csv
import json
from datetime import UTC, datetime, timedelta
from math import fsum
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import finished

# Two grids, months of the past, six hindcasts: seconds, but many where others want the CPU too.
pytestmark = pytest.mark.timeout(240)

HOUR = timedelta(hours=1)
BEGINS = datetime(2022, 3, 1, tzinfo=UTC)
DAILY = [700.0] * 6 + [350.0] * 6 + [120.0] * 6 + [500.0] * 6
FEW = ("--days", "3", "--jobs", "40", "--strategy", "threshold")


def told(*arguments: str) -> dict[str, Any]:
    done = finished("simulate", *arguments, "--json", settings={}, seconds=200)
    assert (done.returncode, done.stderr) == (0, "")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def refused(*arguments: str) -> str:
    done = finished("simulate", *arguments, settings={})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


def a_history(directory: Path, region: str, factor: float, days: int = 12) -> Path:
    directory.mkdir(exist_ok=True)
    file = directory / f"{region}.csv"
    rows = [
        f"{BEGINS + number * HOUR:%Y-%m-%dT%H:%MZ},{DAILY[number % 24] * factor:g}"
        for number in range(days * 24)
    ]
    file.write_text("\n".join(["started_at,grams", *rows, ""]))
    return file


def test_on_the_invented_series_a_tenth_is_saved_and_no_job_of_the_eu_leaves():
    document = told("--days", "30", "--jobs", "1000", "--seed", "42")

    assert list(document["grids"]) == ["demonstration", "real"]
    for grid in document["grids"].values():
        rows = {row["metric"]: row for row in grid["comparison"]}
        emissions, energy = rows["total emissions"], rows["total energy"]
        parts = grid["parts"]
        assert rows["total jobs"]["baseline"] == 1000
        assert energy["baseline"] == pytest.approx(energy["optimised"], abs=1e-9)
        assert rows["max delay"]["optimised"] <= 720
        assert grid["residency"]["bound_jobs"] == 300
        assert grid["residency"]["violations"] == 0
        assert -emissions["percent"] == pytest.approx(parts["saving_percent"])
        assert parts["saving_percent"] == pytest.approx(
            parts["region_choice_points"] + parts["waiting_points"]
        )
        assert parts["saving_percent"] <= parts["oracle_percent"]
        assert fsum(each["points"] for each in grid["by_class"].values()) == pytest.approx(
            parts["saving_percent"]
        )
        assert fsum(
            each["emissions_kg"] for each in grid["by_region"]["optimised"].values()
        ) == pytest.approx(emissions["optimised"])
    demonstrated = document["grids"]["demonstration"]
    assert demonstrated["parts"]["saving_percent"] >= 10
    assert set(demonstrated["regions"]) == {"us-east-1", "us-west-2", "eu-central-1"}
    assert set(document["grids"]["real"]["regions"]) == {"us-east-1", "us-west-1", "eu-central-1"}


def test_the_same_seed_gives_the_same_words_that_tell_what_is_what():
    one, same = (
        finished("simulate", *FEW, "--seed", "1", settings={}, seconds=110) for _ in range(2)
    )

    assert one.stdout == same.stdout
    assert (one.returncode, one.stderr) == (0, "")
    for words in (
        "invented series",
        "us-west-1 stands in for us-west-2",
        "signal average, factors lifecycle",
        "are the choice of the region",
        "are waiting there",
        "perfect foresight would save",
        "reached with perfect foresight, against an unseeded random baseline",
        "not how much energy it draws",
        "ran elsewhere in",
    ):
        assert words in one.stdout


def test_ones_own_history_takes_the_place_of_the_shipped_year(tmp_path: Path):
    directory = tmp_path / "grids"
    a_history(directory, "us-west-1", 1)
    a_history(directory, "eu-west-1", 0.5)
    out = tmp_path / "figures.csv"

    document = told(
        *FEW, "--from-history", str(directory), "--csv", str(out), "--baseline", "worst"
    )

    real = document["grids"]["real"]
    assert document["baseline"]["name"] == "worst"
    assert set(real["regions"]) == {"us-west-1", "eu-west-1"}
    assert real["period"] == {"from": "2022-03-09T00:00:00Z", "until": "2022-03-12T00:00:00Z"}
    assert real["residency"]["bound_jobs"] == 12
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    whole = [row for row in rows if row["part"] == "all" and row["grid"] == "real"]
    written = {(row["strategy"], row["place"]): float(row["emissions_g"]) for row in whole}
    emissions = next(row for row in real["comparison"] if row["unit"] == "kg CO2e")
    assert written["threshold", "cleanest"] == pytest.approx(1000 * emissions["optimised"])
    assert written["run_now", "home"] < 1000 * emissions["baseline"]
    assert written["oracle", "free"] == min(written.values())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--mix", "10,40"), "whole percents of urgent, standard, deferrable jobs"),
        (("--mix", "10,40,60"), "add up to 100"),
        (("--mix", "10,a,50"), "add up to 100"),
        (("--energy", "0.5,0.1"), "the smaller first"),
        (("--energy", "nan,1"), "two numbers of kWh above 0"),
        (("--strategy", "forecsat"), 'did you mean "forecast"'),
        (("--baseline", "none"), "'run_now', 'random', 'worst'"),
        (("--days", "0"), "--days"),
        (("--days", "400"), "ask for fewer days"),
        (("--eu-share", "1.5"), "--eu-share"),
        (("--from-history", "nowhere"), "a directory with files like eu-west-1.csv"),
        (("--from-history", "eu-west-1="), "REGION=FILE"),
        (("--csv", "nowhere/out.csv"), "--csv: nowhere is no directory"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_right(arguments: tuple[str, ...], says: str):
    assert says in refused(*arguments)


def test_a_bad_cell_and_a_region_given_twice_are_refused_with_their_place(tmp_path: Path):
    file = a_history(tmp_path, "eu-west-1", 1)
    bad = tmp_path / "bad.csv"
    bad.write_text("at,g\n2022-01-01T00:00Z,1\n2022-01-01T01:00Z,NaN\n")
    own = ("--from-history", f"eu-west-1={file}")

    assert f'{bad}: line 3, column "g"' in refused("--from-history", f"eu-west-1={bad}")
    assert '"eu-west-1" is there twice' in refused(*own, *own)
    assert "11 whole UTC days in common" in refused(*own, "--days", "30")
