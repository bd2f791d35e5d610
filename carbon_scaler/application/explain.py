"""A decision told in full, from the very run that made it; pure."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from carbon_scaler.application.status import intensity_document
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.intensity import Kind
from carbon_scaler.domain.policy import SETTING_NAMES
from carbon_scaler.domain.series_past import source_change
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan, Rejection


def explain(plan: Plan, decision: Decision, series: RegionSeries | None = None) -> dict[str, Any]:
    """Why this answer, from which figures, and until when; `series` is what it was made from."""
    return {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "level": decision.level,
        "admitted": decision.admitted,
        "metric_value": decision.metric_value,
        "target": decision.target,
        "active": decision.active,
        "rules": [
            {
                "rule": ruling.rule,
                "outcome": ruling.outcome,
                "reason": ruling.reason,
                "text": ruling.text,
                "figures": dict(ruling.figures),
            }
            for ruling in decision.rulings
        ],
        "intensity": _intensity(decision, series),
        "source_change": _source_change(decision, series),
        "backlog": None
        if decision.counts is None
        else {"name": plan.backlog, **asdict(decision.counts)},
        "settings": _settings(plan),
        "trigger": {
            "namespace": plan.namespace,
            "name": plan.name,
            "region": plan.region,
            "mode": plan.mode,
            "workloadClass": plan.workload_class,
        },
        "warnings": list(plan.warnings),
        "decided_at": decision.decided_at,
        "changes_at": decision.changes_at,
        "policy_version": plan.policy_version,
    }


def explain_rejection(rejection: Rejection, policy_version: str) -> dict[str, Any]:
    """What is wrong with a trigger, in the same shape."""
    return {
        "verdict": "error",
        "reason": "bad_metadata",
        "level": 0.0,
        "admitted": 0,
        "metric_value": 0.0,
        "target": 1.0,
        "active": False,
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
        "backlog": None,
        "settings": {},
        "trigger": {"namespace": rejection.namespace, "name": rejection.name},
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


def _intensity(decision: Decision, series: RegionSeries | None) -> dict[str, Any] | None:
    reading = decision.reading
    if reading is None:
        return None
    document = intensity_document(reading, decision.decided_at)
    if reading.kind is Kind.FORECAST and series is not None and series.outlook is not None:
        document["issued_at"] = series.outlook.issued_at
    return document


def _source_change(decision: Decision, series: RegionSeries | None) -> dict[str, Any] | None:
    change = None if series is None else source_change(series, decision.decided_at)
    if change is None:
        return None
    return {"from": change.former, "to": change.present, "since": change.since}


def _settings(plan: Plan) -> dict[str, Any]:
    stated = {
        _metadata_key(name): {"value": getattr(plan.settings, name), "origin": plan.origins[name]}
        for name in SETTING_NAMES
    }
    return {"region": {"value": plan.region, "origin": plan.origins["region"]}, **stated}


def _metadata_key(setting: str) -> str:
    first, *rest = setting.split("_")
    return first + "".join(word.capitalize() for word in rest)
