"""Looking from outside at what a server would answer."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from carbon_scaler.application.backlog_settings import BacklogSettings
from carbon_scaler.application.backlogs import Backlogs, OwnedBacklog
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.directives import Directives
from carbon_scaler.application.explain import explain, explain_rejection, with_provenance
from carbon_scaler.application.rulebook import Rulebook
from carbon_scaler.application.snapshots import with_average
from carbon_scaler.backlogs.registry import backlog_sources
from carbon_scaler.config.manifest import Manifest
from carbon_scaler.config.manifest_lint import lint
from carbon_scaler.config.settings import DEFAULT_RUN_REGION, Settings
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.place import UNKNOWN_WHEREABOUTS, Whereabouts
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.trigger import Plan, Rejection
from carbon_scaler.keda.metadata import parse_trigger
from carbon_scaler.storage.decision_log import PostgresDecisionLog
from carbon_scaler.storage.directives import PostgresDirectives
from carbon_scaler.storage.grid_state import PostgresGridState
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.places import PostgresPlaces
from carbon_scaler.wiring.databases import opened_database
from carbon_scaler.wiring.grid import averages_of
from carbon_scaler.wiring.resources import read_rulebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A trigger as somebody asks about it."""

    namespace: str
    name: str
    metadata: Mapping[str, str]
    at: datetime | None = None
    # The manifest that the trigger was read from.
    manifest: Manifest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """All that one decision is made from."""

    plan: Plan
    inputs: Inputs
    now: datetime


async def explain_trigger(
    settings: Settings, environment: Mapping[str, str], asked: Asked
) -> dict[str, Any]:
    """What the server answers now, or would have answered, by the very same functions."""
    rulebook = read_rulebook(settings, environment)
    async with opened_stores(settings) as stores:
        seen = await _seen(settings, rulebook, asked, stores)
        if isinstance(seen, Rejection):
            return _linted(explain_rejection(seen, rulebook.policy.version), asked, None)
        decision = decide(seen.plan, seen.inputs, seen.now)
        told = _linted(explain(seen.plan, decision, inputs=seen.inputs), asked, seen)
        if (reading := decision.reading) is None:
            return told
        provenance = await stores.grid_state.provenance_of(
            reading.region, reading.observed_at, reading.source, reading.basis
        )
        return with_provenance(told, provenance)


class NothingRecordedError(CarbonScalerError):
    """No server has written down an answer for this object."""


async def recorded_answer(settings: Settings, asked: Asked) -> dict[str, Any]:
    """What a server answered then, as it was written down."""
    at = asked.at or SystemClock().now()
    async with opened_stores(settings) as stores:
        row = await stores.decisions.answered(asked.namespace, asked.name, at)
    if row is None:
        raise NothingRecordedError(
            f"no answer is recorded for {asked.namespace}/{asked.name} up to "
            f"{at.isoformat(timespec='seconds')}; --namespace and --name must be the object's, and "
            "a server writes an answer down when it changes"
        )
    record = {key: row[key] for key in ("decided_at", "answered_by", "trigger")}
    return {**row["document"], "recorded": record}


async def _seen(
    settings: Settings, rulebook: Rulebook, asked: Asked, stores: "Stores"
) -> _Seen | Rejection:
    present = SystemClock().now()
    regions = await stores.intensities.load(None, now=present)
    around = surroundings_of(settings, rulebook.catalog, regions.keys(), rulebook.backlogs)
    trigger = parse_trigger(asked.namespace, asked.name, asked.metadata)
    plan = resolve(trigger, rulebook.policy, around)
    if isinstance(plan, Rejection):
        return plan
    if asked.at is not None:
        known_at = min(asked.at, present)
        regions = await stores.intensities.load(None, now=asked.at, known_at=known_at)
    averages = averages_of(rulebook.catalog)
    known = {name: with_average(series, averages) for name, series in regions.items()}
    demand = await _demand(rulebook, plan, asked.at)
    now = asked.at or SystemClock().now()
    directives = await _directives(stores, asked.at, now)
    whereabouts = await _whereabouts(stores, plan, now)
    inputs = Inputs(
        series=known.get(plan.region),
        demand=demand,
        others=known,
        overrides=directives.overrides,
        budget_use=directives.budget_use.get(plan.service) if plan.service else None,
        whereabouts=whereabouts,
    )
    return _Seen(plan=plan, inputs=inputs, now=now)


async def _directives(stores: "Stores", at: datetime | None, now: datetime) -> Directives:
    """What operators and accounts say; of another instant only what is kept of it."""
    return await (stores.directives.load(now) if at is None else stores.directives.as_of(at))


async def _whereabouts(stores: "Stores", plan: Plan, now: datetime) -> Whereabouts:
    """Where shared work runs; of another instant it is not known, unless nothing moved since."""
    if plan.shared is None:
        return UNKNOWN_WHEREABOUTS
    known = (await stores.places.load([plan.shared.key])).get(plan.shared.key, UNKNOWN_WHEREABOUTS)
    chosen_later = known.place is not None and known.place.chosen_at > now
    return UNKNOWN_WHEREABOUTS if chosen_later else known


def _linted(told: dict[str, Any], asked: Asked, seen: _Seen | None) -> dict[str, Any]:
    """With what is found in the manifest, where the trigger came from one."""
    if asked.manifest is None:
        return told
    demand = None if seen is None else seen.inputs.demand
    items = demand.items if isinstance(demand, BacklogReading) else None
    findings = lint(asked.manifest, None if seen is None else seen.plan, items)
    return {**told, "manifest": [asdict(finding) for finding in findings]}


def surroundings_of(
    settings: Settings,
    catalog: Catalog,
    stored_regions: Collection[str],
    backlogs: Collection[BacklogSettings] = (),
) -> Surroundings:
    """As the server has them that these settings are of, or the embedded one."""
    embedded = settings.database_url is None
    return Surroundings(
        default_region=settings.region or (DEFAULT_RUN_REGION if embedded else None),
        catalog=catalog,
        stored_regions=stored_regions,
        backlogs={each.name: each.namespaces for each in backlogs},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What a looking command reads."""

    intensities: PostgresIntensityStore
    grid_state: PostgresGridState
    decisions: PostgresDecisionLog
    directives: PostgresDirectives
    places: PostgresPlaces


@asynccontextmanager
async def opened_stores(settings: Settings) -> AsyncIterator[Stores]:
    """The database that a looking command reads, once its schema is there."""
    async with opened_database(settings) as database:
        pool, server = database.pool, database.server
        yield Stores(
            intensities=PostgresIntensityStore(pool, server=server),
            grid_state=PostgresGridState(pool, server=server),
            decisions=PostgresDecisionLog(pool, server=server),
            directives=PostgresDirectives(pool, server=server),
            places=PostgresPlaces(pool, server=server),
        )


async def _demand(
    rulebook: Rulebook, plan: Plan, at: datetime | None
) -> BacklogReading | BacklogUnknown | None:
    if plan.backlog is None:
        return None
    if at is not None:
        return BacklogUnknown(cause="only its present content is known; leave out --at")
    sources = backlog_sources(rulebook.backlogs)
    wanted = [source for source in sources if source.name == plan.backlog]
    return (await read_all_once(wanted))[plan.backlog]


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
