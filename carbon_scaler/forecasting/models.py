"""All models side by side, each a path from each origin."""

from dataclasses import dataclass

import numpy as np

from carbon_scaler.forecasting import profiles
from carbon_scaler.forecasting.accuracy import errors_of, losses_of, targets_of
from carbon_scaler.forecasting.choice import JUDGED, YARDSTICKS
from carbon_scaler.forecasting.forecast import (
    PERSISTENCE,
    PROFILE_OFFSET,
    PROVIDER,
    REGRESSION,
    STATIC_AVERAGE,
    YESTERDAY,
)
from carbon_scaler.forecasting.hours import Column, HourlyHistory
from carbon_scaler.forecasting.inputs import Hours
from carbon_scaler.forecasting.levels import Levels
from carbon_scaler.forecasting.provider import ProviderIssues, provider_paths


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Models:
    """What each model expected at the hours of one history."""

    history: HourlyHistory
    levels: Levels
    regression: Column  # the paths issued at the last hours
    fading: Column
    average: float | None
    provider: ProviderIssues | None = None

    def paths(self, origins: Hours) -> dict[str, Column]:
        """By model: (origins, hours ahead)."""
        grams, ahead = self.history.grams, len(self.fading)
        made = {
            REGRESSION: self.regression[origins - (len(grams) - len(self.regression))],
            PROFILE_OFFSET: profiles.profile_offset(grams, self.levels, origins, self.fading),
            YESTERDAY: profiles.yesterday(grams, origins, ahead),
            PERSISTENCE: profiles.persistence(grams, origins, ahead),
        }
        if self.average is not None:
            present = grams[origins]
            made[STATIC_AVERAGE] = profiles.static_average(self.average, present, self.fading)
        if self.provider is not None:
            made[PROVIDER] = provider_paths(self.provider, self.history, origins, self.fading)
        return made

    def errors(self, origins: Hours) -> dict[str, Column]:
        """By model, known only where each of the judged models and yardsticks said something."""
        targets = targets_of(self.history.grams, origins, len(self.fading))
        errors = {name: errors_of(path, targets) for name, path in self.paths(origins).items()}
        compared = [np.isfinite(errors[name]) for name in (*JUDGED, *YARDSTICKS)]
        known = np.logical_and.reduce(compared)
        return {name: np.where(known, error, np.nan) for name, error in errors.items()}

    def losses(self, origins: Hours) -> dict[str, Column]:
        """By model: mean absolute error up to a day ahead of each origin."""
        return {name: losses_of(error) for name, error in self.errors(origins).items()}
