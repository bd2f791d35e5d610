"""One region's past, as the strategies see it."""

from dataclasses import dataclass
from functools import cached_property

from carbon_scaler.decisions.openings import Openings, forbidden, openings
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan
from carbon_scaler.forecasting.regression import Priors
from carbon_scaler.simulation.expected import Expected, Sight, expected_of
from carbon_scaler.simulation.history import History, published
from carbon_scaler.simulation.issues import Issues
from carbon_scaler.simulation.planned import Grid


@dataclass(frozen=True, kw_only=True, eq=False)
class Gates:
    """What all classes need is made once."""

    history: History
    sight: Sight
    # What other grids have taught our own forecaster; None: nothing is forecast.
    priors: Priors | None = None
    # What somebody else has forecast; None: nobody.
    issues: Issues | None = None

    def openings(self, plan: Plan) -> Openings:
        """When it is open without a forecast."""
        return openings(plan, self._series, self.history.begins, self.history.ends)

    def grid(self, plan: Plan) -> Grid | None:
        """What is planned on; None: nothing."""
        if self._expected is None:
            return None
        span = (self.history.begins, self.history.ends)
        return Grid(
            expected=self._expected.counted(plan.windows),
            forbidden=forbidden(plan.windows, *span),
            stand_in=self.openings(plan),
        )

    @cached_property
    def _series(self) -> RegionSeries:
        return published(self.history, self.sight.lag)

    @cached_property
    def _expected(self) -> Expected | None:
        if self.priors is None:
            return None
        return expected_of(self.history, self.priors, self.sight, self.issues)
