"""Strategy `curve`: the cleaner the grid, the more may run."""

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.decisions.case import Case
from carbon_scaler.decisions.counted import counted_grams, counted_text
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.curves import Curve, curve_up_to
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.policy import Settings

RULE = "curve"


def rule(case: Case) -> Ruling | None:
    """A share of the ceiling by the intensity; None: the intensity is not known."""
    reading, settings = case.reading, case.plan.settings
    if reading is None:
        return None
    curve = _curve_of(settings)
    level = curve.level_at(counted_grams(case, reading))
    return Ruling(
        rule=RULE,
        outcome=Outcome.OPEN if level > 0 else Outcome.CLOSED,
        reason="curve" if level > 0 else "above_curve",
        template="{counted} allows {percent:.4g} % on the curve {curve}",
        figures={
            "grams_per_kwh": reading.grams_per_kwh,
            "counted": counted_text(case, reading),
            "level": level,
            "percent": 100 * level,
            "curve": str(curve),
            "nothing_from": curve.nothing_from,
        },
        share=level if level > 0 else 1.0,
        remedy_template="" if level > 0 else _remedy(curve),
    )


def open_slots(settings: Settings, counted: Column) -> NDArray[np.bool_]:
    """At which of these intensities something may run."""
    curve = _curve_of(settings)
    return np.array([curve.level_at(grams) > 0 for grams in counted.tolist()], dtype=np.bool_)


def _curve_of(settings: Settings) -> Curve:
    return settings.curve or curve_up_to(settings.threshold)


def _remedy(curve: Curve) -> str:
    # One that never ends at nothing is only closed by what is not a number.
    return "" if curve.nothing_from is None else "it opens below {nothing_from:g} g/kWh"
