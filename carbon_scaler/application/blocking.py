"""The one cause that keeps work from starting, named; pure."""

from collections.abc import Mapping

from carbon_scaler.domain.decision import Decision, Verdict
from carbon_scaler.domain.trigger import Mode, Plan

# By the rule that settled it; what is not in it is called by its own name.
CAUSES: Mapping[str, str] = {"demand": "backlog", "blind": "data"}


def blocked_by(plan: Plan, decision: Decision) -> str | None:
    """Which cause holds work back: a rule, the data, the backlog, the ceiling, or no demand."""
    counts = decision.counts if plan.mode is Mode.QUEUE else None
    if counts is not None and not counts.waiting:
        return "no_demand"
    if decision.verdict is not Verdict.OPEN:
        return CAUSES.get(decision.decisive.rule, decision.decisive.rule)
    return "ceiling" if counts is not None and not decision.admitted else None


def why(plan: Plan, decision: Decision) -> str:
    """One sentence: the decisive ruling, or that there is nothing to start."""
    match blocked_by(plan, decision):
        case "no_demand":
            return f'nothing waits in backlog "{plan.backlog}"; {decision.decisive.text}'
        case "ceiling":
            return f"all {plan.max_jobs} of maxJobs are taken; {decision.decisive.text}"
        case _:
            return decision.decisive.text
