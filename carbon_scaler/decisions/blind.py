"""Is there a value fresh enough to decide on?"""

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.policy import WhenBlind
from carbon_scaler.domain.trigger import Mode

OUTCOMES = {
    WhenBlind.OPEN: Outcome.OPEN,
    WhenBlind.CLOSED: Outcome.CLOSED,
    WhenBlind.ERROR: Outcome.ERROR,
}


def rule(case: Case) -> Ruling:
    """Without usable data the setting `whenBlind` decides."""
    reading = case.reading
    if reading is not None and case.now < reading.too_old_at:
        return Ruling(
            rule="blind",
            outcome=Outcome.PASSED,
            reason="data_usable",
            template="the value of {observed_at} from {source} may decide until {too_old_at}",
            figures={
                "observed_at": reading.observed_at,
                "source": reading.source,
                "too_old_at": reading.too_old_at,
            },
            until=reading.too_old_at,
        )
    stated = case.plan.settings.when_blind
    # KEDA drops a trigger that errors, so a brake that errs would hold nothing.
    holds = stated is WhenBlind.ERROR and case.plan.mode is Mode.BRAKE
    outcome = Outcome.CLOSED if holds else OUTCOMES[stated]
    return Ruling(
        rule="blind",
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


def _cause(case: Case) -> str:
    if case.reading is None:
        return "none stored"
    age = format_duration(case.now - case.reading.observed_at)
    limit = format_duration(case.reading.too_old_at - case.reading.observed_at)
    return f"the newest value, from {case.reading.source}, is {age} old, at most {limit} is usable"
