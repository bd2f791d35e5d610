"""In which of its regions does shared work run, and when may another one start it after all?"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from carbon_scaler.decisions import overrides, residency
from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.override import OverrideAction
from carbon_scaler.domain.place import LIVE_FOR, MoveReason, Place, Whereabouts
from carbon_scaler.domain.trigger import Plan

RULE = "place"
_WHY = {
    MoveReason.FIRST: "it was the best when one was chosen first",
    MoveReason.FORBIDDEN: "the work may no longer run in the former place",
    MoveReason.SILENT: "nobody asked in the former place any more",
    MoveReason.BETTER: "it was better than the former place by more than a move is worth",
}

_FIRST_LISTED = "no permitted place is chosen, and it is the first listed that is permitted"
_PULSES = "a {mode} counts no items, so nothing starts in {region}"
_ITEMS = (
    "{region} is number {rank} behind it and starts what is left {lead} before its latest start"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where shared work runs, and in which order others start what it does not."""

    chosen: str
    # The chosen region, then those that are permitted and live, as listed.
    ladder: tuple[str, ...]
    # This region's place on the ladder.
    rank: int
    # When time alone may change who is permitted.
    until: datetime | None

    def lead(self, lead: timedelta) -> timedelta:
        """How much earlier than the latest start this region releases: one after the other."""
        return lead * (1 - self.rank / len(self.ladder))


def permitted(plan: Plan, now: datetime) -> tuple[tuple[str, ...], datetime | None]:
    """The regions that residency leaves to shared work, and until when time changes nothing."""
    listed = () if plan.shared is None else plan.shared.regions
    if plan.tenancy is None:
        return listed, None
    rulings = {region: residency.judge(plan.tenancy, region, now) for region in listed}
    passed = {name: each for name, each in rulings.items() if each.outcome is Outcome.PASSED}
    ends = [each.until for each in passed.values() if each.until is not None]
    return tuple(passed), min(ends, default=None)


def standing(plan: Plan, whereabouts: Whereabouts, now: datetime) -> Standing | None:
    """None: nobody shares the work, or residency keeps it from running here."""
    if plan.shared is None:
        return None
    regions, until = permitted(plan, now)
    if plan.region not in regions:
        return None
    place = whereabouts.place
    # All come to the same without a word of each other.
    chosen = place.region if place is not None and place.region in regions else regions[0]
    live = {*whereabouts.live, plan.region}
    ladder = (chosen, *(each for each in regions if each != chosen and each in live))
    return Standing(chosen=chosen, ladder=ladder, rank=ladder.index(plan.region), until=until)


def as_here(plan: Plan, whereabouts: Whereabouts, now: datetime) -> Plan:
    """The plan with the lead of its region's place on the ladder."""
    here = standing(plan, whereabouts, now)
    if here is None or not here.rank:
        return plan
    settings = replace(plan.settings, lead=here.lead(plan.settings.lead))
    return replace(plan, settings=settings)


def rule(case: Case) -> Ruling | None:
    """Elsewhere nothing starts, but what the others have left until its latest start is near."""
    here = standing(case.plan, case.inputs.whereabouts, case.now)
    # A hold is stronger: it withholds what is due as well.
    if here is None or _is_held(case):
        return None
    if here.rank:
        return _elsewhere(case, here)
    place = case.inputs.whereabouts.place
    if place is not None and place.region == here.chosen and case.now < place.begins_at:
        return _begins(case, here, place)
    return Ruling(
        rule=RULE,
        outcome=Outcome.PASSED,
        reason="place_here",
        template="the work runs here, in {place}: {why}",
        figures=_figures(case, here),
        until=here.until,
    )


def _is_held(case: Case) -> bool:
    stated = overrides.that_counts(case)
    return stated is not None and stated.action is OverrideAction.HOLD


def _elsewhere(case: Case, here: Standing) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=Outcome.ELSEWHERE,
        reason="place_elsewhere",
        template="the work runs in {place}: {why}; " + (_PULSES if case.plan.pulses else _ITEMS),
        figures=_figures(case, here),
        until=here.until,
        remedy_template=(
            f"nobody asks in {{place}} for {format_duration(LIVE_FOR)}, "
            "or {region} is better by more than a move is worth"
        ),
    )


def _begins(case: Case, here: Standing, place: Place) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=Outcome.ELSEWHERE,
        reason="place_begins",
        template=(
            "the work runs here, in {place}, from {begins_at} on: what the former place started "
            "is told by then"
        ),
        figures={**_figures(case, here), "begins_at": place.begins_at},
        until=min(place.begins_at, here.until or place.begins_at),
    )


def _figures(case: Case, here: Standing) -> dict[str, object]:
    place = case.inputs.whereabouts.place
    if place is not None and place.region != here.chosen:
        place = None
    return {
        "place": here.chosen,
        "region": case.plan.region,
        "mode": case.plan.mode.value,
        "ladder": list(here.ladder),
        "rank": here.rank,
        # As this region has it: see `as_here`.
        "lead": format_duration(case.plan.settings.lead),
        "why": _FIRST_LISTED if place is None else _WHY[place.reason],
        "chosen_at": None if place is None else place.chosen_at,
        "chosen_by": None if place is None else place.chosen_by,
        "score": None if place is None else place.score,
    }
