"""Each region is read in its own basis and from its own chain of sources."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from carbon_scaler.domain.intensity import (
    Basis,
    Factors,
    Kind,
    Provenance,
    Reading,
    RenewableShare,
    Signal,
)
from carbon_scaler.domain.regions import CloudRegion, RegionGrid
from carbon_scaler.storage.feeds import PostgresFeedLedger
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.pool import Pool

BOTH_VERSIONS = pytest.mark.parametrize("postgres", ["embedded", "debian15"], indirect=True)
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
NOON = NOW.replace(minute=0)
HOUR = timedelta(hours=1)
MARGINAL = Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT)
DIRECT = Basis(factors=Factors.DIRECT)
READING = Reading(
    region="us-east-1",
    observed_at=NOON,
    grams_per_kwh=412.5,
    renewable=RenewableShare(at_least=31.25, at_most=31.25),
    source="first",
    kind=Kind.MEASURED,
    basis=Basis(),
    fetched_at=NOW,
    usable_for=timedelta(hours=2),
)


@pytest.fixture
def store(pool: Pool) -> PostgresIntensityStore:
    return PostgresIntensityStore(pool)


@pytest.fixture
def ledger(pool: Pool) -> PostgresFeedLedger:
    return PostgresFeedLedger(pool)


def grid(
    chain: Sequence[str] = ("first", "second", "third"),
    *,
    region: str = "us-east-1",
    basis: Basis | None = None,
    stand_ins: Sequence[Basis] = (),
) -> RegionGrid:
    place = CloudRegion(
        name=region,
        provider="aws",
        country="US",
        zone="US-MIDA-PJM",
        latitude=38.9,
        longitude=-77.4,
        eu_eea="no",
    )
    return RegionGrid(
        region=place, basis=basis or Basis(), chain=tuple(chain), stand_ins=tuple(stand_ins)
    )


def of(
    source: str, at: datetime, *, lasts: timedelta | None = None, fetched_at: datetime = NOW
) -> Reading:
    provenance = Provenance(provider_zone="Z", licence_class="open", lasts=lasts)
    return replace(
        READING, source=source, observed_at=at, fetched_at=fetched_at, provenance=provenance
    )


async def counted(store: PostgresIntensityStore) -> list[tuple[str, datetime]]:
    (series,) = (await store.load(None, now=NOW)).values()
    readings = [series.reading(index) for index in range(len(series.starts))]
    return [(reading.source, reading.observed_at) for reading in readings]


@BOTH_VERSIONS
async def test_a_region_is_read_in_its_basis(
    store: PostgresIntensityStore, ledger: PostgresFeedLedger
):
    await store.store([READING, replace(READING, basis=MARGINAL, grams_per_kwh=700.0)])
    await ledger.keep_grids([grid(basis=MARGINAL)])

    series = (await store.load(None, now=NOW))["us-east-1"]

    assert series.basis == MARGINAL
    assert list(series.grams_per_kwh) == [700.0]
    assert series.first_at == NOON
    assert series.stand_ins == ()


@BOTH_VERSIONS
async def test_bases_that_may_stand_in_are_read_beside_it(
    store: PostgresIntensityStore, ledger: PostgresFeedLedger
):
    await store.store([READING, replace(READING, basis=MARGINAL, grams_per_kwh=700.0)])
    await ledger.keep_grids([grid(basis=DIRECT, stand_ins=(MARGINAL, Basis()))])

    series = (await store.load(["us-east-1"], now=NOW))["us-east-1"]

    assert (series.basis, len(series.starts), series.first_at) == (DIRECT, 0, None)
    assert [each.basis for each in series.stand_ins] == [MARGINAL, Basis()]
    assert [list(each.grams_per_kwh) for each in series.stand_ins] == [[700.0], [412.5]]


async def test_a_basis_without_values_does_not_stand_in(
    store: PostgresIntensityStore, ledger: PostgresFeedLedger
):
    await store.store([READING])
    await ledger.keep_grids([grid(stand_ins=(MARGINAL, DIRECT))])

    assert (await store.load(None, now=NOW))["us-east-1"].stand_ins == ()


async def test_a_configured_region_without_any_value_is_known_and_empty(
    store: PostgresIntensityStore, ledger: PostgresFeedLedger
):
    await store.store([replace(READING, region="eu-west-1", grams_per_kwh=-1.0)])
    await ledger.keep_grids([grid(), grid(region="eu-west-1")])

    found = await store.load(None, now=NOW)

    assert set(found) == {"us-east-1", "eu-west-1"}
    for series in found.values():
        assert (len(series.starts), series.sources, series.first_at) == (0, (), None)
    assert await store.load(["nowhere-1"], now=NOW) == {}


async def test_while_the_preferred_source_has_the_slot_it_counts_however_late_others_came(
    store: PostgresIntensityStore, ledger: PostgresFeedLedger
):
    await ledger.keep_grids([grid()])
    later = NOW + timedelta(minutes=20)
    half = NOON + timedelta(minutes=30)
    await store.store([of("first", NOON), of("second", NOON, fetched_at=later), of("third", half)])

    assert await counted(store) == [("first", NOON)]


@BOTH_VERSIONS
async def test_the_next_source_takes_over_at_the_slot_that_the_preferred_one_lacks(
    store: PostgresIntensityStore, ledger: PostgresFeedLedger
):
    await ledger.keep_grids([grid()])
    ago = NOON - HOUR
    await store.store(
        [
            *(of(source, ago - HOUR) for source in ("first", "second", "third")),
            *(of(source, ago) for source in ("second", "third")),
            of("third", NOON),
        ]
    )

    assert await counted(store) == [("first", ago - HOUR), ("second", ago), ("third", NOON)]


async def test_a_value_covers_its_own_interval_and_no_more(
    store: PostgresIntensityStore, ledger: PostgresFeedLedger
):
    await ledger.keep_grids([grid()])
    five, half = timedelta(minutes=5), timedelta(minutes=30)
    await store.store(
        [
            of("first", NOON, lasts=half),
            of("second", NOON + half - five),
            of("second", NOON + half),
            # Shorter than what an earlier one of the same source still covers.
            of("first", NOON - 2 * HOUR, lasts=2 * HOUR),
            of("first", NOON - 2 * HOUR + five, lasts=five),
            of("third", NOON - HOUR),
        ]
    )

    assert await counted(store) == [
        ("first", NOON - 2 * HOUR),
        ("first", NOON - 2 * HOUR + five),
        ("first", NOON),
        ("second", NOON + half),
    ]


async def test_a_flagged_value_of_the_preferred_source_covers_nothing(
    store: PostgresIntensityStore, ledger: PostgresFeedLedger
):
    await ledger.keep_grids([grid()])
    await store.store([replace(of("first", NOON), grams_per_kwh=-1.0), of("second", NOON)])

    assert await counted(store) == [("second", NOON)]


async def test_typed_values_and_sources_outside_the_chain_count_by_their_time(
    store: PostgresIntensityStore, ledger: PostgresFeedLedger
):
    await ledger.keep_grids([grid(("first", "second"))])
    quarter = timedelta(minutes=15)
    await store.store(
        [
            of("first", NOON),
            of("second", NOON, fetched_at=NOW + quarter),
            of("manual", NOON, fetched_at=NOW + timedelta(minutes=1)),
            of("elsewhere", NOON + quarter),
            of("first", NOON - HOUR, fetched_at=NOW),
            of("manual", NOON - HOUR, fetched_at=NOW - quarter),
        ]
    )

    assert await counted(store) == [
        ("first", NOON - HOUR),
        ("manual", NOON),
        ("elsewhere", NOON + quarter),
    ]


async def test_what_was_known_then_is_read_in_the_basis_and_chain_too(
    store: PostgresIntensityStore, ledger: PostgresFeedLedger
):
    await ledger.keep_grids([grid(basis=MARGINAL)])
    early = replace(of("second", NOON), basis=MARGINAL, fetched_at=NOON)
    await store.store([early, replace(of("first", NOON), basis=MARGINAL, fetched_at=NOW)])

    then = (await store.load(None, now=NOW, known_at=NOW - timedelta(minutes=1)))["us-east-1"]
    now = (await store.load(None, now=NOW, known_at=NOW))["us-east-1"]

    assert (then.sources, now.sources) == (("second",), ("first",))
    assert then.basis == MARGINAL
