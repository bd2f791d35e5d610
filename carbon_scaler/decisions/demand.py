"""Is the backlog known at all?"""

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.backlog import BacklogUnknown
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.trigger import Mode


def rule(case: Case) -> Ruling | None:
    """A queue whose backlog is unknown has no answer."""
    if case.plan.mode is not Mode.QUEUE or case.counts is not None:
        return None
    demand = case.inputs.demand
    cause = demand.cause if isinstance(demand, BacklogUnknown) else "not read yet"
    return Ruling(
        rule="demand",
        outcome=Outcome.ERROR,
        reason="backlog_unknown",
        template='backlog "{backlog}" is unknown: {cause}',
        figures={"backlog": case.plan.backlog, "cause": cause},
    )
