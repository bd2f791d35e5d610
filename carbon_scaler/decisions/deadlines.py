"""Deadlines win: items by their latest start, a brake or gate by pulses."""

from carbon_scaler.decisions.case import Case
from carbon_scaler.decisions.pulses import pulse_at
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.policy import Settings

RULE = "deadline"


def rule(case: Case) -> Ruling | None:
    """Items past their latest start, less the lead, go; a brake or gate opens in pulses."""
    if case.plan.pulses:
        return _pulse(case)
    return _release(case)


def _release(case: Case) -> Ruling | None:
    if case.counts is None:
        return None
    released = case.counts.released > 0
    return Ruling(
        rule=RULE,
        outcome=Outcome.RELEASED if released else Outcome.PASSED,
        reason="deadline" if released else "no_deadline_near",
        template=(
            "{released} of {waiting} waiting items reached their latest start less the lead of "
            "{lead}; {overdue} are past it"
        ),
        figures={
            "released": case.counts.released,
            "waiting": case.counts.waiting,
            "overdue": case.counts.overdue,
            "lead": format_duration(case.plan.settings.lead),
        },
    )


def _pulse(case: Case) -> Ruling:
    settings, pulse = case.plan.settings, pulse_at(case)
    if pulse is None:
        return _always_free(settings)
    open_now = pulse.opens_at <= case.now
    return Ruling(
        rule=RULE,
        outcome=Outcome.OPEN if open_now else Outcome.PASSED,
        reason="pulse" if open_now else "between_pulses",
        template=(
            "a dirty grid delays starts by {max_delay} at most: counted from {anchor} "
            "({anchor_text}), starts are free from {opens_at} to {closes_at}"
        ),
        figures={
            "max_delay": format_duration(settings.max_delay),
            "release": format_duration(settings.release),
            "anchor": pulse.anchor,
            "anchor_text": pulse.anchor_text,
            "opens_at": pulse.opens_at,
            "closes_at": pulse.closes_at,
        },
        until=pulse.closes_at if open_now else pulse.opens_at,
    )


def _always_free(settings: Settings) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=Outcome.OPEN,
        reason="pulse",
        template="starts are always free: a release of {release} fills the maxDelay of {max_delay}",
        figures={
            "max_delay": format_duration(settings.max_delay),
            "release": format_duration(settings.release),
        },
    )
