"""A decision told in full, from the very run that made it; pure."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from carbon_scaler.application.blocking import blocked_by, why
from carbon_scaler.application.keda_answer import keda_answer
from carbon_scaler.application.place_document import place_document
from carbon_scaler.application.planned_document import planned_document
from carbon_scaler.application.prospects import Prospect, coming, remedies
from carbon_scaler.application.region_comparison import (
    compared_regions,
    hint_document,
    residency_document,
)
from carbon_scaler.application.status import intensity_document
from carbon_scaler.application.trigger_metadata import metadata_key
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import case_of
from carbon_scaler.domain.bands import band_of
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.intensity import Kind, Reading
from carbon_scaler.domain.policy import SETTING_NAMES
from carbon_scaler.domain.series_past import source_change
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan, Rejection

A_MOMENT = timedelta(milliseconds=1)


def explain(
    plan: Plan,
    decision: Decision,
    series: RegionSeries | None = None,
    *,
    inputs: Inputs | None = None,
) -> dict[str, Any]:
    """Why this answer, from which figures, and until when.

    `inputs` is all that it was made from; with the `series` alone nothing is foretold.
    """
    known = inputs or Inputs(series=series)
    ahead = coming(plan, decision, known) if inputs is not None else ()
    return {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "why": why(plan, decision),
        "blocked_by": blocked_by(plan, decision),
        "until": _told(ahead[0].at) if ahead else None,
        "would_change": [_prospect(each) for each in (*remedies(decision), *ahead)],
        "level": decision.level,
        "share": decision.share,
        "admitted": decision.admitted,
        "metric_value": decision.metric_value,
        "target": decision.target,
        "active": decision.active,
        "keda": keda_answer(plan, decision, known.demand),
        **_made_from(plan, decision, known),
        **_about(plan),
        "decided_at": decision.decided_at,
        "changes_at": _told(decision.changes_at),
        "policy_version": plan.policy_version,
    }


def explain_rejection(rejection: Rejection, policy_version: str) -> dict[str, Any]:
    """What is wrong with a trigger, in the same shape."""
    return {
        "verdict": "error",
        "reason": "bad_metadata",
        "why": rejection.text(),
        "blocked_by": "metadata",
        "until": None,
        "would_change": [],
        "level": 0.0,
        "share": 0.0,
        "admitted": 0,
        "metric_value": 0.0,
        "target": 1.0,
        "active": False,
        "keda": None,
        "rules": [
            {
                "rule": "metadata",
                "outcome": "error",
                "reason": "bad_metadata",
                "text": str(problem),
                "figures": asdict(problem),
            }
            for problem in rejection.problems
        ],
        "intensity": None,
        "source_change": None,
        "saving": None,
        "planned": None,
        "residency": None,
        "place": None,
        "carbon_hint": None,
        "regions_compared": [],
        "budget": None,
        "backlog": None,
        "settings": {},
        "trigger": {"namespace": rejection.namespace, "name": rejection.name},
        "tenant": None,
        "service": None,
        "warnings": list(rejection.warnings),
        "decided_at": None,
        "changes_at": None,
        "policy_version": policy_version,
    }


def with_provenance(
    document: Mapping[str, Any], provenance: Mapping[str, object] | None
) -> dict[str, Any]:
    """An explanation whose value also tells what is stored of where it comes from."""
    if document["intensity"] is None or provenance is None:
        return dict(document)
    return {**document, "intensity": {**document["intensity"], "provenance": dict(provenance)}}


def plain(value: object) -> object:
    """A value as JSON knows it: instants in UTC, durations as users write them."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Enum):
        return value.value
    return str(value)


def _told(instant: datetime | None) -> datetime | None:
    """Two lines that are computed may meet a moment before the second at which they do."""
    if instant is None:
        return None
    later = instant + A_MOMENT
    whole = later.replace(microsecond=0)
    return whole if later - whole < A_MOMENT else instant


def _made_from(plan: Plan, decision: Decision, known: Inputs) -> dict[str, Any]:
    counts = decision.counts
    return {
        "rules": _rules(decision),
        "intensity": _intensity(plan, decision, known.series),
        "source_change": _source_change(decision, known.series),
        "saving": _saving(plan, decision),
        "planned": planned_document(case_of(plan, known, decision.decided_at)),
        "residency": residency_document(plan, decision),
        "place": place_document(plan, decision, known),
        "carbon_hint": hint_document(decision),
        "regions_compared": compared_regions(plan, decision, known),
        "budget": _budget(decision),
        "backlog": None if counts is None else {"name": plan.backlog, **asdict(counts)},
    }


def _about(plan: Plan) -> dict[str, Any]:
    return {
        "settings": _settings(plan),
        "trigger": {
            "namespace": plan.namespace,
            "name": plan.name,
            "region": plan.region,
            "mode": plan.mode,
            "workloadClass": plan.workload_class,
        },
        "tenant": None if plan.tenancy is None else plan.tenancy.tenant_name,
        "service": plan.service,
        "warnings": list(plan.warnings),
    }


def _rules(decision: Decision) -> list[dict[str, Any]]:
    return [
        {
            "rule": ruling.rule,
            "outcome": ruling.outcome,
            "reason": ruling.reason,
            "text": ruling.text,
            "figures": dict(ruling.figures),
        }
        for ruling in decision.rulings
    ]


def _prospect(prospect: Prospect) -> dict[str, Any]:
    return {
        "what": prospect.what,
        "at": _told(prospect.at),
        "then": prospect.then,
        "verdict": prospect.verdict,
    }


def _intensity(
    plan: Plan, decision: Decision, series: RegionSeries | None
) -> dict[str, Any] | None:
    reading = decision.reading
    if reading is None:
        return None
    document = {
        **intensity_document(reading, decision.decided_at),
        "band": band_of(reading.grams_per_kwh, plan.bands).name,
        "classification": band_of(reading.grams_per_kwh, plan.classification).name,
        "renewables_as_expected": _as_expected(plan, reading),
    }
    if reading.kind is Kind.FORECAST and series is not None and series.outlook is not None:
        document["issued_at"] = series.outlook.issued_at
    return document


def _as_expected(plan: Plan, reading: Reading) -> bool | None:
    """Whether so clean a grid has the renewable share that its band's author expects."""
    expected = band_of(reading.grams_per_kwh, plan.bands).min_renewable_percent
    if expected is None:
        return None
    if reading.renewable.at_least >= expected:
        return True
    return False if reading.renewable.at_most < expected else None


def _saving(plan: Plan, decision: Decision) -> dict[str, Any] | None:
    """What a job saves at least that waits until the grid is below the limit."""
    limit, reading = plan.settings.threshold, decision.reading
    # A preferred hour may open above the limit.
    prefers = any(window.bonus_percent for window in plan.windows)
    if reading is None or prefers or decision.reason != "above_threshold":
        return None
    excess, energy = reading.grams_per_kwh - limit, plan.settings.job_energy_kwh
    return {
        "grams_per_job_at_least": round(excess * energy, 3),
        "percent_at_least": round(100 * excess / reading.grams_per_kwh, 1),
        "job_energy_kwh": energy,
    }


def _budget(decision: Decision) -> dict[str, Any] | None:
    ruling = decision.ruling_of("budget")
    if ruling is None:
        return None
    return {"outcome": ruling.outcome, "reason": ruling.reason, **ruling.figures}


def _source_change(decision: Decision, series: RegionSeries | None) -> dict[str, Any] | None:
    change = None if series is None else source_change(series, decision.decided_at)
    if change is None:
        return None
    return {"from": change.former, "to": change.present, "since": change.since}


def _settings(plan: Plan) -> dict[str, Any]:
    stated = {
        metadata_key(name): {"value": getattr(plan.settings, name), "origin": plan.origins[name]}
        for name in SETTING_NAMES
    }
    return {"region": {"value": plan.region, "origin": plan.origins["region"]}, **stated}
