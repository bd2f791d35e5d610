"""Where shared work runs, told with what each of its regions counts; pure."""

from dataclasses import asdict
from typing import Any

from carbon_scaler.decisions import place, place_choice
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.trigger import Plan

TOLD = ("place", "ladder", "rank", "lead", "why", "chosen_at", "chosen_by", "score")


def place_document(plan: Plan, decision: Decision, inputs: Inputs) -> dict[str, Any] | None:
    """None: no other region shares the work, or residency keeps it from running here."""
    ruling = decision.ruling_of(place.RULE)
    if plan.shared is None or ruling is None:
        return None
    now = decision.decided_at
    lawful, _ = place.permitted(plan, now)
    live = {*inputs.whereabouts.live, plan.region}
    return {
        "work": plan.shared.key,
        "outcome": ruling.outcome,
        **{name: ruling.figures[name] for name in TOLD},
        "regions": [
            {**asdict(each), "permitted": each.region in lawful, "live": each.region in live}
            for each in place_choice.compared(plan, inputs.others, now)
        ],
    }
