"""Carbon against the law: the regions that a decision weighed, side by side; pure."""

from collections.abc import Iterator
from typing import Any

from carbon_scaler.decisions import residency
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.hints import may_go
from carbon_scaler.domain.decision import FORBIDDING, Decision, Outcome
from carbon_scaler.domain.trigger import Plan


def compared_regions(plan: Plan, decision: Decision, inputs: Inputs) -> list[dict[str, Any]]:
    """A row per region: what a job of `jobEnergyKwh` emits there, whether it may, what is chosen."""
    if decision.hint is None and decision.enforced_region is None:
        return []
    rows = list(_rows(plan, decision, inputs))
    emitted = [row["emissions_grams"] for row in rows if row["emissions_grams"] is not None]
    for row in rows:
        known = row["emissions_grams"] is not None
        row["penalty_grams"] = round(row["emissions_grams"] - min(emitted), 3) if known else None
    return rows


def _rows(plan: Plan, decision: Decision, inputs: Inputs) -> Iterator[dict[str, Any]]:
    ruling, enforced = decision.ruling_of(residency.RULE), decision.enforced_region
    stays = ruling is None or ruling.outcome not in FORBIDDING
    here = None if decision.reading is None else decision.reading.grams_per_kwh
    yield _row(plan, decision, plan.region, here, chosen=stays)
    if enforced is not None:
        series = inputs.others.get(enforced)
        reading = None if series is None else series.resolved_at(decision.decided_at)
        grams = None if reading is None else reading.grams_per_kwh
        yield _row(plan, decision, enforced, grams, chosen=True)
    if decision.hint is not None:
        hint = decision.hint.hint
        if hint.suggested_region not in (plan.region, enforced):
            grams = hint.suggested_grams_per_kwh
            yield _row(plan, decision, hint.suggested_region, grams, chosen=False)


def _row(
    plan: Plan, decision: Decision, region: str, grams: float | None, *, chosen: bool
) -> dict[str, Any]:
    energy = plan.settings.job_energy_kwh
    return {
        "region": region,
        "grams_per_kwh": grams,
        "energy_kwh": energy,
        "emissions_grams": emissions_of(grams, energy),
        "penalty_grams": None,
        "lawful": may_go(plan.tenancy, region, decision.decided_at),
        "chosen": chosen,
    }


def emissions_of(grams_per_kwh: float | None, energy_kwh: float) -> float | None:
    """In grams; None where the intensity is not known."""
    return None if grams_per_kwh is None else round(grams_per_kwh * energy_kwh, 3)


def residency_document(plan: Plan, decision: Decision) -> dict[str, Any] | None:
    """Whose work it is, and what the law makes of where it would run."""
    tenancy, ruling = plan.tenancy, decision.ruling_of(residency.RULE)
    if tenancy is None:
        return None
    tenant = tenancy.tenant
    return {
        "tenant": tenancy.tenant_name,
        "origin": tenancy.origin,
        "level": None if tenant is None else tenant.level,
        "mode": None if tenant is None else tenant.mode,
        "outcome": Outcome.PASSED if ruling is None else ruling.outcome,
        "reason": None if ruling is None else ruling.reason,
        "region": plan.region,
        "enforced_region": decision.enforced_region,
    }


def hint_document(decision: Decision) -> dict[str, Any] | None:
    """The cleaner region that was suggested, and what became of it."""
    if decision.hint is None:
        return None
    hint = decision.hint.hint
    return {
        "suggested_region": hint.suggested_region,
        "current_grams_per_kwh": hint.current_grams_per_kwh,
        "suggested_grams_per_kwh": hint.suggested_grams_per_kwh,
        "savings_percent": round(hint.savings_percent, 1),
        "renewable_percent": hint.renewable_percent,
        "overridden": decision.hint.overridden,
        "penalty_grams": round(decision.hint.penalty_grams, 3),
        "reason": decision.hint.reason,
    }
