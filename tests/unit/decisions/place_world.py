"""Work that three regions share, as each of them sees it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from carbon_scaler.domain.place import MoveReason, Place, SharedWork, Whereabouts
from carbon_scaler.domain.policy import Weights
from carbon_scaler.domain.residency import Tenant
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import HOUR, NOW, a_plan
from tests.unit.decisions.residency_world import a_tenancy

EAST, WEST, EU = "us-east-1", "us-west-1", "eu-central-1"
REGIONS = (EAST, WEST, EU)
ALL_LIVE = frozenset(REGIONS)


def some_shared_work(regions: Iterable[str] = REGIONS, **stated: Any) -> SharedWork:
    said: dict[str, Any] = {"preferred": (), "weights": Weights(), "costs": {}, **stated}
    return SharedWork(key="orders", regions=tuple(regions), **said)


def a_shared_plan(
    region: str = WEST,
    mode: Mode = Mode.QUEUE,
    *,
    shared: SharedWork | None = None,
    tenant: Tenant | None = None,
    **stated: Any,
) -> Plan:
    return replace(
        a_plan(mode, region=region, **stated),
        shared=shared or some_shared_work(),
        tenancy=None if tenant is None else a_tenancy(tenant),
    )


def a_place(region: str = EAST, *, ago: timedelta = 2 * HOUR, **stated: Any) -> Place:
    said: dict[str, Any] = {
        "chosen_at": NOW - ago,
        "begins_at": NOW - ago,
        "chosen_by": "host:1",
        "reason": MoveReason.BETTER,
        "score": 0.5,
        **stated,
    }
    return Place(region=region, **said)


def somewhere(
    region: str | None = EAST, live: Iterable[str] = ALL_LIVE, **stated: Any
) -> Whereabouts:
    """Placed in this region; None: nobody has chosen one."""
    place = None if region is None else a_place(region, **stated)
    return Whereabouts(place=place, live=frozenset(live))
