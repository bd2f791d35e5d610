"""Which model counts: the best-founded one that was not clearly worse than no model at all.

A forecast is wanted for the order of the hours. By mean error alone persistence, which has no
order, often wins a fortnight, and planners would lose three points of what can be saved; so a
model is rejected only if it was worse by more than chance.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from carbon_scaler.forecasting.accuracy import Accuracy, clearly_worse
from carbon_scaler.forecasting.forecast import (
    PERSISTENCE,
    PROFILE_OFFSET,
    REGRESSION,
    STATIC_AVERAGE,
    YESTERDAY,
    RejectedModel,
)
from carbon_scaler.forecasting.hours import Column
from carbon_scaler.forecasting.levels import mean_known

# In the order in which they are tried, and what the judged ones must not be worse than.
JUDGED = (REGRESSION, PROFILE_OFFSET)
UNJUDGED = (YESTERDAY, STATIC_AVERAGE, PERSISTENCE)
YARDSTICKS = (PERSISTENCE, YESTERDAY)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """How one model did over the last days; losses by origin."""

    accuracy: Accuracy
    losses: Column


def chosen(
    available: Collection[str], scored: Mapping[str, Scored]
) -> tuple[str, tuple[RejectedModel, ...]]:
    """The model to use and those that were rejected; persistence, if nothing else, is there."""
    rejected: list[RejectedModel] = []
    for model in JUDGED:
        if model in available:
            rejection = _rejection(model, scored)
            if rejection is None:
                return model, tuple(rejected)
            rejected.append(rejection)
    if rejected and rejected[-1].better.model in available:
        return rejected[-1].better.model, tuple(rejected)
    return next(model for model in UNJUDGED if model in available), tuple(rejected)


def _rejection(model: str, scored: Mapping[str, Scored]) -> RejectedModel | None:
    """By the best yardstick that it was clearly worse than."""
    score = scored.get(model)
    if score is None:
        return None
    better = [
        name
        for name in YARDSTICKS
        if name in scored and clearly_worse(score.losses, scored[name].losses)
    ]
    if not better:
        return None
    best = min(better, key=lambda name: float(mean_known(scored[name].losses)))
    return RejectedModel(accuracy=score.accuracy, better=scored[best].accuracy)
