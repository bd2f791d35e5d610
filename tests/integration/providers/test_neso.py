from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.domain.intensity import UNKNOWN_SHARE, Kind
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.providers.neso.answers import SOURCE, refusal
from carbon_scaler.providers.neso.source import TRAITS, NesoSource
from carbon_scaler.providers.transport import Transport, new_client
from tests.integration.providers.source_contract import SourceContract, Subject
from tests.peers.neso import RENEWABLE_PERCENT, NesoPeer, bad_request, grams_at
from tests.peers.server import Peer, Reply, page

NOW = datetime(2026, 3, 1, 12, 36, tzinfo=UTC)
SLOT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
STEP = timedelta(minutes=30)
DAY = timedelta(days=1)
LONDON = CloudRegion(
    name="eu-west-2",
    provider="aws",
    country="GB",
    zone="GB",
    latitude=51.5,
    longitude=-0.1,
    eu_eea="uk",
)


@pytest.fixture
def neso() -> NesoPeer:
    return NesoPeer(now=lambda: NOW)


@pytest.fixture
def peer(neso: NesoPeer) -> Iterator[Peer]:
    with Peer(neso) as peer:
        yield peer


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with new_client() as client:
        yield client


@pytest.fixture
def source(peer: Peer, client: httpx.AsyncClient) -> NesoSource:
    return NesoSource(_transport(peer, client))


def _transport(peer: Peer, client: httpx.AsyncClient) -> Transport:
    return Transport(
        client,
        source=SOURCE,
        address=peer.url,
        spend=_unlimited,
        refusals=refusal,
        sleep=_no_time,
    )


async def _unlimited() -> bool:
    return True


async def _no_time(seconds: float) -> None:
    """Takes none."""


async def _refused(source: NesoSource, zone: str = "GB") -> SourceError:
    with pytest.raises(SourceError) as caught:
        await source.latest(zone, NOW)
    assert caught.value.source == SOURCE
    return caught.value


async def test_the_newest_half_hour_with_an_actual_value_is_the_latest(
    source: NesoSource, peer: Peer
) -> None:
    found = await source.latest("GB", NOW)

    newest = found[-1]
    # 12:30 still runs and 12:00 has just ended: neither has an actual value yet.
    assert newest.starts_at == SLOT - 2 * STEP
    assert newest.grams_per_kwh == grams_at("GB", newest.starts_at)
    assert (newest.kind, newest.method) == (Kind.MEASURED, "actual")
    assert [one.starts_at for one in found] == sorted({one.starts_at for one in found})
    assert sorted(peer.paths) == [
        "/generation/2026-03-01T12:30Z/pt24h",
        "/intensity/2026-03-01T12:30Z/pt24h",
    ]


async def test_two_asks_within_one_half_hour_have_one_address(
    source: NesoSource, peer: Peer
) -> None:
    await source.latest("GB", NOW)
    await source.latest("GB", NOW + timedelta(minutes=20, seconds=17))

    assert peer.paths[:2] == peer.paths[2:]


async def test_the_mix_gives_the_renewable_share(source: NesoSource) -> None:
    newest = (await source.latest("GB", NOW))[-1]

    assert newest.renewable.known == RENEWABLE_PERCENT
    assert newest.mix is not None
    assert newest.mix["other"] == 11.0


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(body={}), bad_request("no"), page()])
async def test_a_mix_that_is_missing_never_costs_the_intensity(
    source: NesoSource, neso: NesoPeer, reply: Reply
) -> None:
    neso.overrides["/generation"] = reply

    newest = (await source.latest("GB", NOW))[-1]

    assert newest.grams_per_kwh == grams_at("GB", newest.starts_at)
    assert (newest.mix, newest.renewable) == (None, UNKNOWN_SHARE)


async def test_the_mix_is_not_asked_for_where_nobody_wants_it(
    peer: Peer, client: httpx.AsyncClient
) -> None:
    await NesoSource(_transport(peer, client), mix=False).latest("GB", NOW)

    assert peer.paths == ["/intensity/2026-03-01T12:30Z/pt24h"]


async def test_a_null_at_the_newest_half_hour_leaves_the_one_before(
    source: NesoSource, neso: NesoPeer
) -> None:
    neso.actuals[SLOT - 2 * STEP] = None

    assert (await source.latest("GB", NOW))[-1].starts_at == SLOT - 3 * STEP


async def test_a_day_without_any_actual_value_is_no_data(
    source: NesoSource, neso: NesoPeer
) -> None:
    neso.filled_after = 3 * DAY

    assert (await _refused(source)).kind is ErrorKind.NO_DATA


async def test_zero_and_much_are_values_and_less_than_zero_is_missing(
    source: NesoSource, neso: NesoPeer
) -> None:
    neso.actuals = {SLOT - 4 * STEP: 0, SLOT - 3 * STEP: 3387, SLOT - 2 * STEP: -1}

    found = await source.latest("GB", NOW)

    assert [one.grams_per_kwh for one in found[-2:]] == [0, 3387]


async def test_an_area_has_its_present_forecast_as_an_estimate(
    source: NesoSource, peer: Peer
) -> None:
    (found,) = await source.latest("13", NOW)

    assert (found.zone, found.starts_at) == ("13", SLOT)
    assert (found.kind, found.method) == (Kind.ESTIMATED, "forecast")
    assert found.grams_per_kwh == grams_at("13", SLOT)
    assert found.renewable.known == RENEWABLE_PERCENT
    assert peer.paths == ["/regional/regionid/13"]


async def test_an_area_answered_for_another_one_is_refused(
    source: NesoSource, neso: NesoPeer
) -> None:
    neso.overrides["/regional"] = Reply(body={"data": [{"regionid": 1, "data": []}]})

    assert (await _refused(source, "13")).kind is ErrorKind.ZONE


@pytest.mark.parametrize("zone", ["GB", "13"])
async def test_history_is_asked_by_the_fortnight_and_holds_each_half_hour_once(
    source: NesoSource, zone: str
) -> None:
    since, until = SLOT - 30 * DAY, SLOT - 2 * STEP

    found = await source.history(zone, since, until)

    starts = [one.starts_at for one in found]
    assert starts == [since + index * STEP for index in range(30 * 48 - 2)]
    assert {one.kind for one in found} == {Kind.MEASURED if zone == "GB" else Kind.ESTIMATED}


async def test_history_between_half_hours_begins_within_what_was_asked(
    source: NesoSource, peer: Peer
) -> None:
    since, until = SLOT - DAY + timedelta(minutes=7), SLOT - DAY + timedelta(minutes=67)

    found = await source.history("GB", since, until)

    assert [one.starts_at for one in found] == [SLOT - DAY + STEP, SLOT - DAY + 2 * STEP]
    assert "/intensity/2026-02-28T12:30Z/2026-02-28T14:00Z" in peer.paths


@pytest.mark.parametrize("zone", ["GB", "13"])
async def test_a_forecast_reaches_two_days(source: NesoSource, zone: str) -> None:
    forecast = await source.forecast(zone, NOW)

    assert forecast is not None
    assert forecast.points[0].target_at == SLOT
    assert len(forecast.points) == 96
    assert forecast.issued_at is None


@pytest.mark.parametrize("points", [3, 23])
async def test_a_forecast_that_ends_early_ends_early(
    source: NesoSource, neso: NesoPeer, points: int
) -> None:
    neso.longest_forecast = points

    forecast = await source.forecast("GB", NOW)

    assert forecast is not None
    assert len(forecast.points) == points
    assert forecast.points[-1].target_at == SLOT + (points - 1) * STEP


async def test_a_repeated_tail_of_a_forecast_is_cut(source: NesoSource, neso: NesoPeer) -> None:
    neso.forecasts = {SLOT + index * STEP: 18 for index in range(60, 96)}

    forecast = await source.forecast("GB", NOW)

    assert forecast is not None
    assert len(forecast.points) == 61


async def test_of_two_values_for_one_half_hour_the_last_word_counts(
    source: NesoSource, neso: NesoPeer
) -> None:
    row = neso.national_row(SLOT)
    second = row | {"intensity": {"forecast": 77, "actual": None}}
    neso.overrides["/intensity"] = Reply(body={"data": [row, second]})

    forecast = await source.forecast("GB", NOW)

    assert forecast is not None
    assert [point.grams_per_kwh for point in forecast.points] == [77]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(body={}), ErrorKind.NO_DATA),
        (Reply(body={"data": []}), ErrorKind.NO_DATA),
        (bad_request("Please enter a valid date."), ErrorKind.ZONE),
        (Reply(status=403, body={"error": {}}), ErrorKind.PLAN),
        (Reply(status=429), ErrorKind.RATE_LIMITED),
        (Reply(status=500, body={"error": {"message": "not found"}}), ErrorKind.SERVER),
        (Reply(body={"data": [{"from": "2026-03-01T12:00"}]}), ErrorKind.MALFORMED),
        (Reply(body='{"data": [{"intensity": {"actual": NaN}}]}'), ErrorKind.MALFORMED),
        (page(200), ErrorKind.MALFORMED),
    ],
)
async def test_each_way_to_fail_is_said_as_what_it_is(
    source: NesoSource, neso: NesoPeer, reply: Reply, kind: ErrorKind
) -> None:
    neso.overrides["/intensity"] = reply

    assert (await _refused(source)).kind is kind
    with pytest.raises(SourceError) as refused:
        await source.forecast("GB", NOW)
    assert refused.value.kind is kind


async def test_great_britain_is_the_zone_unless_the_profile_names_an_area(
    source: NesoSource, peer: Peer
) -> None:
    assert await source.zone_of(LONDON, NOW) == "GB"
    assert await source.zone_of(replace(LONDON, zones={SOURCE: "13"}), NOW) == "13"
    with pytest.raises(SourceError, match="no area 'London'; it has GB and the numbers 1 to 17"):
        await source.zone_of(replace(LONDON, zones={SOURCE: "London"}), NOW)
    assert peer.paths == []


async def test_zones_are_known_without_asking(source: NesoSource, peer: Peer) -> None:
    assert await source.zones() == {"GB", *map(str, range(1, 18))}
    assert peer.paths == []


def test_only_regions_in_great_britain_are_served(source: NesoSource) -> None:
    assert source.serves(LONDON)
    assert not source.serves(replace(LONDON, country="IE"))
    assert source.traits == TRAITS
    assert source.traits.usable_for == timedelta(hours=2)


class _KeepsTheContract(SourceContract):
    zone: str

    @pytest.fixture
    def subject(self, source: NesoSource, neso: NesoPeer) -> Subject:
        def answer_with(reply: Reply) -> None:
            neso.overrides["/"] = reply

        return Subject(
            source=source,
            zone=self.zone,
            region=replace(LONDON, zones={SOURCE: self.zone}),
            now=NOW,
            answer_with=answer_with,
            nothing=(Reply(body={}), Reply(body={"data": []})),
        )


class TestTheNationKeepsTheContract(_KeepsTheContract):
    zone = "GB"


class TestAnAreaKeepsTheContract(_KeepsTheContract):
    zone = "13"
