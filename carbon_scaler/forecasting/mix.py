"""The own model's path, the provider's, or both by how they fared."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from carbon_scaler.forecasting.accuracy import LEAST_DAYS, mean_squares
from carbon_scaler.forecasting.choice import JUDGED
from carbon_scaler.forecasting.forecast import BLENDED, PROVIDER
from carbon_scaler.forecasting.hours import DAY, Column
from carbon_scaler.forecasting.provider import blended

LEAST_PAIRS = LEAST_DAYS * DAY * DAY // 2  # a provider may look less far than a day


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mix:
    """Of which paths a forecast is made; `own` is the model that was chosen."""

    name: str
    own: str
    mean_squares: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)

    def path(self, paths: Mapping[str, Column]) -> Column:
        """One path of those of the models; the last axis is hours ahead."""
        if self.name == BLENDED:
            return blended({name: paths[name] for name in (self.own, PROVIDER)}, self.mean_squares)
        if self.name == PROVIDER:
            # What the provider does not reach is left to the own model.
            return np.where(np.isfinite(paths[PROVIDER]), paths[PROVIDER], paths[self.own])
        return paths[self.own]


def mix_of(own: str, paths: Mapping[str, Column], errors: Mapping[str, Column]) -> Mix:
    """`paths` are the present ones, `errors` those of the last fourteen days, by model."""
    if PROVIDER not in paths or not np.isfinite(paths[PROVIDER]).any():
        return Mix(name=own, own=own)
    compared = int(np.isfinite(errors[PROVIDER][:, :DAY]).sum())
    if compared >= LEAST_PAIRS:
        squares = {name: mean_squares(errors[name]) for name in (own, PROVIDER)}
        return Mix(name=BLENDED, own=own, mean_squares=squares)
    # Nobody knows yet how good the provider is: it stands in for what is no better founded.
    return Mix(name=own if own in JUDGED else PROVIDER, own=own)
