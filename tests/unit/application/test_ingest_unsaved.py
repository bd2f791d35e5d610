"""What is held until it is stored."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from carbon_scaler.application.ingest.unsaved import Unsaved
from carbon_scaler.domain.intensity import (
    UNKNOWN_SHARE,
    Basis,
    Kind,
    Provenance,
    Reading,
    RenewableShare,
)
from carbon_scaler.domain.observation import RegionForecast

NOW = datetime(2026, 3, 4, 5, tzinfo=UTC)
HALF = RenewableShare(at_least=50, at_most=50)
TOLD = Provenance(
    provider_zone="DE", licence_class="open", lasts=timedelta(hours=1), mix={"wind": 50.0}
)
WITH_MIX = Reading(
    region="a",
    observed_at=NOW,
    grams_per_kwh=100.0,
    renewable=HALF,
    source="hourly",
    kind=Kind.ESTIMATED,
    basis=Basis(),
    fetched_at=NOW,
    usable_for=timedelta(hours=2),
    provenance=TOLD,
)
WITHOUT_MIX = replace(
    WITH_MIX, kind=Kind.MEASURED, renewable=UNKNOWN_SHARE, provenance=replace(TOLD, mix=None)
)


class Store:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[Reading] = []

    async def store(self, readings: Sequence[Reading], *, term: int | None = None) -> int:
        self.kept.extend(readings)
        return len(readings)

    async def store_forecasts(
        self, forecasts: Sequence[RegionForecast], *, term: int | None = None
    ) -> int:
        return len(forecasts)


async def stored_of(*readings: Reading) -> list[Reading]:
    unsaved, store = Unsaved(), Store()
    for reading in readings:
        unsaved.add([reading])
    await unsaved.save(store, store, term=1)
    return store.kept


async def test_the_same_value_without_a_mix_keeps_the_one_that_is_held():
    [kept] = await stored_of(WITH_MIX, WITHOUT_MIX)

    assert kept == replace(WITH_MIX, kind=Kind.MEASURED)


async def test_another_value_without_a_mix_takes_no_other_values_mix():
    revised = replace(WITHOUT_MIX, grams_per_kwh=101.0)

    assert await stored_of(WITH_MIX, revised) == [revised]


async def test_a_new_mix_replaces_the_one_that_is_held():
    newer = replace(WITH_MIX, provenance=replace(TOLD, mix={"wind": 60.0}))

    assert await stored_of(WITH_MIX, newer) == [newer]
