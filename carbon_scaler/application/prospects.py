"""What would change an answer: what the rules ask for, and what time alone brings; pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.timeline import Timeline
from carbon_scaler.decisions.timeline import timeline as timeline_of
from carbon_scaler.domain.backlog import BacklogReading
from carbon_scaler.domain.decision import SETTLING, Decision, Outcome, Ruling, Verdict
from carbon_scaler.domain.trigger import Mode, Plan

MOST_COMING = 5
MOST_STEPS = 300
LOOKS_AHEAD = timedelta(days=31)
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_TICK = timedelta(microseconds=1)

# What is said of a ruling that brings no remedy of its own.
_REMEDIES = {
    "below_threshold": "it closes from {threshold:g} g/kWh on",
    "within_quantile": "it closes above {limit:g} g/kWh",
    "blind_open": "a usable value arrives",
    "blind_closed": "a usable value arrives",
    "blind_error": "a usable value arrives",
    "backlog_unknown": "the backlog can be read again",
    "place_begins": "the handover is over",
    "shadow": "shadow is no longer true in the trigger",
    "disabled": "enabled is no longer false in scheduler-config.yaml",
    "now_is_best": "a later start is expected to cost less",
    "urgent": "the trigger names another workloadClass",
}
# The last rule of all: whatever changes it turns the verdict.
_STRATEGIES = frozenset({"threshold", "quantile", "curve", "forecast"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """One thing that would change an answer."""

    what: str
    # None: whenever it happens.
    at: datetime | None
    then: str
    # None: the other rules decide then.
    verdict: Verdict | None


def remedies(decision: Decision) -> tuple[Prospect, ...]:
    """What the rulings that count ask for, in their order."""
    return tuple(
        Prospect(what=what, at=None, then=then, verdict=verdict)
        for ruling in _that_count(decision)
        if (what := _remedy(ruling))
        for then, verdict in (_turned(ruling),)
    )


def coming(plan: Plan, decision: Decision, inputs: Inputs) -> tuple[Prospect, ...]:
    """How time alone changes the answer: no new value, no new item, no new word of an operator."""
    found: list[Prospect] = []
    for before, after in _steps(plan, decision, inputs):
        if _answer(before) != _answer(after):
            found.append(
                Prospect(
                    what=_event(before, after),
                    at=after.decided_at,
                    then=_answer_text(plan, after),
                    verdict=after.verdict,
                )
            )
        if len(found) == MOST_COMING:
            break
    return tuple(found)


def _that_count(decision: Decision) -> Iterator[Ruling]:
    """All that left a mark, up to the one that settled the verdict; in shadow more are heard."""
    for ruling in decision.rulings:
        if ruling.outcome is not Outcome.PASSED:
            yield ruling
        if ruling.outcome in SETTLING:
            return


def _remedy(ruling: Ruling) -> str:
    return ruling.remedy or _REMEDIES.get(ruling.reason, "").format_map(ruling.figures)


def _turned(ruling: Ruling) -> tuple[str, Verdict | None]:
    if ruling.rule not in _STRATEGIES:
        return "the other rules decide", None
    turned = Verdict.CLOSED if ruling.outcome is Outcome.OPEN else Verdict.OPEN
    return turned.value, turned


def _steps(plan: Plan, decision: Decision, inputs: Inputs) -> Iterator[tuple[Decision, Decision]]:
    """Each decision with the one that follows it when nothing but time goes on."""
    known, timeline = _as_known(plan, inputs)
    before = decide(plan, known, decision.decided_at, timeline=timeline)
    for _ in range(MOST_STEPS):
        if before.changes_at is None:
            return
        # An instant that was rounded down must not be met again and again.
        at = max(before.changes_at, before.decided_at + _TICK)
        if at > decision.decided_at + LOOKS_AHEAD:
            return
        after = decide(plan, known, at, timeline=timeline)
        yield before, after
        before = after


def _as_known(plan: Plan, inputs: Inputs) -> tuple[Inputs, Timeline | None]:
    """A backlog is read again and again: what it holds now is taken for what it will hold."""
    if not isinstance(inputs.demand, BacklogReading):
        return inputs, None
    # Where a region stands on a ladder may change meanwhile, and its lead with it.
    alone = plan.shared is None
    timeline = timeline_of(inputs.demand.items, plan.settings) if alone else None
    return replace(inputs, demand=replace(inputs.demand, too_old_at=_NEVER)), timeline


def _answer(decision: Decision) -> tuple[object, ...]:
    return (decision.verdict, decision.admitted, decision.metric_value, decision.level)


def _answer_text(plan: Plan, decision: Decision) -> str:
    if plan.mode is Mode.QUEUE:
        return f"{decision.verdict}, {decision.admitted} admitted"
    if 0 < decision.level < 1:
        return f"{decision.verdict}, level {decision.level:g}"
    return decision.verdict.value


def _event(before: Decision, after: Decision) -> str:
    """What happened between the two."""
    if before.decisive.rule == "override" and after.decisive.rule != "override":
        return "the override ends"
    if before.reason == "forbidden_hours" != after.reason:
        return "the forbidden hours end"
    if after.reason == "pulse":
        return "the pulse begins: starts are free for a while"
    if before.reason == "pulse":
        return "the pulse ends"
    if after.reason.startswith("blind_") and before.reason != after.reason:
        return "the data get too old, unless newer ones come"
    return _of_items(before, after) or after.decisive.text


def _of_items(before: Decision, after: Decision) -> str | None:
    if before.counts is None or after.counts is None:
        return None
    if released := after.counts.released - before.counts.released:
        return f"the latest start of {_items(released)}, less the lead, comes"
    if arrived := after.counts.waiting - before.counts.waiting:
        return f"the enqueued_at of {_items(arrived)} comes"
    return None


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"
