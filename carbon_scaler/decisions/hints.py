"""A cleaner region for the same work, and what the law makes of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from carbon_scaler.decisions import residency
from carbon_scaler.decisions.case import Case
from carbon_scaler.decisions.weighing import is_usable, share_of, usable_reading, weighed
from carbon_scaler.domain.intensity import Reading
from carbon_scaler.domain.residency import CarbonHint, Enforcement, HintRuling, Level, Tenant
from carbon_scaler.domain.trigger import HintTerms, Tenancy

GDPR_LEVELS = frozenset({Level.EU_STRICT, Level.EU_ADEQUATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    hint: CarbonHint
    # What going there counts, against staying; less is better.
    score: float


def hint(case: Case) -> HintRuling | None:
    """The best other region that the class names, judged; None: none is worth going to."""
    terms, tenancy = case.plan.hint_terms, case.plan.tenancy
    if terms is None or case.reading is None or not is_usable(case.reading, case.now):
        return None
    tenant = None if tenancy is None else tenancy.tenant
    # Nothing is suggested to a tenant that is refused.
    if tenancy is not None and tenant is None:
        return None
    best = _best(case, case.reading, terms)
    if best is None:
        return None
    return judge(
        best,
        tenant,
        may_go=may_go(tenancy, best.suggested_region, case.now),
        energy_kwh=case.plan.settings.job_energy_kwh,
    )


def judge(
    carbon_hint: CarbonHint, tenant: Tenant | None, *, may_go: bool, energy_kwh: float
) -> HintRuling:
    """Followed where the law lets it; else overridden, and staying costs a job so many grams.

    Without a tenant it is nobody's work.
    """
    region = carbon_hint.suggested_region
    if may_go or tenant is None or tenant.mode is not Enforcement.STRICT:
        saved = f"{round(carbon_hint.savings_percent, 2):g}% cleaner"
        standing = _standing(tenant, may_go=may_go)
        reason = f"Carbon optimization applied: {region} is {saved}{standing}"
        return HintRuling(hint=carbon_hint, overridden=False, reason=reason, penalty_grams=0.0)
    difference = carbon_hint.current_grams_per_kwh - carbon_hint.suggested_grams_per_kwh
    return HintRuling(
        hint=carbon_hint,
        overridden=True,
        reason=f"Carbon hint for {region} overridden: violates {tenant.level.lower()} policy",
        penalty_grams=difference * energy_kwh,
    )


def may_go(tenancy: Tenancy | None, region: str, now: datetime) -> bool:
    """Whether the law has nothing against a region: the level has it, or nothing is enforced."""
    if tenancy is None:
        return True
    tenant = tenancy.tenant
    if tenant is None:
        return False
    if tenant.mode is Enforcement.DISABLED:
        return True
    return residency.permitted(tenant, tenancy, region, now).allowed


def _best(case: Case, here: Reading, terms: HintTerms) -> CarbonHint | None:
    """A fallback counts only where the law has it and no preferred region is better."""
    lawful = tuple(name for name in terms.fallback if may_go(case.plan.tenancy, name, case.now))
    for names in (terms.preferred, lawful):
        # Of equally good ones `min` takes the first listed.
        best = min(_better(case, here, terms, names), key=lambda each: each.score, default=None)
        if best is not None:
            return best.hint
    return None


def _better(
    case: Case, here: Reading, terms: HintTerms, names: tuple[str, ...]
) -> Iterator[_Candidate]:
    """Those that are cleaner by what waiting would have to save, and better on the whole."""
    staying = terms.weights.carbon + terms.weights.cost
    for name in names:
        there = usable_reading(case.inputs.others.get(name), case.now)
        # Values of different bases are never compared.
        if name == case.plan.region or there is None or there.basis != here.basis:
            continue
        suggested = CarbonHint(
            suggested_region=name,
            current_grams_per_kwh=here.grams_per_kwh,
            suggested_grams_per_kwh=there.grams_per_kwh,
            renewable_percent=there.renewable.known,
        )
        saved = suggested.savings_percent
        if saved > 0 and saved >= case.plan.settings.min_savings_percent:
            score = _score(suggested, case.plan.region, terms)
            if score < staying:
                yield _Candidate(hint=suggested, score=score)


def _score(suggested: CarbonHint, region: str, terms: HintTerms) -> float:
    carbon = share_of(suggested.suggested_grams_per_kwh, suggested.current_grams_per_kwh)
    cost = terms.costs.get(suggested.suggested_region, 1.0) / terms.costs.get(region, 1.0)
    return weighed(terms.weights, carbon=carbon, cost=cost)


def _standing(tenant: Tenant | None, *, may_go: bool) -> str:
    if tenant is None or tenant.mode is Enforcement.DISABLED:
        return ""
    if not may_go:
        return f", against {tenant.level.lower()} policy"
    if tenant.level in GDPR_LEVELS:
        return " and GDPR-compliant"
    return f" and within {tenant.level.lower()} policy"
