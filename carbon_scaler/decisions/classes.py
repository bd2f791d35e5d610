"""Urgent work never waits."""

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.decision import Outcome, Ruling


def rule(case: Case) -> Ruling:
    """An urgent class opens whatever the grid says."""
    figures = {"workload_class": case.plan.workload_class}
    if case.plan.urgent:
        return Ruling(
            rule="class",
            outcome=Outcome.OPEN,
            reason="urgent",
            template='class "{workload_class}" is urgent and never waits',
            figures=figures,
        )
    return Ruling(
        rule="class",
        outcome=Outcome.PASSED,
        reason="class",
        template='class "{workload_class}" may wait',
        figures=figures,
    )
