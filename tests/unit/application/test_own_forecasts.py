"""Forecasts of our own: made once for each new hour, and one region's failure is its own."""

from datetime import timedelta

import pytest
import structlog

from carbon_scaler.application.terms import SupersededError
from carbon_scaler.domain.errors import CarbonScalerError
from tests.unit.application.forecast_fakes import HOUR, NOON, FakeTerm, World

TERM = FakeTerm()


async def test_a_new_hour_is_forecast_once():
    world = World("us-west-1")

    assert await world.forecasts.issue_due(TERM) == 1
    assert await world.forecasts.issue_due(TERM) == 0

    [(issue, term)] = world.kept
    assert (issue.region, issue.known_until, term) == ("us-west-1", NOON, 7)
    assert world.opened == 1


async def test_the_next_hour_is_forecast_again():
    world = World("us-west-1")
    await world.forecasts.issue_due(TERM)

    world.measured_until["us-west-1"] += HOUR
    world.clock.time += HOUR

    assert await world.forecasts.issue_due(TERM) == 1
    assert [issue.known_until for issue, _ in world.kept] == [NOON, NOON + HOUR]


async def test_a_restart_forecasts_no_hour_again():
    world = World("us-west-1")
    await world.forecasts.issue_due(TERM)
    anew = world.anew()

    assert await anew.issue_due(TERM) == 0

    world.values += 1
    assert await anew.issue_due(TERM) == 1


@pytest.mark.parametrize(("earlier", "more"), [(2, 0), (0, 3)], ids=["longer", "fewer gaps"])
async def test_a_past_that_is_fetched_later_is_forecast_from_once_it_has_settled(
    earlier: int, more: int
):
    world = World("us-west-1")
    await world.forecasts.issue_due(TERM)

    world.measured_since -= earlier * HOUR
    world.values += more

    assert await world.forecasts.issue_due(TERM) == 0
    world.clock.time += timedelta(minutes=1)
    assert await world.forecasts.issue_due(TERM) == 1


async def test_hours_that_grew_old_are_no_news_and_hide_none():
    world = World("us-west-1")
    await world.forecasts.issue_due(TERM)
    world.clock.time += timedelta(minutes=1)

    world.measured_since += 2 * HOUR
    world.values -= 2
    assert await world.forecasts.issue_due(TERM) == 0

    world.values += 1
    assert await world.forecasts.issue_due(TERM) == 1


async def test_where_nothing_was_measured_no_process_is_started():
    world = World()

    assert await world.forecasts.issue_due(TERM) == 0
    assert world.opened == 0


async def test_a_region_that_fails_is_told_once_keeps_none_waiting_and_is_tried_again():
    world = World("us-east-1", "us-west-1")
    world.failing = {"us-east-1"}

    with structlog.testing.capture_logs() as logs:
        assert await world.forecasts.issue_due(TERM) == 1
        assert await world.forecasts.issue_due(TERM) == 0
        world.clock.time += timedelta(minutes=6)
        assert await world.forecasts.issue_due(TERM) == 0

    told = [entry for entry in logs if entry["event"] == "forecast.failed"]
    assert [(entry["region"], entry["cause"]) for entry in told] == [
        ("us-east-1", "singular matrix")
    ]
    assert world.asked == ["us-east-1", "us-west-1", "us-east-1"]

    world.failing = set()
    world.clock.time += timedelta(minutes=6)
    assert await world.forecasts.issue_due(TERM) == 1


async def test_a_region_that_takes_too_long_is_given_up_and_the_next_one_goes_on():
    world = World("us-east-1", "us-west-1")
    world.hanging = {"us-east-1"}

    with structlog.testing.capture_logs() as logs:
        assert await world.forecasts.issue_due(TERM, within=timedelta(milliseconds=20)) == 1

    assert [issue.region for issue, _ in world.kept] == ["us-west-1"]
    [told] = [entry for entry in logs if entry["event"] == "forecast.failed"]
    assert told["cause"].startswith("not done in ")


async def test_a_single_cycle_leaves_what_it_has_no_time_for():
    world = World("eu-west-1", "us-east-1", "us-west-1")
    world.seconds_each = 20.0

    await world.forecasts.issue_once(TERM, within=timedelta(seconds=30))

    assert world.asked == ["eu-west-1", "us-east-1"]


async def test_a_single_cycle_bears_a_store_that_is_away():
    world = World("us-west-1")
    world.away = CarbonScalerError("the database is away")

    with structlog.testing.capture_logs() as logs:
        await world.forecasts.issue_once(TERM, within=timedelta(seconds=30))

    assert [entry["cause"] for entry in logs] == ["the database is away"]


async def test_a_single_cycle_whose_term_is_over_says_so():
    world = World("us-west-1")
    world.superseded = True

    with pytest.raises(SupersededError):
        await world.forecasts.issue_once(TERM, within=timedelta(seconds=30))


async def test_whoever_leads_no_more_stops():
    world = World("us-west-1")
    world.superseded = True

    with structlog.testing.capture_logs() as logs:
        await world.forecasts.run(TERM)

    assert [entry["event"] for entry in logs] == ["forecast.superseded"]


async def test_a_store_that_is_away_is_told_once_and_asked_again():
    world = World("us-west-1")
    world.away = CarbonScalerError("the database is away")

    async def sleep(seconds: float) -> None:
        world.slept += 1
        if world.slept == 3:
            world.away = None
            world.superseded = True

    world.sleep = sleep  # type: ignore[method-assign]

    with structlog.testing.capture_logs() as logs:
        await world.anew().run(TERM)

    assert [entry["event"] for entry in logs] == ["forecast.round_failed", "forecast.superseded"]
    assert world.slept == 3
