"""Switched off: plain demand."""

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.decision import Outcome, Ruling


def rule(case: Case) -> Ruling | None:
    """With the policy switched off everything may start."""
    if case.plan.enabled:
        return None
    return Ruling(
        rule="off",
        outcome=Outcome.OPEN,
        reason="disabled",
        template="enabled is false in scheduler-config.yaml: the answer is plain demand",
        figures={},
    )
