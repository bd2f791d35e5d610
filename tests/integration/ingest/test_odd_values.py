"""Answers with values that can't be, beside values that can."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ingest.world import World, world_of
from tests.peers import electricity_maps, neso, watttime

POUNDS_PER_GRAM = 1000 / 453.59237
NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """The newest interval's value, and what becomes of it: stored with a flag, or not at all."""

    name: str
    source: str
    value: object
    # None: not stored.
    flagged: str | None = None
    # What the ask for the newest values counts as.
    result: str = "ok"
    # Whether anything else is stored, and what decides then.
    others: bool = True
    decides: str | None = "an earlier value"


EM, GB, WT = "electricity_maps", "neso", "watttime"
ODD = (
    Odd(name="null", source=EM, value=None, result="no_data", others=False, decides="the forecast"),
    Odd(name="null", source=GB, value=None),
    Odd(name="null", source=WT, value=None, result="no_data", others=False, decides=None),
    Odd(name="text", source=EM, value="123", result="malformed", others=False, decides=None),
    Odd(name="text", source=GB, value="123", result="malformed", others=False, decides=None),
    Odd(name="text", source=WT, value="123", result="malformed", others=False, decides=None),
    Odd(name="-1", source=EM, value=-1, result="no_data", others=False, decides="the forecast"),
    Odd(name="-1", source=GB, value=-1),
    Odd(name="-1", source=WT, value=-1, result="no_data", others=False, decides=None),
    Odd(name="NaN", source=EM, value=NAN, result="malformed", others=False, decides=None),
    Odd(name="NaN", source=GB, value=NAN, result="malformed", others=False, decides=None),
    Odd(name="NaN", source=WT, value=NAN, result="malformed", others=False, decides=None),
    Odd(name="0", source=EM, value=0, flagged="zero"),
    Odd(name="3,387 g", source=EM, value=3387, flagged="above_2000"),
    Odd(name="3,387 g", source=GB, value=3387, flagged="above_2000"),
    Odd(name="3,387 g", source=WT, value=3387 * POUNDS_PER_GRAM, flagged="above_2000"),
)


def newest_of(world: World) -> datetime:
    """The start of the newest interval that the provider has a value of."""
    match world.source:
        case "electricity_maps":
            return electricity_maps.hour_of(world.now)
        case "neso":
            return neso.slot_of(world.now) - 2 * neso.STEP
        case _:
            return watttime.slot_of(world.now)


def say(world: World, at: datetime, value: object) -> None:
    """The provider's word for an interval."""
    match world.source:
        case "electricity_maps":
            world.provider.grams[world.zone, at] = value
        case "neso":
            world.provider.actuals[at] = value
        case _:
            world.provider.lbs[at] = value


@pytest.mark.parametrize("odd", [pytest.param(odd, id=f"{odd.source}: {odd.name}") for odd in ODD])
async def test_a_value_that_cannot_be_never_decides_and_is_never_made_up(
    odd: Odd, database_url: str, tmp_path: Path
):
    with world_of(odd.source, database_url, tmp_path) as world:
        newest = newest_of(world)
        say(world, newest, odd.value)
        done = await world.cycle()
        feed = await world.feed()
        rows = await world.rows("SELECT timestamp, gco2_per_kwh, flagged FROM co2e_emissions")
        told = await world.explained()

        stored = {row["timestamp"]: row["flagged"] for row in rows}
        assert (newest in stored) == (odd.flagged is not None)
        assert stored.pop(newest, None) == odd.flagged
        assert set(stored.values()) == ({None} if odd.others else set())
        assert feed.results.get(odd.result, 0) >= 1
        assert feed.results.get(f"flagged_{odd.flagged}", 0) == (odd.flagged is not None)
        assert max(world.asked().values()) <= 3
        assert (done.usable == {world.region}) == (odd.decides == "an earlier value")
        assert decided_by(told, newest) == odd.decides
        assert (told["verdict"] == "open") == (odd.decides is not None)


def decided_by(told: dict[str, Any], newest: datetime) -> str | None:
    """What an explanation's figure is."""
    intensity = told["intensity"]
    if intensity is None or not intensity["usable"]:
        return None
    if intensity["kind"] == "forecast":
        return "the forecast"
    return "an earlier value" if intensity["observed_at"] < newest else "the newest value"
