"""Forecasts are kept as they were issued, and the newest of the preferred source counts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf, nan

import pytest

from carbon_scaler.application.ports import ForecastStore
from carbon_scaler.application.terms import SupersededError
from carbon_scaler.domain.intensity import Basis, Signal
from carbon_scaler.domain.observation import ForecastPoint, RegionForecast
from carbon_scaler.domain.snapshot import Outlook
from carbon_scaler.storage.forecasts import PostgresForecastStore
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.pool import Pool

BOTH_VERSIONS = pytest.mark.parametrize("postgres", ["embedded", "debian15"], indirect=True)
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
NOON = NOW.replace(minute=0)
HOUR = timedelta(hours=1)
MARGINAL = Basis(signal=Signal.MARGINAL)


def points(*grams: float, since: datetime = NOON) -> tuple[ForecastPoint, ...]:
    return tuple(
        ForecastPoint(target_at=since + n * HOUR, lasts=HOUR, grams_per_kwh=each)
        for n, each in enumerate(grams)
    )


FORECAST = RegionForecast(
    region="us-east-1",
    source="first",
    basis=Basis(),
    provider_zone="US-MIDA-PJM",
    licence_class="restricted",
    model="v2",
    issued_at=NOON,
    fetched_at=NOW,
    points=points(300.0, 290.0, 280.0),
)


@pytest.fixture
def forecasts(pool: Pool) -> ForecastStore:
    return PostgresForecastStore(pool)


async def configure(
    pool: Pool, chain: Sequence[str] = ("first", "second"), signal: str = "average"
) -> None:
    await pool.execute(
        """
        INSERT INTO grid_regions (region, signal, factors, chain)
        VALUES ('us-east-1', $1, 'lifecycle', $2)
        """,
        signal,
        list(chain),
    )


async def outlook(
    pool: Pool, now: datetime = NOW, known_at: datetime | None = None
) -> Outlook | None:
    found = await PostgresIntensityStore(pool).load(None, now=now, known_at=known_at)
    return found["us-east-1"].outlook


async def expected(pool: Pool, now: datetime = NOW) -> list[float]:
    found = await outlook(pool, now)
    return [] if found is None else list(found.grams_per_kwh)


@BOTH_VERSIONS
async def test_a_forecast_comes_back_as_it_was_issued(forecasts: ForecastStore, pool: Pool):
    await configure(pool)
    banded = replace(FORECAST.points[0], lower=250.5, upper=350.25, lasts=HOUR / 2)

    assert await forecasts.store_forecasts([replace(FORECAST, points=(banded,))]) == 1

    (row,) = await pool.fetch("SELECT * FROM carbon_intensity_forecasts")
    assert (row["model"], row["provider_zone"], row["licence_class"]) == (
        "v2",
        "US-MIDA-PJM",
        "restricted",
    )
    assert (float(row["lower"]), float(row["upper"])) == (250.5, 350.25)
    found = await outlook(pool)
    assert found is not None
    assert (found.source, found.issued_at, found.fetched_at) == ("first", NOON, NOW)
    assert list(found.starts) == [NOON.timestamp()]
    assert list(found.lasts) == [1800.0]
    assert list(found.grams_per_kwh) == [300.0]


@BOTH_VERSIONS
async def test_an_issue_that_says_the_same_is_not_kept_again(forecasts: ForecastStore, pool: Pool):
    await forecasts.store_forecasts([FORECAST])
    later = replace(FORECAST, issued_at=NOW, fetched_at=NOW + HOUR, points=FORECAST.points[1:])

    assert await forecasts.store_forecasts([FORECAST, later]) == 0
    assert await pool.fetchval("SELECT count(*) FROM carbon_intensity_forecasts") == 3


async def test_an_issue_that_says_anything_else_is_kept_as_a_whole(
    forecasts: ForecastStore, pool: Pool
):
    await configure(pool)
    await forecasts.store_forecasts([FORECAST])
    longer = replace(FORECAST, issued_at=NOW, points=points(300.0, 290.0, 280.0, 270.0))
    banded = replace(longer, issued_at=NOW + HOUR, points=(replace(longer.points[0], upper=310.0),))

    assert await forecasts.store_forecasts([longer]) == 4
    assert await expected(pool) == [300.0, 290.0, 280.0, 270.0]
    assert await forecasts.store_forecasts([banded]) == 1


async def test_a_restated_issue_counts_from_when_it_was_fetched(
    forecasts: ForecastStore, pool: Pool
):
    await configure(pool)
    await forecasts.store_forecasts([FORECAST])
    restated = replace(FORECAST, fetched_at=NOW + HOUR, points=points(310.0, 290.0, 280.0))

    assert await forecasts.store_forecasts([restated]) == 3
    assert await forecasts.store_forecasts([restated]) == 0

    found = await outlook(pool, NOW + HOUR)
    assert found is not None
    assert found.issued_at == NOW + HOUR
    assert await pool.fetchval("SELECT count(*) FROM carbon_intensity_forecasts") == 6


async def test_an_older_issue_that_is_sent_again_is_not_restated(
    forecasts: ForecastStore, pool: Pool
):
    newer = replace(FORECAST, issued_at=NOW, points=points(310.0, 290.0, 280.0))
    await forecasts.store_forecasts([FORECAST, newer])

    assert await forecasts.store_forecasts([replace(FORECAST, fetched_at=NOW + HOUR)]) == 0


async def test_forecasts_of_other_regions_sources_and_bases_are_kept_apart(
    forecasts: ForecastStore,
):
    others = [
        FORECAST,
        replace(FORECAST, region="eu-west-1"),
        replace(FORECAST, source="second"),
        replace(FORECAST, basis=MARGINAL),
    ]

    assert await forecasts.store_forecasts(others) == 4 * 3
    assert await forecasts.store_forecasts(others) == 0
    assert await forecasts.store_forecasts([]) == 0


async def test_of_a_target_that_is_named_twice_the_last_value_is_kept(
    forecasts: ForecastStore, pool: Pool
):
    twice = replace(FORECAST, points=(*points(300.0), *points(310.0)))

    assert await forecasts.store_forecasts([twice]) == 1
    assert await forecasts.store_forecasts([twice]) == 0
    assert await pool.fetchval("SELECT gco2_per_kwh FROM carbon_intensity_forecasts") == 310


@BOTH_VERSIONS
async def test_absurd_points_are_kept_flagged_and_not_expected(
    forecasts: ForecastStore, pool: Pool
):
    await configure(pool)
    absurd = replace(FORECAST, points=points(nan, inf, -inf, -5.0, 0.0, 2500.0, 300.0))

    assert await forecasts.store_forecasts([absurd]) == 7
    assert await forecasts.store_forecasts([absurd]) == 0

    assert await expected(pool) == [300.0]
    flags = await pool.fetch("SELECT flagged FROM carbon_intensity_forecasts ORDER BY target_at")
    assert [row["flagged"] for row in flags] == [
        "not_a_number",
        "above_2000",
        "negative",
        "negative",
        "zero",
        "above_2000",
        None,
    ]


async def test_the_first_source_of_the_chain_that_has_one_is_asked_for_its_newest(
    forecasts: ForecastStore, pool: Pool
):
    await configure(pool)
    second = replace(FORECAST, source="second", issued_at=NOW, points=points(400.0))
    elsewhere = replace(second, source="elsewhere", points=points(500.0))
    await forecasts.store_forecasts([second, elsewhere])
    assert await expected(pool) == [400.0]

    await forecasts.store_forecasts([FORECAST])
    assert await expected(pool) == [300.0, 290.0, 280.0]

    # A day later that of the first is too old to be asked for.
    await forecasts.store_forecasts(
        [replace(second, issued_at=NOON + 5 * HOUR, points=points(410.0, since=NOON + 24 * HOUR))]
    )
    assert await expected(pool, NOON + 24 * HOUR) == [410.0]


async def test_a_forecast_of_another_basis_is_not_expected(forecasts: ForecastStore, pool: Pool):
    await configure(pool, signal="marginal")
    await forecasts.store_forecasts([FORECAST])
    assert await outlook(pool) is None

    await forecasts.store_forecasts([replace(FORECAST, basis=MARGINAL, points=points(700.0))])
    assert await expected(pool) == [700.0]


async def test_what_is_over_is_not_expected(forecasts: ForecastStore, pool: Pool):
    await configure(pool)
    await forecasts.store_forecasts([FORECAST])

    assert await expected(pool, NOON + 2 * HOUR) == [290.0, 280.0]
    assert await outlook(pool, NOON + 4 * HOUR) is None


async def test_what_was_expected_then_can_be_had_again(forecasts: ForecastStore, pool: Pool):
    await configure(pool)
    await forecasts.store_forecasts([FORECAST])
    newer = replace(FORECAST, issued_at=NOW, fetched_at=NOW + HOUR, points=points(310.0))
    await forecasts.store_forecasts([newer])

    then = await outlook(pool, known_at=NOW + HOUR / 2)
    now = await outlook(pool, known_at=NOW + HOUR)

    assert then is not None
    assert now is not None
    assert (then.issued_at, now.issued_at) == (NOON, NOW)
    assert await outlook(pool, known_at=NOON) is None, "it was not fetched yet"


async def test_a_term_that_is_over_keeps_no_forecast(forecasts: ForecastStore, pool: Pool):
    assert await forecasts.store_forecasts([FORECAST], term=0) == 3
    await pool.execute("UPDATE ingest_leadership SET token = 1")

    with pytest.raises(SupersededError):
        await forecasts.store_forecasts([replace(FORECAST, region="eu-west-1")], term=0)

    assert await pool.fetchval("SELECT count(*) FROM carbon_intensity_forecasts") == 3


@BOTH_VERSIONS
async def test_the_older_view_has_the_next_24_hours_of_the_newest_issue(
    forecasts: ForecastStore, pool: Pool
):
    hour: datetime = await pool.fetchval("SELECT date_trunc('hour', now())")
    await configure(pool)
    issues = [
        replace(
            FORECAST,
            source=source,
            issued_at=issued_at,
            fetched_at=issued_at,
            points=points(*[grams] * 40, since=hour - 2 * HOUR),
        )
        for source, issued_at, grams in (
            ("first", hour - 2 * HOUR, 300.0),
            ("first", hour - HOUR, 310.0),
            ("second", hour, 400.0),
            ("elsewhere", hour, 500.0),
        )
    ]
    await forecasts.store_forecasts([*issues, replace(issues[0], region="eu-west-1")])

    rows = await pool.fetch(
        """
        SELECT region, forecast_timestamp, predicted_gco2_per_kwh, confidence_interval_lower,
          confidence_interval_upper, source, model, issued_at
        FROM v_carbon_forecast_24h
        """
    )

    ours = [row for row in rows if row["region"] == "us-east-1"]
    assert 24 <= len(ours) <= 25
    assert ours[0]["forecast_timestamp"] == hour
    assert {(row["source"], row["issued_at"], row["predicted_gco2_per_kwh"]) for row in ours} == {
        ("first", hour - HOUR, 310)
    }
    assert {row["region"] for row in rows} == {"us-east-1", "eu-west-1"}
