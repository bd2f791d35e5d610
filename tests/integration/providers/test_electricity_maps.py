import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.domain.intensity import Factors, Kind, RenewableShare
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.providers.electricity_maps.answers import refusal
from carbon_scaler.providers.electricity_maps.requests import Edition
from carbon_scaler.providers.electricity_maps.source import ElectricityMapsSource
from carbon_scaler.providers.transport import Transport, new_client
from tests.fakes import FakeClock
from tests.integration.providers.source_contract import SourceContract, Subject
from tests.peers.electricity_maps import (
    FORECAST,
    HISTORY,
    HOUR,
    LATEST,
    LIVE_TOKEN,
    MIX_V4,
    PAST,
    SANDBOX_TOKEN,
    ElectricityMapsPeer,
    grams_at,
    plan_refusal,
)
from tests.peers.server import Peer, Reply, Request, page

NOW = datetime(2026, 10, 1, 12, 20, tzinfo=UTC)
NOON = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
REGION = CloudRegion(
    name="eu-central-1",
    provider="aws",
    country="DE",
    zone="DE",
    latitude=50.1,
    longitude=8.7,
    eu_eea="eu",
)


@dataclass
class World:
    """A source, and the provider that it asks."""

    source: ElectricityMapsSource
    provider: ElectricityMapsPeer
    peer: Peer
    clock: FakeClock
    tokens: list[str]

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.peer.requests if request.path.endswith(path)]

    def answer(self, path: str, **changes: Any) -> None:
        """The faithful answer with some of its fields changed."""

        def changed(request: Request) -> Reply:
            return Reply(body=self.provider.faithful(request).body | changes)

        self.provider.overrides[path] = changed

    def answer_rows(self, path: str, key: str, change: Callable[[list[Any]], Any]) -> None:
        """The faithful answer with its rows changed."""

        def changed(request: Request) -> Reply:
            body = self.provider.faithful(request).body
            return Reply(body=body | {key: change(body[key])})

        self.provider.overrides[path] = changed


@asynccontextmanager
async def world_of(edition: Edition, **settings: Any) -> AsyncIterator[World]:
    async def spend() -> bool:
        return True

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)

    clock = FakeClock(NOW)
    provider = ElectricityMapsPeer(now=clock.now)
    tokens = [LIVE_TOKEN]
    with Peer(provider) as peer:
        async with new_client() as client:
            transport = Transport(
                client,
                source="electricity_maps",
                address=peer.url,
                spend=spend,
                refusals=refusal,
                sleep=sleep,
            )
            source = ElectricityMapsSource(
                transport, token=lambda: tokens[-1], edition=edition, clock=clock, **settings
            )
            yield World(source, provider, peer, clock, tokens)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with world_of(Edition(), mix=False) as world:
        yield world


@pytest.fixture
async def with_mix() -> AsyncIterator[World]:
    async with world_of(Edition()) as world:
        yield world


@pytest.mark.parametrize("version", ["v4", "v3"])
@pytest.mark.parametrize("factors", [Factors.LIFECYCLE, Factors.DIRECT])
class TestElectricityMapsKeepsTheContract(SourceContract):
    @pytest.fixture
    async def subject(self, version: Any, factors: Factors) -> AsyncIterator[Subject]:
        async with world_of(Edition(version=version, factors=factors)) as world:
            yield Subject(
                source=world.source,
                zone="DE",
                region=REGION,
                now=NOW,
                secrets=[LIVE_TOKEN],
                answer_with=lambda reply: world.provider.overrides.update(
                    dict.fromkeys((LATEST, HISTORY, PAST, FORECAST), reply)
                ),
                nothing=[
                    Reply(body={"zone": "DE", "status": "no-data", "data": {}}),
                    Reply(body={"zone": "DE", "data": []}),
                    Reply(status=404, body={"error": 'No recent data for zone "DE"'}),
                    Reply(
                        body={
                            "zone": "DE",
                            "carbonIntensity": None,
                            "datetime": "2026-10-01T12:00:00.000Z",
                        }
                    ),
                ],
            )


async def error_of(awaitable: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await awaitable
    return caught.value


async def test_the_present_hour_says_how_it_came_about(world: World):
    [latest] = await world.source.latest("DE", NOW)

    assert latest.starts_at == NOON
    assert latest.lasts == HOUR
    assert latest.grams_per_kwh == grams_at("DE", NOON)
    assert (latest.kind, latest.method) == (Kind.ESTIMATED, "TIME_SLICER_AVERAGE")
    assert latest.generated_at == NOON - timedelta(days=3)
    assert latest.updated_at == NOON + timedelta(minutes=50)


async def test_a_request_names_the_zone_the_factors_and_no_caller(world: World):
    await world.source.latest("DE", NOW)

    [request] = world.peer.requests
    assert request.path == "/v4/carbon-intensity/latest"
    assert request.query == {
        "zone": "DE",
        "disableCallerLookup": "true",
        "emissionFactorType": "lifecycle",
    }
    assert request.headers["auth-token"] == LIVE_TOKEN


async def test_direct_factors_are_asked_for_and_have_no_forecast():
    async with world_of(Edition(factors=Factors.DIRECT), mix=False) as world:
        [latest] = await world.source.latest("DE", NOW)
        forecast = await world.source.forecast("DE", NOW)

    assert latest.grams_per_kwh == grams_at("DE", NOON) - 20
    assert world.source.traits.basis.factors is Factors.DIRECT
    assert world.source.traits.horizon is None
    assert forecast is None
    assert world.asked(FORECAST) == []


@pytest.mark.parametrize("version", ["v4", "v3"])
async def test_the_mix_is_that_of_known_production(version: Any):
    async with world_of(Edition(version=version)) as world:
        [latest] = await world.source.latest("DE", NOW)

    assert latest.mix is not None
    assert (latest.mix["wind"], latest.mix["coal"], latest.mix["other"]) == (30, 20, 2)
    assert latest.renewable.at_least == 50
    assert world.source.traits.calls_per_latest == len(world.peer.requests) == 2


@pytest.mark.parametrize(
    ("bad", "remark", "asked_again"),
    [
        (plan_refusal("DE", MIX_V4), "no mix: plan", 1),
        (Reply(status=500), "no mix: server", 6),
        (Reply(body={"zone": "FR", "data": [{"mix": {}}]}), "no mix: zone", 2),
        (Reply(body={"zone": "DE", "data": [{"datetime": "x"}]}), "no mix: malformed", 2),
    ],
)
async def test_a_mix_that_fails_never_costs_the_intensity(
    with_mix: World, bad: Reply, remark: str, asked_again: int
):
    with_mix.provider.overrides[MIX_V4] = bad
    [first] = await with_mix.source.latest("DE", NOW)
    [second] = await with_mix.source.latest("DE", NOW)

    assert first.grams_per_kwh == grams_at("DE", NOON)
    assert first.mix is None
    assert first.renewable == RenewableShare(at_least=0, at_most=100)
    assert first.remarks == (remark,)
    assert first == second
    assert len(with_mix.asked(MIX_V4)) == asked_again


async def test_a_mix_of_another_hour_is_left_out(with_mix: World):
    with_mix.provider.overrides[MIX_V4] = Reply(
        body={"zone": "DE", "data": [{"datetime": "2026-10-01T11:00:00Z", "mix": {"wind": 5}}]}
    )
    [latest] = await with_mix.source.latest("DE", NOW)

    assert latest.mix is None


async def test_a_day_of_history_takes_one_call_of_the_short_kind(world: World):
    since = NOON - timedelta(hours=20)
    found = await world.source.history("DE", since, NOW)

    assert [observation.starts_at for observation in found] == [
        since + hours * HOUR for hours in range(21)
    ]
    assert world.peer.paths == ["/v4/carbon-intensity/history"]
    assert {observation.kind for observation in found} == {Kind.ESTIMATED, Kind.MEASURED}


@pytest.mark.parametrize("under", ["history", "data"])
async def test_rows_of_history_are_found_under_either_name(world: World, under: str):
    world.provider.history_under = under

    assert len(await world.source.history("DE", NOON - timedelta(hours=23), NOW)) == 24


async def test_eight_days_of_history_take_one_call_of_the_long_kind(world: World):
    since = NOON - timedelta(days=8)
    found = await world.source.history("DE", since, NOON)

    assert len(found) == 8 * 24
    [request] = world.peer.requests
    assert request.path == "/v4/carbon-intensity/past-range"
    assert request.query["start"] == "2026-09-23T12:00:00Z"
    assert request.query["end"] == "2026-10-01T12:00:00Z"


async def test_longer_ranges_are_asked_for_ten_days_at_a_time(world: World):
    since = NOON - timedelta(days=25)
    found = await world.source.history("DE", since, NOON)

    assert len(found) == 25 * 24
    assert [request.query["start"][:10] for request in world.peer.requests] == [
        "2026-09-06",
        "2026-09-16",
        "2026-09-26",
    ]


async def test_a_range_without_data_leaves_the_others(world: World):
    def no_september(request: Request) -> Reply:
        if request.query["start"] < "2026-09-15":
            return Reply(body={"zone": "DE", "data": []})
        return world.provider.faithful(request)

    world.provider.overrides[PAST] = no_september
    found = await world.source.history("DE", NOON - timedelta(days=20), NOON)

    assert len(found) == 10 * 24


async def test_where_no_range_has_data_that_is_said(world: World):
    world.provider.overrides[PAST] = Reply(body={"zone": "DE", "data": []})
    error = await error_of(
        world.source.history("DE", NOON - timedelta(days=20), NOON - timedelta(days=2))
    )
    last_day = await world.source.history("DE", NOON - timedelta(days=8), NOW)

    assert error.kind is ErrorKind.NO_DATA
    assert len(last_day) == 24


async def test_a_plan_without_past_ranges_gives_a_day_and_is_not_tried_again_for_a_day(
    world: World,
):
    world.provider.access = {LATEST, HISTORY}
    since = NOON - timedelta(days=8)
    first = await world.source.history("DE", since, NOW)
    await world.source.history("DE", since, NOW)
    tried = len(world.asked(PAST))
    world.clock.advance(timedelta(days=1))
    await world.source.history("DE", since, world.clock.now())

    assert len(first) == 24
    assert tried == 1
    assert len(world.asked(PAST)) == 2


async def test_beyond_a_day_a_plan_without_past_ranges_says_so(world: World):
    world.provider.access = {LATEST, HISTORY}
    error = await error_of(
        world.source.history("DE", NOON - timedelta(days=8), NOON - timedelta(days=2))
    )

    assert error.kind is ErrorKind.PLAN
    assert world.asked(HISTORY) == []


async def test_revised_history_is_told_as_it_is_now(world: World):
    hour = NOON - 5 * HOUR
    [before] = await world.source.history("DE", hour, hour + HOUR)
    world.provider.grams["DE", hour] = 42.5
    [after] = await world.source.history("DE", hour, hour + HOUR)

    assert before.grams_per_kwh == grams_at("DE", hour)
    assert after.grams_per_kwh == 42.5


@pytest.mark.parametrize("absent", [None, -1])
async def test_a_missing_newest_row_is_missing_and_the_older_ones_count(
    world: World, absent: object
):
    world.provider.grams["DE", NOON] = absent
    found = await world.source.history("DE", NOON - 3 * HOUR, NOW)

    assert [observation.starts_at for observation in found] == [
        NOON - 3 * HOUR,
        NOON - 2 * HOUR,
        NOON - HOUR,
    ]
    error = await error_of(world.source.latest("DE", NOW))
    assert error.kind is ErrorKind.NO_DATA


@pytest.mark.parametrize("value", [0, 3387])
async def test_what_is_merely_odd_is_left_to_plausibility(world: World, value: int):
    world.provider.grams["DE", NOON] = value
    [latest] = await world.source.latest("DE", NOW)

    assert latest.grams_per_kwh == value


async def test_three_days_are_forecast_where_the_plan_has_them(world: World):
    forecast = await world.source.forecast("DE", NOW)

    assert forecast is not None
    assert forecast.issued_at == NOON
    assert len(forecast.points) == 73
    assert forecast.points[0].target_at == NOON
    [request] = world.peer.requests
    assert request.query == {"zone": "DE", "disableCallerLookup": "true", "horizonHours": "72"}


async def test_a_plan_with_less_gives_what_it_has_and_is_asked_for_no_more(world: World):
    world.provider.longest_horizon = 24
    world.provider.extra_point = False
    forecast = await world.source.forecast("DE", NOW)
    await world.source.forecast("DE", NOW)

    assert forecast is not None
    assert len(forecast.points) == 24
    assert [request.query.get("horizonHours") for request in world.peer.requests] == [
        "72",
        None,
        None,
    ]


async def test_a_plan_without_forecasts_is_told_once_a_day(world: World):
    world.provider.access = {LATEST}
    first = await error_of(world.source.forecast("DE", NOW))
    asked = len(world.peer.requests)
    second = await error_of(world.source.forecast("DE", NOW))

    assert first.kind is second.kind is ErrorKind.PLAN
    assert "do not have access" in str(second)
    assert len(world.peer.requests) == asked
    assert await world.source.latest("DE", NOW)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda rows: rows[:3], 3),
        (lambda rows: rows[::-1], 73),
        (lambda rows: [*rows, rows[-1]], 73),
        (lambda rows: [rows[0] | {"datetime": "2026-10-01T11:00:00.000Z"}, *rows], 73),
        (lambda rows: rows[:12], 12),
        (lambda rows: [*rows[:-1], rows[-1] | {"carbonIntensity": None}], 72),
        (
            lambda rows: (
                rows[:30]
                + [row | {"carbonIntensity": rows[30]["carbonIntensity"]} for row in rows[30:]]
            ),
            31,
        ),
    ],
    ids=["3 rows", "unordered", "repeated", "past", "until midnight", "null", "flat tail"],
)
async def test_of_a_forecast_only_what_was_forecast_is_kept(
    world: World, change: Callable[[list[Any]], list[Any]], left: int
):
    world.answer_rows(FORECAST, "forecast", change)
    forecast = await world.source.forecast("DE", NOW)

    assert forecast is not None
    assert len(forecast.points) == left
    assert forecast.points[0].target_at == NOON


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [],
        lambda rows: [row | {"carbonIntensity": None} for row in rows],
        lambda rows: [rows[0] | {"datetime": "2026-09-01T12:00:00.000Z"}],
    ],
    ids=["empty", "all null", "all past"],
)
async def test_a_forecast_of_nothing_is_no_forecast(
    world: World, change: Callable[[list[Any]], list[Any]]
):
    world.answer_rows(FORECAST, "forecast", change)
    error = await error_of(world.source.forecast("DE", NOW))

    assert error.kind is ErrorKind.NO_DATA


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [*rows, rows[-1] | {"carbonIntensity": 999}],
        lambda rows: [row | {"carbonIntensity": "302"} for row in rows],
        lambda rows: [*rows, {"carbonIntensity": 3}],
        lambda rows: "none",
    ],
    ids=["contradicting", "text", "no instant", "no rows"],
)
async def test_a_forecast_that_is_not_as_documented_is_refused(
    world: World, change: Callable[[list[Any]], Any]
):
    world.answer_rows(FORECAST, "forecast", change)
    error = await error_of(world.source.forecast("DE", NOW))

    assert error.kind is ErrorKind.MALFORMED


async def test_rows_without_the_name_of_forecasts_are_refused(world: World):
    world.provider.overrides[FORECAST] = Reply(body={"zone": "DE", "rows": []})
    error = await error_of(world.source.forecast("DE", NOW))

    assert error.kind is ErrorKind.MALFORMED
    assert "`forecast` is missing" in str(error)


async def test_an_answer_for_another_zone_is_refused_and_named(world: World):
    world.answer(LATEST, zone="US-CAR-DUK")
    error = await error_of(world.source.latest("DE", NOW))

    assert error.kind is ErrorKind.ZONE
    assert "US-CAR-DUK" in str(error)


async def test_an_unknown_zone_is_refused_by_the_provider(world: World):
    error = await error_of(world.source.latest("US-VA", NOW))

    assert error.kind is ErrorKind.ZONE
    assert "does not exist" in str(error)


@pytest.mark.parametrize(
    "changes",
    [
        {"carbonIntensity": "302"},
        {"carbonIntensity": True},
        {"datetime": "2026-10-01T12:00:00"},
        {"datetime": "2026-10-01T12:05:00Z"},
        {"datetime": None},
        {"updatedAt": "yesterday"},
        {"isEstimated": "no"},
        {"zone": None},
        {"zone": 7},
        {"emissionFactorType": "direct"},
        {"temporalGranularity": "5_minutes"},
        {"data": "none"},
    ],
    ids=str,
)
async def test_what_is_not_as_documented_is_refused(world: World, changes: dict[str, Any]):
    world.answer(LATEST, **changes)
    error = await error_of(world.source.latest("DE", NOW))

    assert error.kind is ErrorKind.MALFORMED
    assert "DE" in str(error)
    assert len(world.peer.requests) == 1


async def test_a_value_of_the_future_is_no_present_value(world: World):
    world.answer(LATEST, datetime="2026-10-01T13:00:00Z")
    error = await error_of(world.source.latest("DE", NOW))

    assert error.kind is ErrorKind.NO_DATA
    assert "future" in str(error)


async def test_fields_and_methods_that_nobody_knows_do_no_harm(world: World):
    world.answer(LATEST, estimationMethod="CRYSTAL_BALL", somethingNew={"a": 1})
    [latest] = await world.source.latest("DE", NOW)

    assert latest.method == "CRYSTAL_BALL"


async def test_what_does_not_say_that_it_was_measured_is_an_estimate(world: World):
    world.answer(LATEST, isEstimated=None, estimationMethod=None)
    [latest] = await world.source.latest("DE", NOW)

    assert latest.kind is Kind.ESTIMATED


@pytest.mark.parametrize("ask", ["latest", "history", "forecast"])
async def test_a_sandbox_keys_values_are_refused(world: World, ask: str):
    world.tokens.append(SANDBOX_TOKEN)
    asking = {
        "latest": lambda: world.source.latest("DE", NOW),
        "history": lambda: world.source.history("DE", NOON - HOUR, NOW),
        "forecast": lambda: world.source.forecast("DE", NOW),
    }
    error = await error_of(asking[ask]())

    assert error.kind is ErrorKind.SANDBOX
    assert "use a live key" in str(error)


async def test_a_sandbox_keys_values_say_so_where_they_are_allowed():
    async with world_of(Edition(), mix=False, allow_sandbox=True) as world:
        world.tokens.append(SANDBOX_TOKEN)
        found = [
            *await world.source.latest("DE", NOW),
            *await world.source.history("DE", NOON - 10 * HOUR, NOW),
        ]
        forecast = await world.source.forecast("DE", NOW)

    assert {(each.kind, each.method) for each in found} == {(Kind.ESTIMATED, "SANDBOX_MODE_DATA")}
    assert forecast is not None
    assert forecast.model == "SANDBOX_MODE_DATA"


async def test_a_refused_token_is_not_shown_around_until_there_is_another(world: World):
    world.tokens.append("expired-token-x")
    first = await error_of(world.source.latest("DE", NOW))
    second = await error_of(world.source.latest("FR", NOW))
    asked = len(world.peer.requests)
    world.tokens.append(LIVE_TOKEN)

    assert first.kind is second.kind is ErrorKind.KEY
    assert "ELECTRICITY_MAPS_API_KEY" in str(second)
    assert "expired-token-x" not in str(first)
    assert asked == 1
    assert await world.source.latest("DE", NOW)


async def test_a_zone_outside_the_plan_leaves_the_others_alone(world: World):
    def only_france(request: Request) -> Reply:
        if request.query["zone"] == "FR":
            return world.provider.faithful(request)
        return plan_refusal(request.query["zone"], LATEST)

    world.provider.overrides[LATEST] = only_france
    error = await error_of(world.source.latest("DE", NOW))

    assert error.kind is ErrorKind.PLAN
    assert await world.source.latest("FR", NOW)


async def test_a_proxys_page_blames_neither_key_nor_plan(world: World):
    world.provider.overrides[LATEST] = page(status=401)
    error = await error_of(world.source.latest("DE", NOW))

    assert error.kind is ErrorKind.SERVER


@pytest.mark.parametrize("access", [{"*"}, {LATEST, HISTORY}])
async def test_the_account_says_which_zones_it_may_use(world: World, access: set[str]):
    world.provider.access = access

    assert await world.source.zones() == world.provider.zones


async def test_without_live_intensity_or_a_token_no_zone_is_known_to_work(world: World):
    world.provider.access = {"power-breakdown/latest"}
    without_intensity = await world.source.zones()
    world.tokens.append("")
    without_token = await world.source.zones()

    assert without_intensity == without_token == frozenset()
    assert "auth-token" not in world.peer.requests[-1].headers


async def test_a_users_word_for_a_regions_zone_comes_first(world: World):
    region = CloudRegion(
        name="x",
        provider="aws",
        country="DE",
        zone="",
        latitude=0,
        longitude=0,
        eu_eea="eu",
        zones={"electricity_maps": "FR"},
    )

    assert world.source.serves(region)
    assert await world.source.zone_of(region, NOW) == "FR"
