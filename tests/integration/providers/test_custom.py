"""A source of the user's own, from its line in sources.yaml to its values."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.sources_file import read_sources
from carbon_scaler.providers.custom.source import CustomSource
from carbon_scaler.providers.transport import Transport, new_client
from tests.integration.providers.source_contract import SourceContract, Subject
from tests.peers.server import Peer, Reply, Request, redirect

NOW = datetime(2026, 3, 1, 12, 36, tzinfo=UTC)
SLOT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
TOKEN = "Bearer 0n-the-r00f"
DUBLIN = load_catalog()["eu-west-1"]


class Meter:
    """Answers as its page says, unless it is told to give another reply."""

    def __init__(self) -> None:
        self.instead: Reply | None = None

    def __call__(self, request: Request) -> Reply:
        if self.instead is not None:
            return self.instead
        if request.headers.get("authorization") != TOKEN:
            return Reply(status=401, body={"error": f"{request.headers}"})
        ahead = range(-3, 20) if request.path == "/v1/expected" else range(-3, 1)
        rows = [
            {
                "from": (SLOT + n * QUARTER).isoformat(),
                "intensity": 40 + n % 5,
                "green": 80,
            }
            for n in ahead
        ]
        return Reply(body={"zone": request.query["zone"], "data": rows})


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
def peer(meter: Meter) -> Iterator[Peer]:
    with Peer(meter) as peer:
        yield peer


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with new_client() as client:
        yield client


@pytest.fixture
def spent() -> list[str]:
    """One entry per request that was counted."""
    return []


@pytest.fixture
def source(tmp_path: Path, peer: Peer, client: httpx.AsyncClient, spent: list[str]) -> CustomSource:
    (tmp_path / "sources.yaml").write_text(f"""\
sources:
  roof:
    url: {peer.url}/v1/now?zone={{zone}}
    zones: {{eu-west-1: roof top}}
    rows: /data
    value: /intensity
    time: /from
    renewable: /green
    unit: kg_per_mwh
    interval: 15m
    headers_env: {{Authorization: ONSITE_TOKEN}}
    forecast: {{url: "{peer.url}/v1/expected?zone={{zone}}", rows: /data, value: /intensity, time: /from}}
""")
    (settings,) = read_sources(tmp_path, {"ONSITE_TOKEN": TOKEN}, load_catalog())

    async def spend() -> bool:
        spent.append("one")
        return True

    async def sleep(seconds: float) -> None:
        """Retries follow at once."""

    return CustomSource(
        settings,
        Transport(client, source="roof", address=settings.address, spend=spend, sleep=sleep),
    )


class TestASourceOfOnesOwnKeepsTheContract(SourceContract):
    @pytest.fixture
    async def subject(self, source: CustomSource, meter: Meter) -> Subject:
        return Subject(
            source=source,
            zone="roof top",
            region=DUBLIN,
            now=NOW,
            secrets=(TOKEN, TOKEN.removeprefix("Bearer ")),
            answer_with=lambda reply: setattr(meter, "instead", reply),
            nothing=(
                Reply(body={"data": []}),
                Reply(body={"data": [{"from": SLOT.isoformat(), "intensity": None}]}),
            ),
        )


async def test_one_request_gives_the_values_of_a_zone(
    source: CustomSource, peer: Peer, spent: list[str]
):
    found = await source.latest("roof top", NOW)

    assert [(seen.starts_at, seen.grams_per_kwh) for seen in found][-1] == (SLOT, 40.0)
    assert found[-1].renewable.known == 80.0
    (request,) = peer.requests
    assert (request.path, request.query) == ("/v1/now", {"zone": "roof top"})
    assert spent == ["one"]


async def test_what_has_not_begun_is_left_out(source: CustomSource):
    found = await source.latest("roof top", SLOT - timedelta(seconds=1))

    assert found[-1].starts_at == SLOT - QUARTER


async def test_where_nothing_has_begun_there_is_no_data(source: CustomSource):
    with pytest.raises(SourceError, match="roof: has no value for roof top now") as raised:
        await source.latest("roof top", SLOT - timedelta(days=1))

    assert raised.value.kind is ErrorKind.NO_DATA


async def test_history_is_what_its_answer_holds(source: CustomSource):
    found = await source.history("roof top", SLOT - 2 * QUARTER, SLOT)

    assert [seen.starts_at for seen in found] == [SLOT - 2 * QUARTER, SLOT - QUARTER]


async def test_it_names_no_zones_of_its_own_accord(source: CustomSource):
    assert await source.zones() == ()


async def test_a_source_without_forecasts_asks_for_none(
    source: CustomSource, peer: Peer, client: httpx.AsyncClient
):
    settings = replace(source._settings, forecast=None)
    without = CustomSource(settings, source._transport)

    assert without.traits.horizon is None
    assert await without.forecast("roof top", NOW) is None
    assert peer.requests == []


async def test_a_region_without_a_zone_is_not_served(source: CustomSource):
    london = load_catalog()["eu-west-2"]

    assert not source.serves(london)
    with pytest.raises(SourceError, match="roof: has no zone for eu-west-2; name it") as raised:
        await source.zone_of(london, NOW)
    assert raised.value.kind is ErrorKind.ZONE


async def test_a_key_that_is_refused_is_not_tried_again(
    source: CustomSource, meter: Meter, peer: Peer
):
    meter.instead = Reply(status=401, body={"error": f"{TOKEN} is no key"})

    with pytest.raises(SourceError) as raised:
        await source.latest("roof top", NOW)

    assert raised.value.kind is ErrorKind.KEY
    assert TOKEN not in str(raised.value)
    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"from": "2026-03-01T12:30:00Z", "intensity": "40"}, "`/intensity` is str, not a number"),
        ({"from": "2026-03-01T12:30:00", "intensity": 40}, "`/from` says no time zone"),
        ({"from": "2026-03-01T12:30:00Z", "gco2": 40}, "nothing is at /intensity"),
    ],
)
async def test_an_answer_of_another_shape_is_refused(
    source: CustomSource, meter: Meter, row: dict[str, object], said: str
):
    meter.instead = Reply(body={"data": [row]})

    with pytest.raises(SourceError) as raised:
        await source.latest("roof top", NOW)

    assert raised.value.kind is ErrorKind.MALFORMED
    assert str(raised.value).startswith(f"roof: not as sources.yaml describes it: {said}")


async def test_a_redirect_is_not_followed(source: CustomSource, meter: Meter, peer: Peer):
    meter.instead = redirect(f"{peer.url}/elsewhere")

    with pytest.raises(SourceError) as raised:
        await source.latest("roof top", NOW)

    assert raised.value.kind is ErrorKind.MALFORMED
    assert peer.paths == ["/v1/now"]
