"""Off and shadow: plain demand, with the other rules still heard."""

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.decision import Outcome, Ruling


def rule(case: Case) -> Ruling | None:
    """In shadow the gate is open; what the later rules say is only recorded."""
    if not case.plan.shadow:
        return None
    return Ruling(
        rule="shadow",
        outcome=Outcome.OPEN,
        reason="shadow",
        template="shadow is on: the answer is plain demand, the rules below are only recorded",
        figures={},
    )
