"""No more of a backlog starts in a minute than its operator wants; what is due goes on."""

from datetime import UTC, datetime

import numpy as np

from carbon_scaler.decisions.case import Case
from carbon_scaler.decisions.herd import OPENING_RULES
from carbon_scaler.domain.backlog import BacklogReading
from carbon_scaler.domain.decision import Outcome, Ruling

RULE = "rate"
MINUTE_SECONDS = 60.0


def rule(case: Case, opening: Ruling) -> Ruling | None:
    """How many may start besides those that started in the last minute; None: all that wait."""
    demand, counts = case.inputs.demand, case.counts
    if not isinstance(demand, BacklogReading) or counts is None:
        return None
    most = demand.items.starts_per_minute
    if most is None or opening.outcome is not Outcome.OPEN or opening.rule not in OPENING_RULES:
        return None
    now = case.now.timestamp()
    first, last = np.searchsorted(demand.items.started, [now - MINUTE_SECONDS, now], side="right")
    left = max(0, most - int(last - first))
    if left >= counts.waiting:
        return None
    counting = demand.items.started[first:last]
    until = datetime.fromtimestamp(counting[0] + MINUTE_SECONDS, UTC) if len(counting) else None
    return Ruling(
        rule=RULE,
        outcome=Outcome.LIMITED,
        reason="rate",
        template=(
            "{starting} of {waiting} items start now: {started} were started in the last minute, "
            "in which the backlog lets {most} start"
        ),
        figures={
            "starting": left,
            "waiting": counts.waiting,
            "started": int(last - first),
            "most": most,
        },
        until=until,
        starting=left,
        remedy_template="a minute passes, or starts_per_minute of the backlog is higher",
    )
