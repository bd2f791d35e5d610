"""`carbon-scaler backtest` as a user runs it: files in, figures and every start out."""

import csv
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from math import fsum
from pathlib import Path
from typing import Any

import pytest

from carbon_scaler.application.backtest import Way
from tests.e2e.program import finished

HOUR = timedelta(hours=1)
BEGINS = datetime(2022, 3, 1, tzinfo=UTC)
DAYS = 31
DAILY = [700.0] * 6 + [350.0] * 6 + [120.0] * 6 + [500.0] * 6


def a_grid(tmp_path: Path, name: str, factor: float = 1.0) -> Path:
    file = tmp_path / f"{name}.csv"
    rows = [
        f"{BEGINS + number * HOUR:%Y-%m-%dT%H:%MZ},{DAILY[number % 24] * factor + number % 7:g},40"
        for number in range(DAYS * 24)
    ]
    file.write_text("\n".join(["started_at,grams,green", *rows, ""]))
    return file


@pytest.fixture
def grids(tmp_path: Path) -> list[str]:
    west, east = a_grid(tmp_path, "west"), a_grid(tmp_path, "east", 0.5)
    return [
        "--intensity",
        f"us-west-1={west}:grams:green",
        "--intensity",
        f"eu-central-1={east}:grams",
    ]


def told(*arguments: str) -> dict[str, Any]:
    done = finished("backtest", *arguments, "--json", settings={})
    assert (done.returncode, done.stderr) == (0, "")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def refused(*arguments: str) -> str:
    done = finished("backtest", *arguments, settings={})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


MIX = ("--mix", "seed", "--per-month", "400", "--seed", "7")


def test_the_starts_that_are_written_add_up_to_the_figures(tmp_path: Path, grids: list[str]):
    out = tmp_path / "starts.csv"

    document = told(*grids, *MIX, "--starts-out", str(out))

    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    grams: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        grams[row["strategy"]].append(float(row["emissions_g"]))
    strategies = document["strategies"]
    assert list(rows[0]) == ["id", "strategy", "region", "started_at", "emissions_g"]
    assert set(strategies) == set(grams) == {way.value for way in Way}
    for name, outcome in strategies.items():
        assert fsum(grams[name]) == pytest.approx(outcome["emissions_g"], rel=1e-9)
        assert outcome["jobs"] == len(grams[name]) == 400
        assert outcome["late_starts"] == 0
    assert strategies["run_now"]["saving_percent"] == 0
    assert strategies["oracle"]["share_of_oracle"] == 1
    assert 0 < strategies["threshold"]["saving_percent"] < strategies["oracle"]["saving_percent"]
    assert set(strategies["oracle"]["by_class"]) == {"urgent", "standard", "deferrable"}
    assert {row["region"] for row in rows} == {"us-west-1", "eu-central-1"}


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(grids: list[str]):
    one, same, other = (
        finished(
            "backtest",
            *grids,
            "--mix",
            "seed",
            "--per-month",
            "50",
            "--seed",
            seed,
            "--json",
            settings={},
        )
        for seed in ("1", "1", "2")
    )

    assert one.stdout == same.stdout != other.stdout


def test_jobs_of_ones_own_are_replayed_under_ones_own_policy(tmp_path: Path, grids: list[str]):
    jobs, policy = tmp_path / "jobs.csv", tmp_path / "policy"
    policy.mkdir()
    (policy / "workload-policies.yaml").write_text(
        "classes:\n  nightly:\n    threshold: 200\n    max_delay: 10h\n"
    )
    jobs.write_text(
        "id,submitted_at,duration_minutes,energy_kwh,workload_class,max_delay_minutes,regions\n"
        "a,2022-03-10T05:00Z,60,2,nightly,,us-west-1\n"
        "b,2022-03-10T05:00Z,60,1,nightly,90,us-west-1|eu-central-1\n"
    )
    out = tmp_path / "starts.csv"

    document = told(
        *grids,
        *("--jobs", str(jobs), "--policy", str(policy), "--strategy", "threshold"),
        *("--lag", "1h", "--spread", "0s", "--starts-out", str(out)),
    )

    rows = [line.split(",")[:4] for line in out.read_text().splitlines()[1:]]
    assert rows == [
        ["a", "threshold", "us-west-1", "2022-03-10T13:00:00Z"],
        ["b", "threshold", "us-west-1", "2022-03-10T06:30:00Z"],
    ]
    assert list(document["strategies"]) == ["threshold"]
    assert document["policy"]["documents"] == ["workload-policies.yaml"]
    assert document["strategies"]["threshold"]["settings"]["nightly"]["threshold"] == 200


def test_method_signal_and_period_are_named_for_people_too(grids: list[str]):
    done = finished(
        "backtest", *grids, *MIX, "--signal", "marginal", "--factors", "direct", settings={}
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "signal marginal, factors direct" in done.stdout
    assert "submitted 2022-03-01T" in done.stdout
    assert "savings are against starting at once" in done.stdout
    assert "only the oracle chooses among its regions" in done.stdout


def test_work_of_a_tenant_in_the_eu_stays_there(tmp_path: Path, grids: list[str]):
    policy = tmp_path / "policy"
    policy.mkdir()
    (policy / "gdpr-residency-overrides.yaml").write_text(
        "tenants:\n  acme: {level: EU_STRICT, mode: STRICT, namespaces: [payments]}\n"
    )
    tenant = ("--policy", str(policy), "--tenant", "acme")

    everywhere = told(*grids, *MIX, *tenant, "--eu-share", "0")

    for outcome in everywhere["strategies"].values():
        assert set(outcome["by_region"]) == {"eu-central-1"}
    assert 'has no tenant "acne"; did you mean "acme"' in refused(
        *grids, *MIX, "--policy", str(policy), "--tenant", "acne"
    )


def test_a_forecast_of_ones_own_is_planned_on_in_the_place_that_is_cleanest(
    tmp_path: Path, grids: list[str]
):
    said = tmp_path / "said.csv"
    rows = [
        f"{BEGINS + number * HOUR:%Y-%m-%dT%H:%MZ},{DAILY[number % 24] * 0.5:g}"
        for number in range(DAYS * 24)
    ]
    said.write_text("\n".join(["target_at,value", *rows, ""]))

    document = told(
        *grids,
        *MIX,
        *("--strategy", "forecast", "--forecast", f"eu-central-1={said}", "--place", "planned"),
    )

    assert document["forecast"] == f"eu-central-1={said}, own"
    assert document["spread_seconds"] == 1200
    assert document["place"]["name"] == "planned"
    assert "eu-central-1 is joined on to what was measured" in document["notes"][0]
    [found] = document["strategies"].values()
    assert found["share_of_oracle"] > 0.8
    assert found["late_starts"] == 0
    assert found["by_region"]["eu-central-1"]["jobs"] > 0.9 * found["jobs"]


def test_what_cant_be_read_ends_with_one_line_that_says_where(tmp_path: Path):
    file = tmp_path / "bad.csv"
    file.write_text("at,g\n2022-01-01T00:00Z,1\n2022-01-01T01:00Z,NaN\n")

    said = refused("--intensity", f"us-west-1={file}", *MIX)

    assert said.startswith(f'carbon-scaler: {file}: line 3, column "g": "NaN": allowed is')


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "either --jobs FILE or --mix seed"),
        (("--mix", "other"), "the one there is is seed"),
        ((*MIX, "--strategy", "forecast", "--forecast", "none"), "one of oracle, quantile"),
        ((*MIX, "--strategy", "treshold"), 'did you mean "threshold"'),
        ((*MIX, "--forecast", "DE=file.csv"), 'no --intensity is given for "DE"'),
        ((*MIX, "--forecast", "own", "--forecast", "none"), "none goes with nothing else"),
        ((*MIX, "--forecast", "own=x"), 'no --intensity is given for "own"'),
        ((*MIX, "--forecast", "mine"), "write own, none, or REGION=FILE"),
        ((*MIX, *["--forecast", "us-west-1=x"] * 2), "us-west-1 is there twice"),
        ((*MIX, "--spread", "20"), "a duration with its unit from 0s to 1h"),
        ((*MIX, "--lag", "3h"), "a duration with its unit from 0s to 2h"),
        ((*MIX, "--poll", "60"), "a duration with its unit from 1s to 1h"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(
    grids: list[str], arguments: tuple[str, ...], says: str
):
    assert says in refused(*grids, *arguments)


def test_a_region_that_is_given_twice_is_refused(grids: list[str]):
    assert "us-west-1 is there twice" in refused(*grids, *grids[:2], *MIX)


def test_a_time_that_is_too_short_for_a_job_is_refused(tmp_path: Path):
    file = tmp_path / "short.csv"
    file.write_text("at,g\n2022-01-01T00:00Z,1\n2022-01-01T01:00Z,1\n2022-01-01T02:00Z,1\n")

    assert "--mix draws no job" in refused("--intensity", f"us-west-1={file}", *MIX)


def test_starts_that_cant_be_written_are_told(tmp_path: Path, grids: list[str]):
    said = refused(*grids, *MIX, "--starts-out", str(tmp_path / "none" / "starts.csv"))

    assert "cannot be written (No such file or directory)" in said
