"""Regions by what they emit and cost, side by side, the law before the carbon; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from carbon_scaler.application.region_comparison import emissions_of
from carbon_scaler.decisions.residency import permission
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.policy import Weights
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.domain.residency import Adequacy, Enforcement, Level, Tenant
from carbon_scaler.domain.snapshot import YearlyAverage

HISTORY, STATIC = "history", "static"
LATENCY_NOTE = (
    "latency is not known here: measure it from where your users or data are before you move work"
)
ENERGY_NOTE = "work that runs elsewhere or later draws the same energy; only the carbon of that energy differs"
# A tenant of a single region has no choice, so that there is nothing to recommend.
CHOOSING = (Level.EU_STRICT, Level.EU_ADEQUATE, Level.US_ONLY, Level.GLOBAL)


class NotComparableError(CarbonScalerError):
    """These regions can't be put side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFigures:
    """Means over a time of what is stored of a region; None: not known."""

    grams_per_kwh: float
    hours_covered: float
    renewable_percent: float | None
    fossil_free_percent: float | None
    renewable_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionFigures:
    """What is known of one region: of the time asked about, else its yearly average."""

    region: CloudRegion
    basis: Basis
    stored: StoredFigures | None = None
    average: YearlyAverage | None = None

    @property
    def grams_per_kwh(self) -> float | None:
        """What counts; None where nothing is known."""
        if self.stored is not None:
            return self.stored.grams_per_kwh
        return None if self.average is None else self.average.grams_per_kwh

    @property
    def origin(self) -> str | None:
        """Where the grams are from."""
        if self.stored is not None:
            return HISTORY
        return None if self.average is None else STATIC

    @property
    def renewable_percent(self) -> float | None:
        """None, never 0, where it is not known."""
        if self.stored is not None:
            return self.stored.renewable_percent
        return None if self.average is None else self.average.renewable.known


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """For whom the regions are judged, and by which adequacy entries; None: for nobody."""

    tenant: Tenant | None
    adequacy: Adequacy
    now: datetime


def require_one_basis(regions: Sequence[RegionFigures]) -> None:
    """Values of different bases are never compared."""
    bases = {str(each.basis) for each in regions}
    if len(bases) > 1:
        told = ", ".join(f"{each.region.name} is {each.basis}" for each in regions)
        raise NotComparableError(
            f"regions of different bases can't be compared: {told}; name regions of one basis"
        )


def ranking(regions: Sequence[RegionFigures], weights: Weights, law: Law) -> list[dict[str, Any]]:
    """The best first: what the law has, then what is measured, then by the score."""
    require_one_basis(regions)
    scores = _scores(regions, weights)
    rows = [_row(each, scores.get(each.region.name), law) for each in regions]
    order = {HISTORY: 0, STATIC: 1, None: 2}
    rows.sort(
        key=lambda row: (
            row["allowed"] is False,
            order[row["origin"]],
            row["score"] if row["score"] is not None else 0.0,
            row["region"],
        )
    )
    return [{"rank": place, **row} for place, row in enumerate(rows, 1)]


def comparison(
    regions: Sequence[RegionFigures], weights: Weights, law: Law, energy_kwh: float
) -> dict[str, Any]:
    """Side by side in the order given, each against the first, and where work should run."""
    require_one_basis(regions)
    scores = _scores(regions, weights)
    first = regions[0]
    rows = []
    for each in regions:
        grams = each.grams_per_kwh
        rows.append(
            {
                **_row(each, scores.get(each.region.name), law),
                "emissions_grams": emissions_of(grams, energy_kwh),
                "carbon_percent": _percent(grams, first.grams_per_kwh),
                "cost_percent": _percent(each.region.cost_multiplier, first.region.cost_multiplier),
            }
        )
    return {
        "against": first.region.name,
        "energy_kwh": energy_kwh,
        "regions": rows,
        "recommendations": [
            _recommendation(Tenant(name=level.value, level=level), regions, scores, law)
            for level in CHOOSING
        ],
    }


def _scores(regions: Sequence[RegionFigures], weights: Weights) -> Mapping[str, float]:
    """Carbon and cost as multiples of the cleanest and the cheapest, weighed as the policy says.

    A yearly average is no measure for what is stored.
    """
    known = {each.region.name: each for each in regions if each.grams_per_kwh is not None}
    if not known:
        return {}
    measure = [each for each in known.values() if each.stored] or list(known.values())
    cleanest = min(each.grams_per_kwh or 0.0 for each in measure)
    cheapest = min(each.region.cost_multiplier for each in measure)
    return {
        name: weights.carbon * _multiple(each.grams_per_kwh or 0.0, cleanest)
        + weights.cost * each.region.cost_multiplier / cheapest
        for name, each in known.items()
    }


def _multiple(grams: float, cleanest: float) -> float:
    """Where the cleanest grid emits nothing, a gram stands for a multiple."""
    return grams / cleanest if cleanest > 0 else 1.0 + grams


def _row(figures: RegionFigures, score: float | None, law: Law) -> dict[str, Any]:
    region, stored = figures.region, figures.stored
    return {
        "region": region.name,
        "grams_per_kwh": figures.grams_per_kwh,
        "origin": figures.origin,
        "basis": str(figures.basis),
        "year": None if stored or figures.average is None else figures.average.year,
        "hours_covered": 0.0 if stored is None else stored.hours_covered,
        "renewable_percent": figures.renewable_percent,
        "renewable_hours": 0.0 if stored is None else stored.renewable_hours,
        "fossil_free_percent": None if stored is None else stored.fossil_free_percent,
        "cost_multiplier": region.cost_multiplier,
        "score": score,
        "latency": None,
        **_judged(region, law),
    }


def _judged(region: CloudRegion, law: Law) -> dict[str, Any]:
    tenant = law.tenant
    if tenant is None:
        return {"allowed": None, "why": None}
    if tenant.mode is Enforcement.DISABLED:
        return {"allowed": True, "why": "the tenant's residency mode is DISABLED"}
    found = permission(tenant, region.name, region, law.adequacy, now=law.now)
    return {"allowed": found.allowed, "why": found.why}


def _percent(value: float | None, reference: float | None) -> float | None:
    if value is None or reference is None or reference <= 0:
        return None
    return 100 * (value - reference) / reference


def _recommendation(
    tenant: Tenant, regions: Sequence[RegionFigures], scores: Mapping[str, float], law: Law
) -> dict[str, Any]:
    """The best region that the level allows, and what the law costs against the best of all."""
    known = sorted(
        (each for each in regions if each.region.name in scores),
        key=lambda each: (each.origin != HISTORY, scores[each.region.name]),
    )
    lawful = [each for each in known if _may_run(tenant, each.region, law)]
    told: dict[str, Any] = {"level": tenant.level, "region": None, "law_costs_percent": None}
    if not lawful:
        return told | {"text": f"{tenant.level}: may run in none of these regions"}
    best, free = lawful[0], known[0]
    if best is free:
        more: float | None = 0.0
        text = "the best of all that are compared"
    else:
        more = _percent(best.grams_per_kwh, free.grams_per_kwh)
        counted = "" if more is None else f" ({more:+.1f} % carbon)"
        text = f"the law comes before {_named(free)}{counted}"
    return told | {
        "region": best.region.name,
        "law_costs_percent": more,
        "text": f"{tenant.level}: {_named(best)}; {text}",
    }


def _may_run(tenant: Tenant, region: CloudRegion, law: Law) -> bool:
    return permission(tenant, region.name, region, law.adequacy, now=law.now).allowed


def _named(figures: RegionFigures) -> str:
    name = figures.region.name
    return name if figures.origin == HISTORY else f"{name} (by its yearly average)"
