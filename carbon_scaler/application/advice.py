"""What other settings would have saved: chosen on the first part of a past, judged on the rest."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from math import fsum

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.application.backtest import STRATEGIES, Way, World, replay
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.policy import Policy, Strategy
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.jobs import Jobs

HOUR = 3600.0
SLACKS = (1 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR)
# None: what each job has.
TRIED_SLACKS = (None, *SLACKS)
# Thresholds that are tried, as quantiles of the grid's own values in the first part.
QUANTILES = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0)
CHOSEN_ON = 2 / 3
# There is always a forecast here, so that `auto` plans.
REPLAYED = {strategy: way for way, strategy in STRATEGIES.items()} | {Strategy.AUTO: Way.FORECAST}
# Of submissions: what is left of a week and the longest slack.
LEAST_SPAN = timedelta(days=6)

Flags = NDArray[np.bool_]


class TooLittleToAdviseError(CarbonScalerError):
    """The past is too short, or nothing in it waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A strategy and, where it has one, its threshold in g/kWh."""

    strategy: Way
    threshold: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A setting, and what it saved against starting at once in either part."""

    setting: Setting
    chosen_on_percent: float
    judged_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackTrials:
    """The best setting of each strategy if all work that waits could wait so long."""

    slack: timedelta
    best: Sequence[Trial]
    oracle_percent: float  # of the last part


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassAdvice:
    """The best setting of a class with the slack that its jobs have, and what there is now."""

    workload_class: str
    max_delay: timedelta
    best: Trial
    current: Trial | None  # None: a strategy that is not replayed
    oracle_percent: float  # of the last part


@dataclass(frozen=True, kw_only=True, eq=False)
class Trials:
    """Jobs on one region's past, replayed setting by setting."""

    world: World
    history: History
    jobs: Jobs
    progress: Callable[[str], None]
    # What was replayed already.
    made: dict[tuple[Way, Setting | None], Column] = field(default_factory=dict)

    @cached_property
    def waits(self) -> Flags:
        """The jobs that may wait: those of classes that are not urgent, with some slack."""
        plans = [self.world.plan(name, self.history.region) for name in self.jobs.classes]
        patient = np.array([not plan.urgent for plan in plans])
        flags: Flags = patient[self.jobs.class_of] & (self.jobs.slack > 0)
        return flags

    @cached_property
    def boundary(self) -> float:
        """Where the first part ends, in Unix seconds."""
        first, last = float(self.jobs.submitted.min()), float(self.jobs.submitted.max())
        return first + CHOSEN_ON * (last - first)

    @cached_property
    def first(self) -> Flags:
        """Jobs that would have ended in the first part, however long they had waited."""
        longest = np.maximum(self.jobs.slack, SLACKS[-1])
        flags: Flags = self.jobs.submitted + longest + self.jobs.duration <= self.boundary
        return flags

    @cached_property
    def last(self) -> Flags:
        """Jobs of the part that settings are judged on."""
        flags: Flags = self.jobs.submitted > self.boundary
        return flags

    def of_class(self, name: str) -> Flags:
        """The jobs of a class that may wait."""
        flags: Flags = self.waits & (self.jobs.class_of == self.jobs.classes.index(name))
        return flags

    @cached_property
    def at_once(self) -> Column:
        """What each job emits that starts at once."""
        return self.emitted(Way.RUN_NOW)

    @cached_property
    def settings(self) -> Sequence[Setting]:
        """All that are tried; what came after the first part is not known when they are chosen."""
        history = self.history
        starts = history.begins + history.step * np.arange(len(history.grams_per_kwh))
        begins = float(self.jobs.submitted.min())
        known = history.grams_per_kwh[(starts >= begins) & (starts < self.boundary)]
        limits = np.unique(np.round(np.percentile(known, QUANTILES), 1))
        return [
            *(
                Setting(strategy=Way.THRESHOLD, threshold=float(each))
                for each in limits
                if each > 0
            ),
            Setting(strategy=Way.QUANTILE),
            Setting(strategy=Way.FORECAST),
        ]

    def emitted(
        self, way: Way, *, slack: float | None = None, setting: Setting | None = None
    ) -> Column:
        """Grams of each job by the policy as it is, or with a setting in it.

        Those that wait may wait for `slack` seconds, one of those that are tried; None: as they do.
        """
        key = way, setting
        if key not in self.made:
            self.made[key] = self._replayed(way, setting)
        row: Column = self.made[key][TRIED_SLACKS.index(slack)]
        return row

    def _replayed(self, way: Way, setting: Setting | None) -> Column:
        """A row per slack: one replay of all, because forecasts take far longer than jobs."""
        world = self.world
        if setting is not None:
            world = replace(world, policy=_set_to(world.policy, setting))
        (starts,) = replay(world, self._with_every_slack, (way,), self.progress)
        rows: Column = starts.emissions_g.reshape(len(TRIED_SLACKS), len(self.jobs))
        return rows

    @cached_property
    def _with_every_slack(self) -> Jobs:
        jobs, times = self.jobs, len(TRIED_SLACKS)
        return replace(
            jobs,
            ids=tuple(jobs.ids) * times,
            submitted=np.tile(jobs.submitted, times),
            duration=np.tile(jobs.duration, times),
            energy_kwh=np.tile(jobs.energy_kwh, times),
            slack=np.concatenate(
                [
                    jobs.slack if slack is None else np.where(self.waits, slack, jobs.slack)
                    for slack in TRIED_SLACKS
                ]
            ),
            class_of=np.tile(jobs.class_of, times),
            choice_of=np.tile(jobs.choice_of, times),
        )

    def tried(self, slack: float | None) -> Iterator[tuple[Setting, Column]]:
        """What each job emits, setting by setting."""
        for setting in self.settings:
            yield setting, self.emitted(setting.strategy, slack=slack, setting=setting)

    def saved_percent(self, emitted: Column, chosen: Flags) -> float:
        """Against starting at once."""
        reference = fsum(self.at_once[chosen].tolist())
        saved = reference - fsum(emitted[chosen].tolist())
        return 100 * saved / reference if reference > 0 else 0.0

    def trial(self, setting: Setting, emitted: Column, chosen: Flags) -> Trial:
        """What a setting saved of some jobs, in either part."""
        return Trial(
            setting=setting,
            chosen_on_percent=self.saved_percent(emitted, chosen & self.first),
            judged_percent=self.saved_percent(emitted, chosen & self.last),
        )


def require_enough(trials: Trials) -> None:
    """Both parts have jobs that wait."""
    if not trials.waits.any():
        raise TooLittleToAdviseError(
            "no job waits: all are urgent or have no max_delay; give those that may wait a class "
            "with a max_delay"
        )
    span = timedelta(seconds=float(np.ptp(trials.jobs.submitted)))
    waiting = [(part & trials.waits).any() for part in (trials.first, trials.last)]
    if span < LEAST_SPAN or not all(waiting):
        raise TooLittleToAdviseError(
            f"the jobs that can be replayed span {span / timedelta(days=1):.1f} days, too few to "
            "choose on the first two thirds and to judge on the last; give eight days of "
            "intensity and of jobs that wait, at least"
        )


def by_slack(trials: Trials) -> list[SlackTrials]:
    """What each strategy saves as the slack grows, its threshold chosen on the first part."""
    rows = []
    for slack in SLACKS:
        made = [
            trials.trial(setting, emitted, trials.waits) for setting, emitted in trials.tried(slack)
        ]
        oracle = trials.emitted(Way.ORACLE, slack=slack)
        ways = dict.fromkeys(each.setting.strategy for each in made)
        rows.append(
            SlackTrials(
                slack=timedelta(seconds=slack),
                best=[
                    _best([each for each in made if each.setting.strategy is way]) for way in ways
                ],
                oracle_percent=trials.saved_percent(oracle, trials.waits & trials.last),
            )
        )
    return rows


def by_class(trials: Trials) -> list[ClassAdvice]:
    """Each class that waits, with the slack that its jobs have."""
    tried = list(trials.tried(None))
    oracle = trials.emitted(Way.ORACLE)
    found = []
    for name in trials.jobs.classes:
        chosen = trials.of_class(name)
        if not (chosen & trials.first).any() or not (chosen & trials.last).any():
            continue
        settings = trials.world.plan(name, trials.history.region).settings
        made = [trials.trial(setting, emitted, chosen) for setting, emitted in tried]
        found.append(
            ClassAdvice(
                workload_class=name,
                max_delay=settings.max_delay,
                best=_best(made),
                current=_current(trials, name, chosen),
                oracle_percent=trials.saved_percent(oracle, chosen & trials.last),
            )
        )
    return found


def _best(made: Sequence[Trial]) -> Trial:
    """By the first part alone; of equally good thresholds the highest, which waits for less."""
    return max(made, key=lambda each: each.chosen_on_percent)


def _current(trials: Trials, workload_class: str, chosen: Flags) -> Trial | None:
    settings = trials.world.plan(workload_class, trials.history.region).settings
    way = REPLAYED.get(settings.strategy)
    if way is None:
        return None
    limit = settings.threshold if way is Way.THRESHOLD else None
    setting = Setting(strategy=way, threshold=limit)
    return trials.trial(setting, trials.emitted(way), chosen)


def _set_to(policy: Policy, setting: Setting) -> Policy:
    """The policy, switched on, with the setting's threshold for every class that waits."""
    classes = dict(policy.classes)
    if setting.threshold is not None:
        for name, each in policy.classes.items():
            if not each.urgent:
                stated = replace(each.stated, threshold=setting.threshold)
                classes[name] = replace(each, stated=stated)
    shift = replace(policy.time_shift, enabled=True)
    return replace(policy, enabled=True, classes=classes, time_shift=shift)
