"""The triggers that are polled, each with what was last answered."""

from datetime import datetime

from carbon_scaler.application.directives import Directives
from carbon_scaler.application.rulebook import Rulebook
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.place import Whereabouts
from carbon_scaler.domain.snapshot import RegionSeries, Snapshot
from carbon_scaler.domain.trigger import Plan, Rejection, Trigger


class Subject:
    """One polled trigger: its plan, and the last decision with the inputs it was made from."""

    __slots__ = (
        "answered",
        "decision",
        "demand_token",
        "directives",
        "plan",
        "polled_at",
        "reply",
        "reply_decision",
        "reply_name",
        "rulebook",
        "series",
        "snapshot",
        "trigger",
        "whereabouts",
    )

    def __init__(
        self, trigger: Trigger, plan: Plan | Rejection, rulebook: Rulebook, snapshot: Snapshot
    ) -> None:
        self.polled_at: datetime | None = None
        # What the last answer came to, in short; another rulebook may come to the same.
        self.answered: object = None
        self.renew(trigger, plan, rulebook, snapshot)

    def renew(
        self, trigger: Trigger, plan: Plan | Rejection, rulebook: Rulebook, snapshot: Snapshot
    ) -> None:
        """Under another plan nothing that was decided holds."""
        # Only a rejected trigger is looked at again: its region may get data.
        self.trigger = trigger if isinstance(plan, Rejection) else None
        self.plan = plan
        self.rulebook = rulebook
        self.snapshot: Snapshot | None = snapshot if isinstance(plan, Rejection) else None
        self.decision: Decision | None = None
        self.series: RegionSeries | None = None
        self.directives: Directives | None = None
        self.whereabouts: Whereabouts | None = None
        self.demand_token: object = None
        # The door's rendering of one decision under one name.
        self.reply: bytes | None = None
        self.reply_decision: Decision | None = None
        self.reply_name: str | None = None
