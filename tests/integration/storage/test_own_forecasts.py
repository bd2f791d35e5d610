"""Forecasts of our own: kept under the leader's term, read as one path, and deleted when old."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import nan

import numpy as np
import pytest

from carbon_scaler.application.own_forecasts import RegionHours
from carbon_scaler.application.own_issue import OwnIssue
from carbon_scaler.application.terms import SupersededError
from carbon_scaler.domain.expected import ExpectedError, ExpectedPath
from carbon_scaler.domain.intensity import Basis, Signal
from carbon_scaler.domain.observation import ForecastPoint, RegionForecast
from carbon_scaler.storage.forecasts import PostgresForecastStore
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.notifications import PostgresChanges
from carbon_scaler.storage.own_forecasts import PostgresOwnForecasts
from carbon_scaler.storage.pool import Pool
from carbon_scaler.storage.provider_issues import PostgresProviderIssues
from tests.unit.application.forecast_fakes import grid

BOTH_VERSIONS = pytest.mark.parametrize("postgres", ["embedded", "debian15"], indirect=True)
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
NOON = NOW.replace(minute=0)
HOUR = timedelta(hours=1)
SCORE = {"model": "persistence", "mean_error_grams": 9.0}
ISSUE = OwnIssue(
    region="us-west-1",
    basis=Basis(),
    model="regression",
    issued_at=NOW,
    known_until=NOON,
    measured=(100.0, nan, 300.0),
    past_hours=400,
    first_at=NOON,
    grams=np.array([310.0, 320.0, 330.0]),
    lower=np.array([300.0, 300.0, 300.0]),
    upper=np.array([320.0, 340.0, 360.0]),
    error=ExpectedError(grams=12.5, percent=4.5, compared=300),
    by_horizon={"1-6": 10.0, "7-24": 13.0, "25-48": None},
    against={"persistence": SCORE},
    rejected=[{"model": {"model": "profile_offset"}, "better": SCORE}],
)


@pytest.fixture
async def own(pool: Pool) -> PostgresOwnForecasts:
    await pool.execute(
        "INSERT INTO grid_regions (region, signal, factors, chain)"
        " VALUES ('us-west-1', 'average', 'lifecycle', ARRAY['meter'])"
    )
    return PostgresOwnForecasts(pool)


async def path(
    pool: Pool, now: datetime = NOW, known_at: datetime | None = None
) -> ExpectedPath | None:
    found = await PostgresIntensityStore(pool).load(None, now=now, known_at=known_at)
    return found["us-west-1"].expected


async def measure(pool: Pool, at: datetime, lasts: timedelta = HOUR, **stated: str) -> None:
    values = {"source": "meter", "kind": "measured", "signal": "average", **stated}
    await pool.execute(
        "INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, lasts, source, kind, signal)"
        " VALUES ('us-west-1', $1, 100, $2, $3, $4, $5)",
        at,
        lasts,
        values["source"],
        values["kind"],
        values["signal"],
    )


@BOTH_VERSIONS
async def test_a_forecast_comes_back_as_a_path_from_the_measured_hours_on(
    own: PostgresOwnForecasts, pool: Pool
):
    await own.keep(ISSUE, kept_at=NOW)

    found = await path(pool)

    assert found is not None
    assert (found.model, found.issued_at, found.past_hours) == ("regression", NOW, 400)
    assert (found.begins, found.measured) == ((NOON - 3 * HOUR).timestamp(), 3)
    assert found.known_until == NOON
    assert np.array_equal(found.grams, [100, nan, 300, 310, 320, 330], equal_nan=True)
    assert np.array_equal(found.upper, [100, nan, 300, 320, 340, 360], equal_nan=True)
    assert found.error == ISSUE.error
    assert found.rejected == ("profile_offset",)


async def test_the_newest_counts_and_none_that_is_a_day_old(own: PostgresOwnForecasts, pool: Pool):
    for age in (26, 2, 3):
        at = NOW - age * HOUR
        await own.keep(replace(ISSUE, issued_at=at, model=f"{age} hours"), kept_at=at)

    newest, later = await path(pool), await path(pool, NOW + 23 * HOUR)

    assert newest is not None
    assert newest.model == "2 hours"
    assert later is None


async def test_what_was_kept_later_was_not_known_then(own: PostgresOwnForecasts, pool: Pool):
    await own.keep(ISSUE, kept_at=NOW + timedelta(seconds=2))

    assert await path(pool, NOW, NOW + timedelta(seconds=1)) is None
    assert await path(pool, NOW, NOW + timedelta(seconds=2)) is not None


async def test_a_forecast_on_another_basis_is_not_the_regions(
    own: PostgresOwnForecasts, pool: Pool
):
    await own.keep(replace(ISSUE, basis=Basis(signal=Signal.MARGINAL)), kept_at=NOW)

    assert await path(pool) is None


async def test_an_hour_that_is_implausible_is_not_expected(own: PostgresOwnForecasts, pool: Pool):
    await own.keep(replace(ISSUE, grams=np.array([310.0, nan, 9000.0])), kept_at=NOW)

    found = await path(pool)

    assert found is not None
    assert np.array_equal(found.grams, [100, nan, 300, 310, nan, nan], equal_nan=True)


async def test_a_forecast_of_which_an_hour_was_deleted_is_none(
    own: PostgresOwnForecasts, pool: Pool
):
    await own.keep(ISSUE, kept_at=NOW)
    await pool.execute("DELETE FROM carbon_intensity_forecasts WHERE target_at = $1", NOON + HOUR)

    assert await path(pool) is None


async def test_a_forecast_of_a_term_that_is_over_is_not_kept(own: PostgresOwnForecasts, pool: Pool):
    await pool.execute("UPDATE ingest_leadership SET token = 8")

    with pytest.raises(SupersededError):
        await own.keep(ISSUE, kept_at=NOW, term=7)

    assert await pool.fetchval("SELECT count(*) FROM forecast_issues") == 0
    assert await pool.fetchval("SELECT count(*) FROM carbon_intensity_forecasts") == 0


async def test_readers_are_woken_once(own: PostgresOwnForecasts, pool: Pool, database_url: str):
    changes = PostgresChanges(database_url).changes()
    async with asyncio.timeout(10):
        assert await anext(changes) is None

        await own.keep(ISSUE, kept_at=NOW)

        assert await anext(changes) == {"us-west-1"}
    await changes.aclose()


async def test_it_is_never_the_outlook_of_a_provider(own: PostgresOwnForecasts, pool: Pool):
    await own.keep(ISSUE, kept_at=NOW)

    found = await PostgresIntensityStore(pool).load(None, now=NOW)

    assert found["us-west-1"].outlook is None


async def test_the_next_day_is_the_providers_where_it_says_anything(
    own: PostgresOwnForecasts, pool: Pool
):
    now = await pool.fetchval("SELECT now()")
    hour = now.replace(minute=0, second=0, microsecond=0)
    await own.keep(replace(ISSUE, issued_at=now, first_at=hour), kept_at=now)

    alone = await pool.fetch("SELECT * FROM v_carbon_forecast_24h")
    await PostgresForecastStore(pool).store_forecasts(
        [provider_forecast(hour - HOUR, 250.0, 260.0, 270.0, 280.0)]
    )
    beside = await pool.fetch("SELECT * FROM v_carbon_forecast_24h")

    assert {row["source"] for row in alone} == {"own"}
    assert {row["source"] for row in beside} == {"meter"}


@BOTH_VERSIONS
async def test_a_region_is_measured_until_its_last_hour_that_is_half_covered(
    own: PostgresOwnForecasts, pool: Pool
):
    quarter = timedelta(minutes=15)
    await measure(pool, NOON - HOUR)
    first = await own.hours([grid("us-west-1")], NOW)
    await measure(pool, NOON, quarter)
    begun = await own.hours([grid("us-west-1")], NOW)
    await measure(pool, NOON + quarter, quarter)
    half = await own.hours([grid("us-west-1")], NOW)

    assert [first, begun, half] == [
        [
            RegionHours(
                region="us-west-1", measured_until=until, measured_since=NOON - HOUR, values=0
            )
        ]
        for until in (NOON, NOON, NOON + HOUR)
    ]


async def test_the_past_is_told_by_its_beginning_and_the_values_of_the_last_weeks(
    own: PostgresOwnForecasts, pool: Pool
):
    for age in (1, 2, 5, 6, 24 * 13, 24 * 20, 24 * 91):
        await measure(pool, NOON - age * HOUR)
    await measure(pool, NOON - 7 * HOUR, signal="marginal")

    [found] = await own.hours([grid("us-west-1")], NOW)

    assert (found.measured_since, found.values) == (NOON - 24 * 20 * HOUR, 3)


async def test_what_was_forecast_last_is_known_after_a_restart(
    own: PostgresOwnForecasts, pool: Pool
):
    await measure(pool, NOON - HOUR)
    await own.keep(ISSUE, kept_at=NOW)

    [found] = await own.hours([grid("us-west-1")], NOW)

    assert (found.measured_until, found.forecast_from) == (NOON, NOON)


async def test_a_region_without_a_measured_hour_in_a_day_is_not_forecast(
    own: PostgresOwnForecasts, pool: Pool
):
    await measure(pool, NOW - 24 * HOUR)
    await measure(pool, NOON - HOUR, signal="marginal")
    await measure(pool, NOON - 2 * HOUR, kind="static")

    assert await own.hours([grid("us-west-1"), grid("eu-west-1")], NOW) == []


async def test_old_forecasts_are_deleted_with_their_hours(own: PostgresOwnForecasts, pool: Pool):
    for age in range(205):
        at = NOW - timedelta(days=20) - age * HOUR
        await own.keep(replace(ISSUE, issued_at=at), kept_at=at)
    await own.keep(ISSUE, kept_at=NOW)
    await PostgresForecastStore(pool).store_forecasts(
        [provider_forecast(NOW - timedelta(days=30), 250.0)]
    )

    assert await own.purge(NOW - timedelta(days=14)) == 205

    assert await pool.fetchval("SELECT count(*) FROM forecast_issues") == 1
    left = "SELECT source, count(*) FROM carbon_intensity_forecasts GROUP BY source"
    assert dict(await pool.fetch(left)) == {"own": 3, "meter": 1}


@BOTH_VERSIONS
async def test_a_providers_issues_come_hour_by_hour(own: PostgresOwnForecasts, pool: Pool):
    half = timedelta(minutes=30)
    issued = provider_forecast(NOW - 3 * HOUR, 200.0, 300.0, 400.0, lasts=half)
    await PostgresForecastStore(pool).store_forecasts([issued])

    [issue] = await PostgresProviderIssues(pool).provider_issues(grid("us-west-1"), NOW)

    first = int((NOW - 3 * HOUR).timestamp() // 3600)
    assert (issue.issued, issue.first) == (first, first)
    assert issue.grams.tolist() == [200.0, 350.0]


async def test_of_a_providers_issues_only_what_was_known_counts(
    own: PostgresOwnForecasts, pool: Pool
):
    store = PostgresForecastStore(pool)
    for age, grams in ((3, 200.0), (2, 210.0), (-1, 220.0), (24 * 20, 230.0)):
        await store.store_forecasts([provider_forecast(NOW - age * HOUR, grams)])

    found = await PostgresProviderIssues(pool).provider_issues(grid("us-west-1"), NOW)

    assert [issue.grams.tolist() for issue in found] == [[200.0], [210.0]]


def provider_forecast(
    issued_at: datetime, *grams: float, lasts: timedelta = HOUR
) -> RegionForecast:
    return RegionForecast(
        region="us-west-1",
        source="meter",
        basis=Basis(),
        provider_zone="CISO",
        licence_class="open",
        model=None,
        issued_at=issued_at,
        fetched_at=issued_at,
        points=tuple(
            ForecastPoint(target_at=issued_at + nth * lasts, lasts=lasts, grams_per_kwh=each)
            for nth, each in enumerate(grams)
        ),
    )
