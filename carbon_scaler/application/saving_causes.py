"""Why little is saved: which of the known causes the figures show; pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from carbon_scaler.application.advice import SLACKS, Trials
from carbon_scaler.application.backtest import Way
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.intensity import LONGEST_USABLE_FOR
from carbon_scaler.domain.policy import Strategy

# What is open or shut in all but a twentieth of the hours decides next to nothing.
NEARLY_NEVER = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One known cause of low savings, whether it is one here, and what would help."""

    name: str
    applies: bool
    text: str
    fix: str
    figures: Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What causes are found from, besides the trials."""

    grams: Column  # of the time that is advised on, without what was filled in
    missing_percent: float
    age: timedelta | None  # of the newest value; None: a file is as old as it is
    # Mean grams of other regions in the same time and basis.
    elsewhere: Mapping[str, float]
    target_percent: float


def causes_of(trials: Trials, evidence: Evidence) -> list[Cause]:
    """Every cause, those that apply first."""
    found = [
        *_possible(trials, evidence),
        *_thresholds(trials, evidence),
        _stale(evidence),
        _elsewhere(evidence),
        _switched_off(trials),
    ]
    return sorted(found, key=lambda cause: not cause.applies)


def _possible(trials: Trials, evidence: Evidence) -> Iterator[Cause]:
    """What even perfect foresight saves, of which jobs and with which slack."""
    everything = np.ones(len(trials.jobs), dtype=np.bool_)
    target, waits, jobs = evidence.target_percent, trials.waits, trials.jobs
    own = trials.emitted(Way.ORACLE)
    longest = SLACKS[-1]
    of_all, of_waiting = (trials.saved_percent(own, each) for each in (everything, waits))
    later = trials.saved_percent(trials.emitted(Way.ORACLE, slack=longest), waits)
    swing = 100 * float(evidence.grams.std()) / max(float(evidence.grams.mean()), 1e-9)
    until = format_duration(timedelta(seconds=longest))
    yield Cause(
        name="grid_hardly_moves",
        applies=later < target,
        text=f"the grid varies by {swing:.1f} % of its mean; perfect foresight with {until} to "
        f"wait saves {later:.1f} % of the work that waits",
        fix="waiting can't save more here: let work run in a cleaner region, or use less energy",
        figures={"variation_percent": swing, "oracle_percent": later},
    )
    yield Cause(
        name="slack_too_short",
        applies=of_waiting < target <= later,
        text=f"with the slack that jobs have perfect foresight saves {of_waiting:.1f} %, with "
        f"{until} {later:.1f} %",
        fix="give work that can wait a longer max_delay",
        figures={"oracle_percent": of_waiting, "oracle_with_longest_slack_percent": later},
    )
    urgent = 100 * float(jobs.energy_kwh[~waits].sum() / jobs.energy_kwh.sum())
    yield Cause(
        name="too_much_urgent",
        applies=of_all < target <= of_waiting,
        text=f"{urgent:.0f} % of the energy is of work that never waits; perfect foresight saves "
        f"{of_all:.1f} % of all work and {of_waiting:.1f} % of what waits",
        fix="look at which workloads are urgent, and give the others a class that waits",
        figures={"urgent_energy_percent": urgent, "oracle_of_all_percent": of_all},
    )


def _thresholds(trials: Trials, evidence: Evidence) -> Iterator[Cause]:
    for name in trials.jobs.classes:
        plan = trials.world.plan(name, trials.history.region)
        settings = plan.settings
        if plan.urgent or settings.strategy is not Strategy.THRESHOLD:
            continue
        below = 100 * float((evidence.grams < settings.threshold).mean())
        told = f"class {name}: the grid is below {settings.threshold:g} g/kWh in {below:.0f} % of the hours"
        figures = {"threshold": settings.threshold, "open_percent": below}
        yield Cause(
            name=f"threshold_always_shut:{name}",
            applies=below <= NEARLY_NEVER,
            text=f"{told}, so that jobs wait for all of their slack and start in any hour",
            fix="raise the threshold, or use a strategy that follows the grid",
            figures=figures,
        )
        yield Cause(
            name=f"threshold_always_open:{name}",
            applies=below >= 100 - NEARLY_NEVER,
            text=f"{told}, so that jobs start at once",
            fix="lower the threshold, or use a strategy that follows the grid",
            figures=figures,
        )


def _stale(evidence: Evidence) -> Cause:
    age, missing = evidence.age, evidence.missing_percent
    hours = None if age is None else age / timedelta(hours=1)
    told = "" if hours is None else f"the newest value is {hours:.1f} h old, and "
    return Cause(
        name="data_stale",
        applies=(age is not None and age > LONGEST_USABLE_FOR) or missing > NEARLY_NEVER,
        text=f"{told}{missing:.1f} % of the hours have no value",
        fix="see carbon-scaler doctor: ingest has to run, with a source that serves the region",
        figures={"age_hours": hours, "missing_percent": missing},
    )


def _elsewhere(evidence: Evidence) -> Cause:
    here = float(evidence.grams.mean())
    best = min(evidence.elsewhere, key=lambda name: evidence.elsewhere[name], default=None)
    if best is None:
        return Cause(
            name="cleaner_region_elsewhere",
            applies=False,
            text="no other region of this basis is known",
            fix="ingest other regions that the work may run in",
            figures={"saved_percent": None},
        )
    less = 100 * (here - evidence.elsewhere[best]) / max(here, 1e-9)
    return Cause(
        name="cleaner_region_elsewhere",
        applies=less >= evidence.target_percent,
        text=f"{best} had {evidence.elsewhere[best]:.0f} g/kWh on average, here it was "
        f"{here:.0f} ({less:+.1f} % to save by the place)",
        fix="let work run there where the law has it: carbon-scaler regions rank --tenant NAME",
        figures={"saved_percent": less},
    )


def _switched_off(trials: Trials) -> Cause:
    policy = trials.world.policy
    off = [
        text
        for text, on in (
            ("scheduler-config.yaml: enabled", policy.enabled),
            ("time-shift-policies.yaml: enabled", policy.time_shift.enabled),
        )
        if not on
    ]
    return Cause(
        name="switched_off",
        applies=bool(off),
        text=f"switched off: {', '.join(off)}" if off else "nothing is switched off",
        fix="set it to true",
        figures={},
    )


def causes_document(causes: Sequence[Cause]) -> list[dict[str, Any]]:
    """All of them, told in full."""
    return [
        {
            "name": cause.name,
            "applies": cause.applies,
            "text": cause.text,
            "fix": cause.fix,
            **cause.figures,
        }
        for cause in causes
    ]
