"""Strategy `threshold`: open while the grid is below a fixed limit."""

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.decisions.case import Case
from carbon_scaler.decisions.counted import counted_grams, counted_text
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.intensity import RenewableShare
from carbon_scaler.domain.policy import Settings
from carbon_scaler.domain.snapshot import RegionSeries

RULE = "threshold"


def rule(case: Case) -> Ruling:
    """Open iff the intensity is strictly below the limit and the renewable share suffices."""
    reading, settings = case.reading, case.plan.settings
    if reading is None:
        return Ruling(
            rule=RULE, outcome=Outcome.CLOSED, reason="no_data", template="no value", figures={}
        )
    if not counted_grams(case, reading) < settings.threshold:  # not a number is not clean
        outcome, reason, relation = Outcome.CLOSED, "above_threshold", "is not below"
    elif not enough_renewables(reading.renewable, settings):
        outcome, reason, relation = Outcome.CLOSED, "renewables_below_minimum", "is below"
    else:
        outcome, reason, relation = Outcome.OPEN, "below_threshold", "is below"
    return Ruling(
        rule=RULE,
        outcome=outcome,
        reason=reason,
        template="{counted} {relation} the limit of {threshold:g}{mix}",
        figures={
            "grams_per_kwh": reading.grams_per_kwh,
            "counted": counted_text(case, reading),
            "relation": relation,
            "threshold": settings.threshold,
            "renewable_percent": reading.renewable.known,
            "min_renewable_percent": settings.min_renewable_percent,
            "mix": _mix_text(reading.renewable, settings),
        },
        remedy_template="" if outcome is Outcome.OPEN else _remedy(settings),
    )


def enough_renewables(share: RenewableShare, settings: Settings) -> bool:
    """Unknown shares pass, unless the mix is required."""
    minimum = settings.min_renewable_percent
    if minimum is None or share.at_least >= minimum:
        return True
    return share.at_most >= minimum and not settings.require_mix


def open_slots(
    series: RegionSeries, settings: Settings, counted: Column | None = None
) -> NDArray[np.bool_]:
    """Which of the stored intervals were open under these settings.

    `counted` is what their intensities count for, where that is not themselves.
    """
    clean = (series.grams_per_kwh if counted is None else counted) < settings.threshold
    minimum = settings.min_renewable_percent
    if minimum is None:
        return clean
    bound = series.renewable_at_least if settings.require_mix else series.renewable_at_most
    return clean & (bound >= minimum)


def _remedy(settings: Settings) -> str:
    """At which figures it opens."""
    if settings.min_renewable_percent is None:
        return "it opens below {threshold:g} g/kWh"
    return (
        "it opens below {threshold:g} g/kWh with at least {min_renewable_percent:g} % of renewables"
    )


def _mix_text(share: RenewableShare, settings: Settings) -> str:
    minimum = settings.min_renewable_percent
    if minimum is None:
        return ""
    if share.at_least >= minimum:
        return f", {share.at_least:g} % renewable reaches the minimum of {minimum:g} %"
    if share.at_most < minimum:
        return f", {share.at_most:g} % renewable is under the minimum of {minimum:g} %"
    if settings.require_mix:
        return f", the energy mix is unknown and requireMix wants {minimum:g} % renewable"
    return f", the energy mix is unknown, so the minimum of {minimum:g} % renewable is skipped"
