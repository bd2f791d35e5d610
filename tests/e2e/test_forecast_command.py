"""`carbon-scaler forecast` over what is stored."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.postgres import running_postgres
from tests.e2e.program import finished

REGION, OTHER = "us-west-1", "us-west-2"
HOUR = timedelta(hours=1)
DAYS = 21
# A grid with a clean noon each day, and a little that nobody can foresee.
VALUES = f"""
INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, source)
SELECT '{REGION}', hour,
  300 + 100 * cos(2 * pi() * extract(hour FROM hour AT TIME ZONE 'UTC') / 24)
    + 15 * sin(extract(epoch FROM hour) * 12.9898), 'manual'
FROM generate_series(
  date_trunc('hour', now(), 'UTC') - interval '{DAYS} days',
  date_trunc('hour', now(), 'UTC') - interval '1 hour', interval '1 hour'
) AS hours (hour)
"""


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    with running_postgres() as server:
        server.start()
        url = server.database()
        server.execute(url, VALUES)
        yield {"DATABASE_URL": url}


def told(settings: dict[str, str], *arguments: str) -> Any:
    done = finished("forecast", *arguments, "--json", settings=settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_joins_on_to_what_is_measured_and_knows_the_days_shape(settings: dict[str, str]):
    document = told(settings, "show", REGION)

    points = document["points"]
    assert len(points) >= 48
    begins = datetime.fromisoformat(points[0]["starts_at"])
    assert begins == datetime.fromisoformat(document["known_until"])
    assert timedelta(0) <= datetime.now(UTC) - begins < 2 * HOUR
    for index, point in enumerate(points):
        at = begins + index * HOUR
        assert datetime.fromisoformat(point["starts_at"]) == at
        expected = 300 + 100 * math.cos(2 * math.pi * at.hour / 24)
        assert abs(point["grams_per_kwh"] - expected) < 60
        assert point["lower"] <= point["grams_per_kwh"] <= point["upper"]


def test_models_are_scored_against_no_model_at_all(settings: dict[str, str]):
    document = told(settings, "score", REGION)

    scores = {each["model"]: each["mean_error_grams"] for each in document["models"]}
    assert {"persistence", "yesterday", "profile_offset", "regression"} <= scores.keys()
    assert scores[document["used"]] <= min(scores["persistence"], scores["yesterday"]) * 1.001
    people = finished("forecast", "score", REGION, settings=settings)
    assert f"{document['used']} (used)" in people.stdout


def test_as_of_an_instant_later_values_are_unknown(settings: dict[str, str]):
    at = (datetime.now(UTC) - timedelta(days=3)).replace(minute=30)
    document = told(settings, "show", REGION, "--at", at.isoformat())

    known_until = datetime.fromisoformat(document["known_until"])
    assert known_until == at.replace(minute=0, second=0, microsecond=0) + HOUR


def test_of_a_region_without_values_its_yearly_average_is_told(settings: dict[str, str]):
    document = told(settings, "show", OTHER)

    assert document["model"] == "static_average"
    assert document["known_until"] is None


def test_an_unknown_region_is_refused_with_what_was_meant(settings: dict[str, str]):
    done = finished("forecast", "show", "us-wset-1", settings=settings)

    assert done.returncode == 1
    assert 'did you mean "us-west-1"?' in done.stderr


def test_regret_is_told_for_work_as_it_is_asked_for(settings: dict[str, str]):
    short = told(settings, "score", REGION)["regret"]
    long = told(settings, "score", REGION, "--slack", "24h", "--duration", "4h")["regret"]

    assert (short["slack_hours"], short["duration_hours"]) == (12, 1)
    assert (long["slack_hours"], long["duration_hours"]) == (24, 4)
    assert short["decisions"] > 300
    beyond = short["beyond_best"]
    assert set(beyond) == {"forecast", "persistence", "yesterday", "run_now"}
    assert 0 <= beyond["forecast"] < beyond["run_now"] == beyond["persistence"]
    people = finished("forecast", "score", REGION, settings=settings)
    assert "work of 1 h that may wait 12 h" in people.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--slack", "soon"), "--slack 'soon' must be whole hours, like 1h or 12h"),
        (("--duration", "90m"), "--duration '90m' must be whole hours, like 1h or 12h"),
        (("--slack", "48h"), "are 48 hours together at most"),
    ],
)
def test_work_that_cannot_be_judged_is_refused(
    settings: dict[str, str], options: tuple[str, ...], said: str
):
    done = finished("forecast", "score", REGION, *options, settings=settings)

    assert done.returncode == 1
    assert said in done.stderr
