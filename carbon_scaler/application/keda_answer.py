"""What KEDA gets, and what it makes of that; pure."""

import math
from typing import Any

from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.decision import Decision, Verdict
from carbon_scaler.domain.trigger import Mode, Plan


def keda_answer(
    plan: Plan, decision: Decision, demand: BacklogReading | BacklogUnknown | None
) -> dict[str, Any]:
    """The figures of the reply, and a sentence on what follows from them."""
    return {
        "is_active": decision.active,
        "metric_value": decision.metric_value,
        "metric_value_int": math.ceil(decision.metric_value),
        "target": decision.target,
        "says": _consequence(plan, decision, demand),
    }


def _consequence(
    plan: Plan, decision: Decision, demand: BacklogReading | BacklogUnknown | None
) -> str:
    if decision.verdict is Verdict.ERROR:
        return _of_an_error(plan)
    match plan.mode:
        case Mode.BRAKE:
            return _of_a_brake(decision)
        case Mode.GATE:
            return _of_a_gate(decision)
        case _:
            return f"{_of_a_queue(plan, decision)}{_strategy(demand)}"


def _of_an_error(plan: Plan) -> str:
    if plan.mode is Mode.GATE:
        return "KEDA gets UNAVAILABLE: it keeps the replicas, or takes the object's fallback"
    return "KEDA gets UNAVAILABLE: it starts no Job for this trigger and records an event"


def _of_a_brake(decision: Decision) -> str:
    if decision.active:
        return (
            "active with a target of 0: with multipleScalersCalculation min KEDA starts no new "
            "Job, whatever the other triggers ask for; running ones go on"
        )
    return "inactive: KEDA leaves the brake out, the other triggers alone decide"


def _of_a_gate(decision: Decision) -> str:
    return (
        f"the formula in scalingModifiers gets {decision.level:g} under this trigger's name "
        "(0 closed, 1 open)"
    )


def _of_a_queue(plan: Plan, decision: Decision) -> str:
    jobs = math.ceil(decision.admitted / plan.items_per_job)
    if not jobs:
        return "KEDA starts no new Job for this trigger"
    return f"KEDA starts up to {jobs} {'Job' if jobs == 1 else 'Jobs'}"


def _strategy(demand: BacklogReading | BacklogUnknown | None) -> str:
    if not isinstance(demand, BacklogReading):
        return ""
    if demand.items.counts_in_progress:
        return (
            "; items in progress are in the value, so the ScaledJob's strategy must be default, "
            "which subtracts running Jobs"
        )
    return (
        "; the backlog tells waiting items only, so the ScaledJob's strategy must be accurate, "
        "which subtracts no running Job"
    )
