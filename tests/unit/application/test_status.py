"""What `/status` tells."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from carbon_scaler.application.backlogs import Backlogs
from carbon_scaler.application.explain import plain
from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.application.grid_state import GridState, Leader
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.application.status import Server, status_document
from carbon_scaler.domain.snapshot import RegionSeries
from tests.builders import HOME, HOUR, MINUTE, NOW, a_series
from tests.fakes import FakeChanges, FakeClock, FakeIntensityStore, a_rulebook, rules_of
from tests.grid_builders import a_path, an_average, an_outlook

DOCUMENTED = {
    "sources", "regions", "policy", "database", "leader", "feeds", "calls_today", "replay",
    "backlogs", "listening",
}  # fmt: skip
EMPTY = replace(a_series(since=NOW), first_at=None)


async def status_of(
    series: Mapping[str, RegionSeries] | None = None, grid: GridState | None = None
) -> dict[str, Any]:
    clock = FakeClock(NOW)
    snapshots = Snapshots(store=FakeIntensityStore(series), changes=FakeChanges(), clock=clock)
    await snapshots.refresh(None)
    server = Server(
        version="1.2.3",
        started_at=NOW,
        database="postgresql://db/carbon",
        sources=("neso", "static"),
        replay=None,
        grid=lambda: grid or GridState(),
    )
    document = status_document(
        server=server,
        snapshots=snapshots,
        backlogs=Backlogs([], clock),
        rules=rules_of(a_rulebook({}), clock),
        clock=clock,
    )
    told: dict[str, Any] = json.loads(json.dumps(document, default=plain, allow_nan=False))
    return told


async def test_it_has_every_documented_key_before_anything_is_known():
    status = await status_of()

    assert set(status) >= DOCUMENTED
    assert status["sources"] == ["neso", "static"]
    assert (status["leader"], status["feeds"], status["calls_today"]) == (None, [], {})


# The grid


async def test_a_region_tells_its_value_and_that_it_may_decide():
    region = (await status_of({HOME: a_series(300)}))["regions"][HOME]

    assert (region["grams_per_kwh"], region["kind"], region["usable"]) == (300, "measured", True)


async def test_a_region_that_goes_by_a_forecast_says_so():
    old = replace(a_series(300, since=NOW - 5 * HOUR), outlook=an_outlook(50))

    region = (await status_of({HOME: old}))["regions"][HOME]

    assert (region["grams_per_kwh"], region["kind"], region["usable"]) == (50, "forecast", True)
    assert region["renewable_percent"] is None


async def test_a_region_without_any_value_tells_its_yearly_average_which_never_decides():
    regions = (await status_of({HOME: replace(EMPTY, average=an_average())}))["regions"]

    assert regions[HOME]["grams_per_kwh"] == 176
    assert (regions[HOME]["kind"], regions[HOME]["usable"]) == ("static", False)
    assert regions[HOME]["observed_at"] == "2025-01-01T00:00:00Z"


async def test_a_region_tells_how_its_own_forecast_fares():
    path = replace(a_path(300, 320, begins=NOW - HOUR), rejected=("profile_offset",))

    region = (await status_of({HOME: replace(a_series(300), expected=path)}))["regions"][HOME]

    assert region["forecast"] == {
        "model": "regression",
        "issued_at": "2026-03-02T11:00:00Z",
        "known_until": "2026-03-02T12:00:00Z",
        "error_percent": 9.0,
        "rejected": ["profile_offset"],
    }


async def test_a_region_of_which_nothing_is_known_has_nulls_under_the_same_keys():
    regions = (await status_of({HOME: EMPTY, "known": a_series(300)}))["regions"]

    assert set(regions[HOME]) == set(regions["known"])
    assert regions[HOME].pop("usable") is False
    assert set(regions[HOME].values()) == {None}


# Ingest


async def test_the_leader_and_how_each_feed_fares_are_told():
    feed = FeedRecord(
        source="neso",
        zone="GB",
        regions=("eu-west-2",),
        asked_at=NOW,
        answered_at=NOW - HOUR,
        newest_at=NOW - 2 * HOUR,
        history_until=NOW,
        failures=2,
        failure="no answer in 10 s",
        failure_kind="timeout",
        results={"ok": 5, "timeout": 2},
    )
    leader = Leader(holder="ingest-0", since=NOW - MINUTE, token=4)

    status = await status_of(
        grid=GridState(leader=leader, feeds=(feed,), calls_today={"watttime": 9, "neso": 7})
    )

    assert status["leader"] == {"holder": "ingest-0", "since": "2026-03-02T11:59:00Z"}
    assert status["calls_today"] == {"neso": 7, "watttime": 9}
    assert status["feeds"] == [
        {
            "source": "neso",
            "zone": "GB",
            "regions": ["eu-west-2"],
            "asked_at": "2026-03-02T12:00:00Z",
            "answered_at": "2026-03-02T11:00:00Z",
            "newest_at": "2026-03-02T10:00:00Z",
            "failures": 2,
            "failure": "no answer in 10 s",
            "failure_kind": "timeout",
            "results": {"ok": 5, "timeout": 2},
        }
    ]
