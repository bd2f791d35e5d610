"""What `policy diff` reads: two policy directories, and the grid's stored past."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.policy_diff import (
    MOST_TENANTS,
    Comparison,
    Interval,
    Pair,
    PolicyInPlace,
    Regions,
    Stretch,
    changed_tenants,
    comparison,
    every_case,
    intervals,
    joined,
    paired,
)
from carbon_scaler.application.snapshots import with_average
from carbon_scaler.config.policy_files import PolicyFiles, read_policy
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.regions import Catalog, split_region
from carbon_scaler.domain.snapshot import Outlook
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.keda.metadata import parse_trigger
from carbon_scaler.wiring.grid import averages_of
from carbon_scaler.wiring.look import Stores, opened_stores, surroundings_of

# A loaded series reaches eight days back: from the end of a day, seven before its beginning.
AT_ONCE = timedelta(days=1)

Progress = Callable[[int, int], None]  # done, of how many


class NothingStoredError(CarbonScalerError):
    """There is no past to compare on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffAsked:
    """Which policies to compare on which part of the past; no regions are all."""

    old: Path
    new: Path
    since: timedelta
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffFound:
    """What would change; a pair that both mean alike is not stepped through."""

    old: PolicyFiles
    new: PolicyFiles
    since: datetime
    until: datetime
    # False: no trigger is recorded, so every class was tried in every region.
    recorded: bool
    compared: tuple[Comparison, ...]
    alike: tuple[Pair, ...]

    @property
    def tenants_left_out(self) -> int:
        """How many tenants differ and were too many to try."""
        if self.recorded:
            return 0
        changed = changed_tenants(self.old.policy, self.new.policy)
        return max(0, len(changed) - MOST_TENANTS)


async def policy_diff(settings: Settings, asked: DiffAsked, progress: Progress) -> DiffFound:
    """Both policies answer for every recorded trigger, by the very functions that serve."""
    old, new = read_policy(asked.old), read_policy(asked.new)
    until = SystemClock().now()
    since = until - asked.since
    async with opened_stores(settings) as stores:
        stored = await stores.intensities.load(None, now=until)
        wanted = _wanted(asked.regions, stored)
        pairs, recorded = await _pairs(
            stores,
            _in_place(old, settings, stored),
            _in_place(new, settings, stored),
            since=since,
            wanted=wanted,
        )
        differing = [pair for pair in pairs if not pair.alike]
        stretches = _stretches(stores, differing, (old.catalog, new.catalog), since, until=until)
        courses = await _courses(differing, stretches, progress, -(-(until - since) // AT_ONCE))
    return DiffFound(
        old=old,
        new=new,
        since=since,
        until=until,
        recorded=recorded,
        compared=tuple(map(comparison, differing, courses)),
        alike=tuple(pair for pair in pairs if pair.alike),
    )


def _wanted(asked: Collection[str], stored: Collection[str]) -> frozenset[str]:
    if not stored:
        raise NothingStoredError("no values are stored; let `ingest` or `run` fill the database")
    names = {split_region(text)[1] for text in asked}
    for name in sorted(names - set(stored)):
        raise NothingStoredError(
            f"--region {name}: no values are stored of it; {allowed_names(name, stored)}"
        )
    return frozenset(names or stored)


def _in_place(files: PolicyFiles, settings: Settings, stored: Collection[str]) -> PolicyInPlace:
    around = surroundings_of(settings, files.catalog, stored)
    return PolicyInPlace(policy=files.policy, around=around)


async def _pairs(
    stores: Stores,
    old: PolicyInPlace,
    new: PolicyInPlace,
    *,
    since: datetime,
    wanted: frozenset[str],
) -> tuple[list[Pair], bool]:
    triggers = await stores.decisions.triggers_since(since)
    if not triggers:
        return every_case(old, new, wanted), False
    pairs = [
        paired(parse_trigger(namespace, name, metadata), old, new, f"{namespace}/{name}")
        for namespace, name, metadata in triggers
    ]
    return [pair for pair in pairs if pair.region in wanted], True


async def _stretches(
    stores: Stores,
    pairs: Sequence[Pair],
    catalogs: tuple[Catalog, Catalog],
    since: datetime,
    *,
    until: datetime,
) -> AsyncIterator[Stretch]:
    """Day by day, on the values as they are stored now and the forecast that each day began with."""
    names = {pair.region for pair in pairs if pair.region is not None}
    if not names:
        return
    begins_at, before = since, await stores.intensities.load(names, now=since)
    while begins_at < until:
        ends_at = min(until, begins_at + AT_ONCE)
        after = await stores.intensities.load(names, now=ends_at)
        known = {name: replace(s, outlook=_outlook(before, name)) for name, s in after.items()}
        old, new = (_averaged(known, catalog) for catalog in catalogs)
        yield Stretch(begins_at=begins_at, ends_at=ends_at, old=old, new=new)
        begins_at, before = ends_at, after


def _outlook(regions: Regions, name: str) -> Outlook | None:
    series = regions.get(name)
    return None if series is None else series.outlook


def _averaged(regions: Regions, catalog: Catalog) -> Regions:
    averages = averages_of(catalog)
    return {name: with_average(series, averages) for name, series in regions.items()}


async def _courses(
    pairs: Sequence[Pair], stretches: AsyncIterator[Stretch], progress: Progress, days: int
) -> list[list[Interval]]:
    """What each pair answers; thousands of objects are a few kinds."""
    kinds = [pair.kind for pair in pairs]
    by_kind = dict(zip(kinds, pairs, strict=True))
    courses: dict[str, list[Interval]] = {kind: [] for kind in by_kind}
    done = 0
    async for stretch in stretches:
        for kind, pair in by_kind.items():
            courses[kind] = joined([*courses[kind], *intervals(pair, stretch)])
            done += 1
            progress(done, days * len(by_kind))
    return [courses[kind] for kind in kinds]
