"""`doctor` on the sources of grid values: each step on the way to a fresh value."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack

from carbon_scaler.application.alert_rules import QUOTA_SHARE
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.grid_sources import ErrorKind, GridSource, SourceError
from carbon_scaler.config.settings import SECRETS, Settings
from carbon_scaler.config.source_list import KEYS
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.observation import Observation
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.providers.transport import Patience
from carbon_scaler.storage.call_counts import PostgresCallCounts
from carbon_scaler.storage.pool import open_pool
from carbon_scaler.storage.zone_directory import PostgresZoneDirectory
from carbon_scaler.wiring.databases import reachable_database
from carbon_scaler.wiring.doctor.findings import Finding, bad, good, warning
from carbon_scaler.wiring.doctor.reach import reach
from carbon_scaler.wiring.grid import Grid, opened_grid, refusal_of_plan
from carbon_scaler.wiring.sources import NOTHING, Memory, quotas_of

# Somebody is waiting for what there is to see.
TRY_ONCE = Patience(attempts=1)
ADVICE = {
    ErrorKind.KEY: "check the key: {keys}",
    ErrorKind.PLAN: "the account does not include this; another plan, or another source for it",
    ErrorKind.ZONE: "name the right zone in region-profiles.yaml",
    ErrorKind.NO_DATA: "the provider has nothing at present; the next source of the chain serves",
    ErrorKind.RATE_LIMITED: "too many requests; fewer regions, or a larger plan",
    ErrorKind.QUOTA: "the day's own quota is used up; it begins anew at midnight UTC",
    ErrorKind.TIMEOUT: "slow or filtered; check proxies and NetworkPolicies",
    ErrorKind.UNREACHABLE: "check the network, proxies and NetworkPolicies",
    ErrorKind.TLS: "a proxy that opens TLS? add its authority with SSL_CERT_FILE",
    ErrorKind.SERVER: "the provider fails; nothing to do here",
    ErrorKind.MALFORMED: "is that the provider's own address?",
    ErrorKind.SANDBOX: "a sandbox key; ask for a real one",
    ErrorKind.UNIT: "this account only gets a ranking, which can't be grams",
}


async def examine_sources(
    settings: Settings, environment: Mapping[str, str]
) -> AsyncIterator[Finding]:
    """Configuration, then for each source network, authentication, zones, freshness, quota."""
    async with AsyncExitStack() as stack:
        try:
            memory, counts = await _memory(settings, stack)
            opened = opened_grid(settings, environment, memory, patience=TRY_ONCE)
            grid = await stack.enter_async_context(opened)
        except CarbonScalerError as error:
            yield bad("sources", str(error))
            return
        yield good("sources", ", ".join(grid.names))
        for text in grid.plan.warnings:
            yield warning("sources", text)
        if (refusal := refusal_of_plan(grid, settings)) is not None:
            yield bad("sources", refusal)
        for name in grid.sources:
            if not _served(grid, name):
                continue
            try:
                async for finding in _examine(settings, grid, name):
                    yield finding
                yield await _quota(name, counts, quotas_of(settings).get(name))
            except CarbonScalerError as error:
                # Where the database that counts requests went away meanwhile.
                yield bad(name, str(error))


async def _memory(
    settings: Settings, stack: AsyncExitStack
) -> tuple[Memory, PostgresCallCounts | None]:
    """That of the database; what a check asks counts as well. Without one nothing is counted."""
    try:
        pool = await stack.enter_async_context(open_pool(reachable_database(settings)))
        counts = PostgresCallCounts(pool)
        await counts.calls_today(SystemClock().now())
    except CarbonScalerError:
        return NOTHING, None
    return Memory(calls=counts, zones=PostgresZoneDirectory(pool)), counts


async def _examine(settings: Settings, grid: Grid, name: str) -> AsyncIterator[Finding]:
    source = grid.sources[name]
    address = getattr(settings, f"{name}_url", None)
    if address is not None:
        found = await reach(address)
        if found.trouble is not None:
            yield bad(f"{name} network", f"{found.place}, {found.stage}: {found.trouble}")
            return
        yield good(f"{name} network", f"{found.place} answers, {found.stage} included")
    try:
        allowed = await source.zones()
    except SourceError as error:
        yield _failure(f"{name} account", name, error)
        if error.kind is ErrorKind.KEY:
            return
    else:
        count = f"{len(allowed)} zones" if allowed else "does not tell which zones"
        yield good(f"{name} account", count)
    for region in _served(grid, name):
        yield await _freshness(name, source, region)


def _served(grid: Grid, name: str) -> Sequence[CloudRegion]:
    return [each.region for each in grid.plan.grids if name in each.chain]


async def _freshness(name: str, source: GridSource, region: CloudRegion) -> Finding:
    now = SystemClock().now()
    check = f"{name} {region.name}"
    try:
        zone = await source.zone_of(region, now)
        observations = await source.latest(zone, now)
    except SourceError as error:
        return _failure(check, name, error)
    if not observations:
        return warning(check, f"zone {zone}: no value at present")
    return _judged(check, zone, observations[-1], source)


def _judged(check: str, zone: str, newest: Observation, source: GridSource) -> Finding:
    age = SystemClock().now() - newest.starts_at
    text = (
        f"zone {zone}: {newest.grams_per_kwh:g} g/kWh ({newest.kind}, "
        f"{source.traits.basis.signal}/{source.traits.basis.factors}), {format_duration(age)} old"
    )
    if age < source.traits.usable_for:
        return good(check, text)
    return warning(check, f"{text}; at most {format_duration(source.traits.usable_for)} is usable")


def _failure(check: str, name: str, error: SourceError) -> Finding:
    keys = " and ".join(SECRETS[field] for field in KEYS.get(name, ())) or "it needs none"
    # The refusal of a key names its variables itself.
    said = error.kind is ErrorKind.KEY and keys in str(error)
    return bad(check, str(error) if said else f"{error}; {ADVICE[error.kind].format(keys=keys)}")


async def _quota(name: str, counts: PostgresCallCounts | None, quota: int | None) -> Finding:
    """With the requests of this very check."""
    check = f"{name} quota"
    if counts is None:
        return warning(check, "not known: requests are counted in the database")
    calls = (await counts.calls_today(SystemClock().now())).get(name, 0)
    made = f"{calls} requests today"
    if quota is None:
        return good(check, f"{made}, no limit of your own")
    judge = warning if calls / quota >= QUOTA_SHARE else good
    return judge(check, f"{made} of {quota}")
