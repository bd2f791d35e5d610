from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.providers.watttime.answers import GRAMS_PER_KWH_OF_UNIT, SOURCE
from carbon_scaler.providers.watttime.source import TRAITS, WattTimeSource
from tests.integration.providers.source_contract import SourceContract, Subject
from tests.integration.providers.watttime_account import (
    DAY,
    NOW,
    SLOT,
    VIRGINIA,
    ZONE,
    Account,
    watttime_source,
)
from tests.peers.server import Peer, Reply, page
from tests.peers.watttime import (
    ACCESS,
    FORECAST,
    HISTORY,
    INDEX,
    LBS,
    LOGIN,
    PASSWORD,
    REGION,
    STEP,
    WattTimePeer,
    lbs_at,
)


@pytest.fixture
def watttime() -> WattTimePeer:
    return WattTimePeer(now=lambda: NOW)


@pytest.fixture
def peer(watttime: WattTimePeer) -> Iterator[Peer]:
    with Peer(watttime) as peer:
        yield peer


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
async def source(peer: Peer, account: Account) -> AsyncIterator[WattTimeSource]:
    async with watttime_source(peer, account) as source:
        yield source


async def _refused(source: WattTimeSource) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await source.latest(ZONE, NOW)
    assert caught.value.source == SOURCE
    assert PASSWORD not in str(caught.value)
    assert "token-" not in str(caught.value)
    return caught.value


async def test_the_present_comes_from_the_forecasts_first_point(
    source: WattTimeSource, peer: Peer
) -> None:
    (observation,) = await source.latest(ZONE, NOW)

    assert observation.starts_at == SLOT
    assert observation.grams_per_kwh == pytest.approx(lbs_at(ZONE, SLOT) * GRAMS_PER_KWH_OF_UNIT)
    assert peer.paths == [LOGIN, FORECAST]
    assert peer.requests[1].query == {
        "region": ZONE,
        "horizon_hours": "0",
        "signal_type": "co2_moer",
    }


async def test_429_is_tried_again_and_then_said(
    source: WattTimeSource, watttime: WattTimePeer, peer: Peer
) -> None:
    watttime.overrides[FORECAST] = Reply(status=429, body={"error": "too many"})

    assert (await _refused(source)).kind is ErrorKind.RATE_LIMITED
    assert peer.paths == [LOGIN, FORECAST, FORECAST, FORECAST]


async def test_a_percentile_never_becomes_grams(
    source: WattTimeSource, watttime: WattTimePeer
) -> None:
    watttime.units = "percentile"

    assert (await _refused(source)).kind is ErrorKind.UNIT


async def test_a_signal_index_stays_a_percentile(
    source: WattTimeSource, watttime: WattTimePeer, peer: Peer
) -> None:
    watttime.access = set()

    found = await source.signal_index(ZONE)

    assert (found.percent, found.zone, found.at) == (42.0, ZONE, SLOT)
    assert peer.paths == [LOGIN, INDEX]


async def test_a_null_now_is_no_data_and_no_zero(
    source: WattTimeSource, watttime: WattTimePeer
) -> None:
    watttime.lbs[SLOT] = None

    assert (await _refused(source)).kind is ErrorKind.NO_DATA


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body={"data": [], "meta": None}),
        Reply(body='{"data": [{"value": NaN}]}'),
        Reply(body=[]),
        page(200),
    ],
)
async def test_what_is_not_documented_is_malformed(
    source: WattTimeSource, watttime: WattTimePeer, reply: Reply
) -> None:
    watttime.overrides[FORECAST] = reply

    assert (await _refused(source)).kind is ErrorKind.MALFORMED


async def test_a_change_of_model_and_warnings_show_in_the_observations(
    source: WattTimeSource, watttime: WattTimePeer
) -> None:
    (before,) = await source.latest(ZONE, NOW)
    watttime.model = "2026-02-20"
    watttime.warnings = [{"type": "NEW_MODEL", "message": "values shift"}]

    (after,) = await source.latest(ZONE, NOW)

    assert (before.method, after.method) == ("model 2026-01-15", "model 2026-02-20")
    assert after.remarks == ("NEW_MODEL: values shift",)


async def test_history_is_asked_in_parts_and_holds_each_point_once(
    source: WattTimeSource, watttime: WattTimePeer, peer: Peer
) -> None:
    since = SLOT - 40 * DAY
    watttime.lbs[SLOT - STEP] = None
    watttime.imputed.add(SLOT - 2 * STEP)

    found = await source.history(ZONE, since, SLOT)

    starts = [one.starts_at for one in found]
    assert starts == [since + index * STEP for index in range(40 * 288 - 1)]
    assert found[-1].remarks != found[-2].remarks == ()
    assert peer.paths == [LOGIN, HISTORY, HISTORY]


async def test_nothing_is_asked_for_no_time(source: WattTimeSource, peer: Peer) -> None:
    assert await source.history(ZONE, NOW, NOW) == []
    assert peer.paths == []


async def test_a_forecast_reaches_three_days_in_five_minutes(source: WattTimeSource) -> None:
    forecast = await source.forecast(ZONE, NOW)

    assert forecast is not None
    assert len(forecast.points) == 864
    assert (forecast.issued_at, forecast.model) == (SLOT, "2026-01-15")
    assert {point.lasts for point in forecast.points} == {STEP}


async def test_a_forecast_of_a_day_is_taken_where_three_are_refused(
    source: WattTimeSource, watttime: WattTimePeer, peer: Peer
) -> None:
    watttime.longest_horizon = 24

    forecast = await source.forecast(ZONE, NOW)

    assert forecast is not None
    assert len(forecast.points) == 288
    assert [request.query["horizon_hours"] for request in peer.requests[1:]] == ["72", "24"]


async def test_a_forecast_that_the_plan_lacks_is_asked_for_once(
    source: WattTimeSource, watttime: WattTimePeer, peer: Peer
) -> None:
    watttime.access = set()

    with pytest.raises(SourceError) as refused:
        await source.forecast(ZONE, NOW)

    assert refused.value.kind is ErrorKind.PLAN
    assert peer.paths == [LOGIN, FORECAST]


async def test_a_repeated_tail_of_a_forecast_is_cut(
    source: WattTimeSource, watttime: WattTimePeer
) -> None:
    watttime.lbs = {SLOT + index * STEP: 5.0 for index in range(100, 864)}

    forecast = await source.forecast(ZONE, NOW)

    assert forecast is not None
    assert len(forecast.points) == 101


async def test_a_region_is_found_by_its_coordinates_and_kept_for_a_month(
    source: WattTimeSource, peer: Peer, account: Account
) -> None:
    assert await source.zone_of(VIRGINIA, NOW) == ZONE
    assert await source.zone_of(VIRGINIA, NOW + 29 * DAY) == ZONE
    assert peer.paths == [LOGIN, REGION]
    assert peer.requests[1].query["latitude"] == "39.04"

    await source.zone_of(VIRGINIA, NOW + 30 * DAY)

    assert peer.paths == [LOGIN, REGION, REGION]
    assert account.directory.zones[SOURCE, "us-east-1"] == (ZONE, NOW + 30 * DAY)


async def test_what_the_profile_says_is_not_asked(source: WattTimeSource, peer: Peer) -> None:
    assert await source.zone_of(_virginia(zones={SOURCE: "PJM_ROANOKE"}), NOW) == "PJM_ROANOKE"
    assert peer.paths == []


async def test_no_coverage_is_an_answer_that_no_hint_replaces(
    source: WattTimeSource, watttime: WattTimePeer, account: Account
) -> None:
    watttime.places.clear()

    with pytest.raises(SourceError, match="no grid there") as refused:
        await source.zone_of(_virginia(watttime_region=ZONE), NOW)

    assert refused.value.kind is ErrorKind.ZONE
    assert account.directory.zones == {}


async def test_the_hint_serves_while_the_region_cannot_be_asked_for(
    source: WattTimeSource, watttime: WattTimePeer, account: Account
) -> None:
    watttime.overrides[REGION] = Reply(status=500)

    assert await source.zone_of(_virginia(watttime_region="PJM_HINT"), NOW) == "PJM_HINT"
    assert account.directory.zones == {}
    with pytest.raises(SourceError) as refused:
        await source.zone_of(VIRGINIA, NOW)
    assert refused.value.kind is ErrorKind.SERVER


async def test_what_was_found_once_stands_before_the_hint(
    source: WattTimeSource, watttime: WattTimePeer, account: Account
) -> None:
    account.directory.zones[SOURCE, "us-east-1"] = ("PJM_FOUND", NOW - 40 * DAY)
    watttime.overrides[REGION] = Reply(status=500)

    assert await source.zone_of(_virginia(watttime_region="PJM_HINT"), NOW) == "PJM_FOUND"


async def test_zones_are_those_whose_forecast_the_account_includes(
    source: WattTimeSource, peer: Peer
) -> None:
    assert await source.zones() == {"CAISO_NORTH", "PJM_DC"}
    assert peer.paths == [LOGIN, ACCESS]


def test_every_region_may_be_covered(source: WattTimeSource) -> None:
    assert source.serves(VIRGINIA)
    assert source.traits == TRAITS
    assert source.traits.usable_for == timedelta(minutes=70)


def _virginia(
    *, zones: dict[str, str] | None = None, watttime_region: str | None = None
) -> CloudRegion:
    return replace(VIRGINIA, zones=zones or {}, watttime_region=watttime_region)


class TestWattTimeKeepsTheContract(SourceContract):
    @pytest.fixture
    def subject(self, source: WattTimeSource, watttime: WattTimePeer) -> Subject:
        def answer_with(reply: Reply) -> None:
            watttime.overrides |= dict.fromkeys((FORECAST, HISTORY, REGION), reply)

        empty = {"data": [], "meta": {"region": ZONE, "units": LBS}}
        null = {**empty, "data": [{"point_time": SLOT.isoformat(), "value": None}]}
        return Subject(
            source=source,
            zone=ZONE,
            region=VIRGINIA,
            now=NOW,
            secrets=(PASSWORD, "token-1-for-tests"),
            answer_with=answer_with,
            nothing=(Reply(body=empty), Reply(body=null)),
        )
