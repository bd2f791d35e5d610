"""`carbon-scaler windows` and `regions rank|compare` over what is stored."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.postgres import running_postgres
from tests.e2e.program import finished

SUNNY, EVEN, EMPTY = "us-west-1", "eu-central-1", "eu-north-1"
HOUR = timedelta(hours=1)
# One grid with a clean noon each day, and one that hardly moves; an evening's share of wind.
VALUES = f"""
INSERT INTO co2e_emissions (
  region, timestamp, gco2_per_kwh, source,
  energy_mix_solar, energy_mix_wind, energy_mix_hydro, energy_mix_nuclear
)
SELECT region, hour, level + swing * cos(2 * pi() * extract(hour FROM hour AT TIME ZONE 'UTC') / 24),
  'manual', wind, wind, wind, 10
FROM generate_series(
  date_trunc('hour', now(), 'UTC') - interval '21 days',
  date_trunc('hour', now(), 'UTC'), interval '1 hour'
) AS hours (hour)
CROSS JOIN (
  VALUES ('{SUNNY}', 450.0, 100.0, NULL::numeric), ('{EVEN}', 280.0, 1.0, 20)
) AS grids (region, level, swing, wind)
"""
POLICY = """\
regions:
  eu-central-1: {cost_multiplier: 1.1}
"""
TENANTS = """\
tenants:
  bank: {level: US_ONLY}
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    policy: Path = tmp_path_factory.mktemp("policy")
    (policy / "region-profiles.yaml").write_text(POLICY)
    (policy / "gdpr-residency-overrides.yaml").write_text(TENANTS)
    with running_postgres() as server:
        server.start()
        url = server.database()
        server.execute(url, VALUES)
        yield {"DATABASE_URL": url, "CARBON_SCALER_POLICY_DIR": str(policy)}


def told(settings: dict[str, str], *arguments: str) -> Any:
    done = finished(*arguments, "--json", settings=settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def at_noon() -> datetime:
    """Two days ago, so that all of it is over whenever this runs."""
    day = datetime.now(UTC) - timedelta(days=2)
    return day.replace(hour=0, minute=30, second=0, microsecond=0)


def test_the_cleanest_start_is_found_before_it_is_measured(settings: dict[str, str]):
    at = at_noon()
    document = told(
        settings,
        "windows",
        SUNNY,
        "--duration",
        "2h",
        "--at",
        at.isoformat(),
        "--class",
        "deferrable",
    )

    (region,) = document["regions"]
    best = document["windows"][0]
    assert region["present"]["kind"] == "measured"
    assert best["kind"] == "forecast"
    assert datetime.fromisoformat(best["starts_at"]).hour in (11, 12)
    assert best["grams_per_kwh"] == pytest.approx(352, abs=20)
    assert best["lower"] <= best["grams_per_kwh"] <= best["upper"]
    now = region["start_now"]["grams_per_kwh"]
    assert best["saved_percent"] == pytest.approx(100 * (now - best["grams_per_kwh"]) / now)
    assert best["saved_grams"] == pytest.approx((now - best["grams_per_kwh"]) * 0.5)
    starts = datetime.fromisoformat(best["starts_at"])
    assert datetime.fromisoformat(best["ends_at"]) == starts + 2 * HOUR
    assert best["delay_minutes"] == (starts - at) / timedelta(minutes=1)
    assert [each["grams_per_kwh"] for each in document["windows"]] == sorted(
        each["grams_per_kwh"] for each in document["windows"]
    )


def test_all_stored_regions_are_ranked_together(settings: dict[str, str]):
    document = told(settings, "windows", "--limit", "5")

    assert {each["region"] for each in document["regions"]} == {SUNNY, EVEN}
    assert {each["region"] for each in document["windows"]} == {EVEN}
    assert len(document["windows"]) == 5


def test_clean_hours_are_learned_from_the_past_in_local_time(settings: dict[str, str]):
    document = told(settings, "windows", SUNNY, "--past", "--days", "10")

    best = document["windows"][0]
    assert document["regions"][0]["time_zone"] == "America/Los_Angeles"
    assert best["local_time"] in ("04:00", "05:00")  # noon in UTC
    assert best["below_mean_percent"] == 100
    people = finished("windows", SUNNY, "--past", settings=settings)
    assert best["local_time"] in people.stdout


def test_a_limit_that_nothing_is_below_is_told_in_words(settings: dict[str, str]):
    done = finished("windows", SUNNY, "--below", "10", settings=settings)

    assert done.returncode == 0
    assert "no window is below the limit" in done.stdout


def test_a_region_without_values_has_its_yearly_average_and_says_so(settings: dict[str, str]):
    document = told(settings, "windows", EMPTY)
    past = finished("windows", EMPTY, "--past", settings=settings)

    assert document["regions"][0]["present"]["kind"] == "static"
    assert {each["kind"] for each in document["windows"]} == {"static"}
    assert past.returncode == 1
    assert "too little of the past of eu-north-1 is stored" in past.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("windows", "us-wset-1"), 'did you mean "us-west-1"?'),
        (("windows", SUNNY, "--duration", "ever"), "--duration 'ever' is not allowed"),
        (("windows", SUNNY, "--class", "standrad"), 'did you mean "standard"?'),
        (("regions", "rank", "--tenant", "bnak"), 'did you mean "bank"?'),
        (("regions", "compare", SUNNY), "name two different regions"),
    ],
)
def test_what_is_not_known_is_refused_with_what_would_be_right(
    settings: dict[str, str], arguments: tuple[str, ...], said: str
):
    done = finished(*arguments, settings=settings)

    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


def test_without_a_database_that_is_said(tmp_path: Path):
    for arguments in (("windows", SUNNY), ("regions", "rank"), ("regions", "compare", SUNNY, EVEN)):
        done = finished(*arguments, settings={"CARBON_SCALER_DATA_DIR": str(tmp_path)})
        assert done.returncode == 3
        assert "start `carbon-scaler run`, or set DATABASE_URL" in done.stderr


def test_regions_are_ranked_by_what_is_stored_and_by_the_law(settings: dict[str, str]):
    free = told(settings, "regions", "rank", "--days", "20")
    bound = told(settings, "regions", "rank", "--tenant", "bank")

    assert [row["region"] for row in free["regions"]] == [EVEN, SUNNY]
    even, sunny = free["regions"]
    assert even["grams_per_kwh"] == pytest.approx(280, abs=1)
    assert even["hours_covered"] == pytest.approx(480, abs=1)
    assert (even["renewable_percent"], even["fossil_free_percent"]) == (60, 70)
    assert (even["cost_multiplier"], even["latency"]) == (1.1, None)
    assert sunny["renewable_percent"] is None
    assert [row["region"] for row in bound["regions"]] == [SUNNY, EVEN]
    assert [row["allowed"] for row in bound["regions"]] == [True, False]
    people = finished("regions", "rank", "--tenant", "bank", settings=settings)
    assert "no: it is not in the US" in people.stdout


def test_a_region_that_is_not_stored_has_its_average_behind_the_others(settings: dict[str, str]):
    document = told(settings, "regions", "rank", "--regions", f"{EMPTY},{SUNNY}")

    assert [row["region"] for row in document["regions"]] == [SUNNY, EMPTY]
    assert [row["origin"] for row in document["regions"]] == ["history", "static"]


def test_regions_are_compared_with_the_first(settings: dict[str, str]):
    document = told(settings, "regions", "compare", SUNNY, EVEN)

    _, even = document["regions"]
    assert even["carbon_percent"] == pytest.approx(-37.8, abs=0.2)
    assert even["cost_percent"] == pytest.approx(10)
    assert even["emissions_grams"] == pytest.approx(140, abs=0.5)
    levels = {each["level"]: each["region"] for each in document["recommendations"]}
    assert levels == {"EU_STRICT": EVEN, "EU_ADEQUATE": EVEN, "US_ONLY": SUNNY, "GLOBAL": EVEN}
    people = finished("regions", "compare", SUNNY, EVEN, settings=settings)
    assert "EU_STRICT: eu-central-1" in people.stdout
    assert "same energy" in people.stdout
