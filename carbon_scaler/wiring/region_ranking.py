"""What `regions rank` and `regions compare` read: a policy, and what is stored of regions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.region_ranking import (
    ENERGY_NOTE,
    LATENCY_NOTE,
    Law,
    RegionFigures,
    comparison,
    ranking,
)
from carbon_scaler.config.known_tenant import known_tenant
from carbon_scaler.config.policy_files import PolicyFiles, read_policy
from carbon_scaler.config.region_grids import known_region
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.storage.region_figures import PostgresRegionFigures
from carbon_scaler.wiring.databases import opened_database
from carbon_scaler.wiring.forecast import NothingKnownError
from carbon_scaler.wiring.grid import averages_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RankAsked:
    """Which regions over how long a past, and for whom; no region: all that are stored."""

    regions: tuple[str, ...]
    days: int
    tenant: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Known:
    files: PolicyFiles
    regions: Sequence[RegionFigures]
    law: Law
    header: Mapping[str, Any]


async def ranked_regions(settings: Settings, asked: RankAsked) -> dict[str, Any]:
    """Regions, the best first."""
    known = await _known(settings, asked)
    return {
        **known.header,
        "regions": ranking(known.regions, known.files.policy.weights, known.law),
    }


async def compared_regions(
    settings: Settings, asked: RankAsked, energy_kwh: float | None
) -> dict[str, Any]:
    """Regions side by side, against the first; the energy is a job's, else what is stated."""
    known = await _known(settings, asked)
    policy = known.files.policy
    energy = energy_kwh or policy.defaults.job_energy_kwh or 0.0
    return {**known.header, **comparison(known.regions, policy.weights, known.law, energy)}


async def _known(settings: Settings, asked: RankAsked) -> _Known:
    files = read_policy(settings.policy_dir)
    tenant = known_tenant(asked.tenant, files.policy.residency.tenants)
    now = asked.at or SystemClock().now()
    figures = await _figures(settings, asked, files, now)
    weights = files.policy.weights
    header = {
        "from": now - timedelta(days=asked.days),
        "until": now,
        "days": asked.days,
        "weights": {"carbon": weights.carbon, "cost": weights.cost},
        "tenant": None if tenant is None else tenant.name,
        "level": None if tenant is None else tenant.level,
        "mode": None if tenant is None else tenant.mode,
        "notes": [LATENCY_NOTE, ENERGY_NOTE],
    }
    law = Law(tenant=tenant, adequacy=files.policy.residency.adequacy, now=now)
    return _Known(files=files, regions=figures, law=law, header=header)


async def _figures(
    settings: Settings, asked: RankAsked, files: PolicyFiles, now: datetime
) -> list[RegionFigures]:
    catalog, average = files.catalog, averages_of(files.catalog)
    named = [known_region(name, catalog).name for name in asked.regions]
    async with opened_database(settings, most_connections=1) as database:
        stored = PostgresRegionFigures(database.pool, server=database.server)
        bases = await stored.bases()
        wanted = list(dict.fromkeys(named)) or [name for name in bases if name in catalog]
        usual = _usual_basis([bases[name] for name in wanted if name in bases])
        found = [
            RegionFigures(
                region=catalog[name],
                basis=(basis := bases.get(name, usual)),
                stored=await stored.read(
                    name, basis, since=now - timedelta(days=asked.days), until=now
                ),
                average=average(name, basis),
            )
            for name in wanted
        ]
    if not any(each.grams_per_kwh is not None for each in found):
        raise NothingKnownError(
            f"nothing is known of {', '.join(wanted) or 'any region'}: no value is stored and no "
            "yearly average is shipped; carbon-scaler ingest fills it, or name regions"
        )
    return found


def _usual_basis(bases: Sequence[Basis]) -> Basis:
    """A region that is not stored is told of on the basis of those that are."""
    return bases[0] if len(set(bases)) == 1 else Basis()
