"""A decision told in full, from the very run that made it; pure."""

from dataclasses import asdict
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from carbon_scaler.application.status import intensity_document
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.policy import SETTING_NAMES
from carbon_scaler.domain.trigger import Plan, Rejection


def explain(plan: Plan, decision: Decision) -> dict[str, Any]:
    """Why this answer, from which figures, and until when."""
    reading = decision.reading
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
        "intensity": None if reading is None else intensity_document(reading, decision.decided_at),
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
        "backlog": None,
        "settings": {},
        "trigger": {"namespace": rejection.namespace, "name": rejection.name},
        "warnings": list(rejection.warnings),
        "decided_at": None,
        "changes_at": None,
        "policy_version": policy_version,
    }


def plain(value: object) -> object:
    """A value as JSON knows it: instants in UTC, durations as users write them."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Enum):
        return value.value
    return str(value)


def _settings(plan: Plan) -> dict[str, Any]:
    stated = {
        _metadata_key(name): {"value": getattr(plan.settings, name), "origin": plan.origins[name]}
        for name in SETTING_NAMES
    }
    return {"region": {"value": plan.region, "origin": plan.origins["region"]}, **stated}


def _metadata_key(setting: str) -> str:
    first, *rest = setting.split("_")
    return first + "".join(word.capitalize() for word in rest)
