"""Looking from outside at what a server would answer."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from carbon_scaler.application.backlog_settings import BacklogSettings
from carbon_scaler.application.backlogs import Backlogs, OwnedBacklog
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.explain import explain, explain_rejection
from carbon_scaler.backlogs.registry import backlog_sources
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.settings import DEFAULT_RUN_REGION, Settings
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Rejection
from carbon_scaler.keda.metadata import parse_trigger
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.migrate import check_schema
from carbon_scaler.storage.pool import open_connection, open_pool
from carbon_scaler.wiring.resources import reachable_database
from carbon_scaler.wiring.serving import configured_backlogs


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A trigger as somebody asks about it."""

    namespace: str
    name: str
    metadata: Mapping[str, str]


async def explain_now(
    settings: Settings, environment: dict[str, str], asked: Asked
) -> dict[str, Any]:
    """What the server would answer now, by the very same functions."""
    now = SystemClock().now()
    regions = await load_regions(settings, now)
    backlogs = configured_backlogs(settings, environment)
    embedded = settings.database_url is None
    around = Surroundings(
        default_region=settings.region or (DEFAULT_RUN_REGION if embedded else None),
        catalog=load_catalog(),
        stored_regions=regions.keys(),
        backlogs={backlog.name: backlog.namespaces for backlog in backlogs},
    )
    trigger = parse_trigger(asked.namespace, asked.name, asked.metadata)
    plan = resolve(trigger, BUILT_IN_POLICY, around)
    if isinstance(plan, Rejection):
        return explain_rejection(plan, BUILT_IN_POLICY.version)
    demand = None if plan.backlog is None else await _demand(backlogs, plan.backlog)
    now = SystemClock().now()
    inputs = Inputs(series=regions.get(plan.region), demand=demand)
    return explain(plan, decide(plan, inputs, now))


async def load_regions(settings: Settings, now: datetime) -> Mapping[str, RegionSeries]:
    """What the database holds for all regions."""
    url = reachable_database(settings)
    async with open_connection(url) as connection:
        await check_schema(connection)
    async with open_pool(url) as pool:
        return await PostgresIntensityStore(pool).load(None, now=now)


async def _demand(
    backlogs: tuple[BacklogSettings, ...], name: str
) -> BacklogReading | BacklogUnknown:
    wanted = [source for source in backlog_sources(backlogs) if source.name == name]
    return (await read_all_once(wanted))[name]


async def read_all_once(
    sources: Sequence[OwnedBacklog],
) -> dict[str, BacklogReading | BacklogUnknown]:
    """One reading of each, as the server reads them."""
    clock = SystemClock()
    backlogs = Backlogs(sources, clock)
    try:
        await asyncio.gather(*(backlogs.read_once(source.name) for source in sources))
    finally:
        await backlogs.close()
    return {source.name: backlogs.state(source.name).at(clock.now()) for source in sources}
