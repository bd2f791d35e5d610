"""Is there a value fresh enough to decide on?"""

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.intensity import Kind, Reading
from carbon_scaler.domain.policy import WhenBlind
from carbon_scaler.domain.trigger import Mode

RULE = "blind"
OUTCOMES = {
    WhenBlind.OPEN: Outcome.OPEN,
    WhenBlind.CLOSED: Outcome.CLOSED,
    WhenBlind.ERROR: Outcome.ERROR,
}


def rule(case: Case) -> Ruling:
    """Without usable data the setting `whenBlind` decides; an average of a year never does."""
    reading = case.reading
    if reading is not None and reading.kind is not Kind.STATIC and case.now < reading.too_old_at:
        return _usable(case, reading)
    stated = case.plan.settings.when_blind
    # KEDA drops a trigger that errors, so a brake that errs would hold nothing.
    holds = stated is WhenBlind.ERROR and case.plan.mode is Mode.BRAKE
    outcome = Outcome.CLOSED if holds else OUTCOMES[stated]
    return Ruling(
        rule=RULE,
        outcome=outcome,
        reason=f"blind_{outcome}",
        template="no usable data for {region}: {cause}; whenBlind is {when_blind}{held}",
        figures={
            "region": case.plan.region,
            "cause": _cause(case),
            "when_blind": str(stated),
            "held": ", which a brake answers as closed" if holds else "",
        },
    )


def _usable(case: Case, reading: Reading) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=Outcome.PASSED,
        reason="data_usable",
        template="the {what} {observed_at} from {source}{remark} may decide until {too_old_at}",
        figures={
            "what": "forecast for" if reading.kind is Kind.FORECAST else "value of",
            "observed_at": reading.observed_at,
            "source": reading.source,
            "kind": str(reading.kind),
            "remark": _remark(case, reading),
            "too_old_at": reading.too_old_at,
        },
        until=reading.too_old_at,
    )


def _remark(case: Case, reading: Reading) -> str:
    basis = reading.basis
    if case.series is None or basis == case.series.basis:
        return ""
    wanted = case.series.basis
    return (
        f", {basis.signal} and {basis.factors}, stands in for "
        f"{wanted.signal} and {wanted.factors} and"
    )


def _cause(case: Case) -> str:
    newest = case.reading if case.series is None else case.series.reading_at(case.now)
    return "; ".join((_age_of(newest, case), *_average_of(case)))


def _age_of(newest: Reading | None, case: Case) -> str:
    if newest is None:
        return "none stored"
    age = format_duration(case.now - newest.observed_at)
    limit = format_duration(newest.too_old_at - newest.observed_at)
    return f"the newest value, from {newest.source}, is {age} old, at most {limit} is usable"


def _average_of(case: Case) -> tuple[str, ...]:
    average = None if case.series is None else case.series.average
    if average is None:
        return ()
    return (
        f"the yearly average of {average.year}, {average.grams_per_kwh:g} g/kWh (static), "
        "does not decide",
    )
