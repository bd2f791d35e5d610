"""What each strategy saves: the same replay, policy and mix of jobs as `carbon-scaler backtest`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from carbon_scaler.application.backtest import Placing, Way, World, replay
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.config.policy_files import read_policy
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.issues import Issues
from carbon_scaler.simulation.mix import Mix, draw
from carbon_scaler.simulation.outcome import Yardstick
from tests.bench.savings.grids import Grid
from tests.bench.savings.noisy import one_issue

WAYS = (Way.THRESHOLD, Way.QUANTILE, Way.FORECAST)
SEED = 42
EU_SHARE = 0.3
NO_FORECASTS: Mapping[str, Issues] = {}


@dataclass(frozen=True, kw_only=True)
class Saving:
    """What strategies made of one grid, in percent of starting at once."""

    source: str
    zone: str
    taught: bool
    mean_grams: float
    percent: dict[str, float]
    possible: float
    # By `forecast`, with a forecast at hand that is off by 5 % of the zone's mean.
    with_noisy: float
    late: int

    def share(self, way: str) -> float | None:
        """Of what the oracle saves; None where nothing can be saved."""
        return self.percent[way] / self.possible if self.possible > 0 else None


def measured(grid: Grid, per_month: int) -> Saving:
    """One grid, every job at home."""
    mix, history = Mix(per_month=per_month, seed=SEED), grid.history
    outcomes = _outcomes((history,), Placing.HOME, WAYS, mix)
    given = {history.region: one_issue(history, SEED)}
    noisy = _outcomes((history,), Placing.HOME, (Way.FORECAST,), mix, forecasts=given)
    told = {way.value: outcomes[way]["saving_percent"] or 0.0 for way in (*WAYS, Way.ORACLE)}
    return Saving(
        source=grid.source,
        zone=grid.zone,
        taught=grid.taught,
        mean_grams=float(grid.history.grams_per_kwh.mean()),
        percent=told,
        possible=told[Way.ORACLE],
        with_noisy=noisy[Way.FORECAST]["saving_percent"] or 0.0,
        late=sum(each["late_starts"] for each in (*outcomes.values(), *noisy.values())),
    )


def placed(
    regions: Sequence[History], inside: frozenset[str], placing: Placing, per_month: int
) -> dict[str, Any]:
    """Several regions with homes evenly in them; how many of the EU's jobs ran outside it."""
    mix = Mix(per_month=per_month, seed=SEED, bound_regions=inside, bound_share=EU_SHARE)
    # Only `forecast` plans the place too.
    ways = (Way.FORECAST,) if placing is Placing.PLANNED else WAYS
    return _outcomes(regions, placing, ways, mix)


def _outcomes(
    histories: Sequence[History],
    placing: Placing,
    ways: Sequence[Way],
    mix: Mix,
    *,
    forecasts: Mapping[str, Issues] = NO_FORECASTS,
) -> dict[str, Any]:
    by_region = {history.region: history for history in histories}
    files = read_policy(None)
    world = World(
        policy=files.policy,
        catalog=files.catalog,
        histories=by_region,
        seed=mix.seed,
        placing=placing,
        priors=load_priors(),
        forecasts=forecasts,
    )
    jobs = draw(mix, by_region)
    every = (Way.RUN_NOW, Way.ORACLE, *ways)
    starts = dict(zip(every, replay(world, jobs, every, lambda _: None), strict=True))
    yardstick = Yardstick(
        jobs=jobs,
        regions=tuple(by_region),
        at_once=starts[Way.RUN_NOW],
        best=starts[Way.ORACLE],
    )
    bound = np.array([set(choice) <= mix.bound_regions for choice in jobs.choices])
    is_outside = np.array([region not in mix.bound_regions for region in by_region])
    return {
        way: {
            **yardstick.outcome(each),
            "bound_jobs": int(bound[jobs.choice_of].sum()),
            "violations": int((bound[jobs.choice_of] & is_outside[each.region_of]).sum()),
        }
        for way, each in starts.items()
    }
