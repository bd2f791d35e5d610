"""An operator's word: it stands above every rule but residency."""

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.override import Override, OverrideAction


def rule(case: Case) -> Ruling | None:
    """What the override in force says."""
    stated = that_counts(case)
    return None if stated is None else _ruling(stated)


def that_counts(case: Case) -> Override | None:
    """The most specific override in force, and of equally specific ones the newest."""
    plan = case.plan
    in_force = [
        each
        for each in case.inputs.overrides
        if case.now < each.until
        and each.applies_to(plan.namespace, plan.name, plan.workload_class, plan.region)
    ]
    return max(in_force, key=lambda each: (each.specificity, each.id), default=None)


def _ruling(override: Override) -> Ruling:
    holds = override.action is OverrideAction.HOLD
    return Ruling(
        rule="override",
        outcome=Outcome.HELD if holds else Outcome.OPEN,
        reason="held" if holds else "released",
        template="{by} {done} {subject} until {until}: {why} (override {id})",
        figures={
            "id": override.id,
            "by": override.by,
            "done": "holds" if holds else "releases",
            "subject": override.subject,
            "until": override.until,
            "why": override.reason,
        },
        until=override.until,
        remedy_template="end it with: carbon-scaler override end {id}",
    )
