"""One grid's part of what `simulate` tells."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from carbon_scaler.application.backtest import Placing, Way
from carbon_scaler.application.simulate import STRATEGIES, Simulated
from carbon_scaler.simulation.comparison import (
    by_region,
    comparison,
    points_of_classes,
    saved_percent,
    total_kg,
    violations,
)
from carbon_scaler.simulation.exact_mix import Flags
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.outcome import Yardstick
from carbon_scaler.simulation.starts import Starts
from carbon_scaler.wiring.simulation_grids import Grid


def grid_document(
    grid: Grid, found: Simulated, strategy: Way, *, bound: Flags, inside: Collection[str]
) -> dict[str, Any]:
    """Everything in figures; savings are in percent of the baseline's emissions."""
    jobs, baseline = found.jobs, found.baseline
    optimised = found.scenarios[strategy, Placing.CLEANEST]
    is_inside = np.array([region in inside for region in found.regions])
    yardstick = Yardstick(jobs=jobs, regions=found.regions, at_once=baseline, best=found.oracle)
    rows = comparison(jobs, baseline, optimised, bound=bound, inside=is_inside)
    return {
        "what": grid.what,
        "notes": list(grid.notes),
        "signal": "average",
        "factors": "lifecycle",
        "period": {"from": _instant(grid.begins), "until": _instant(grid.ends)},
        "regions": {name: _region(each, grid) for name, each in grid.histories.items()},
        "comparison": [
            {**asdict(row), "difference": row.difference, "percent": row.percent} for row in rows
        ],
        "by_class": _by_class(found, optimised, yardstick),
        "by_region": {
            "baseline": by_region(found.regions, baseline),
            "optimised": by_region(found.regions, optimised),
        },
        "strategies": _strategies(found, yardstick),
        "parts": _parts(found, strategy),
        "residency": _residency(found, optimised, bound, is_inside),
    }


def _region(history: History, grid: Grid) -> dict[str, float]:
    first, last = (round((at - history.begins) / history.step) for at in (grid.begins, grid.ends))
    here = history.grams_per_kwh[max(first, 0) : last]
    return {"mean": float(here.mean()), "least": float(here.min()), "most": float(here.max())}


def _by_class(found: Simulated, optimised: Starts, yardstick: Yardstick) -> dict[str, Any]:
    points = points_of_classes(found.jobs, found.baseline, optimised)
    classes = yardstick.outcome(optimised)["by_class"]
    return {name: {**each, "points": points[name]} for name, each in classes.items()}


def _strategies(found: Simulated, yardstick: Yardstick) -> dict[str, Any]:
    told = {
        way.value: {
            place.value: yardstick.outcome(found.scenarios[way, place])
            for place in Placing
            if (way, place) in found.scenarios
        }
        for way in (Way.RUN_NOW, *STRATEGIES)
    }
    oracle = {
        Placing.HOME.value: yardstick.outcome(found.oracle_at_home),
        "free": yardstick.outcome(found.oracle),
    }
    return {**told, Way.ORACLE.value: oracle}


def _parts(found: Simulated, strategy: Way) -> dict[str, float | None]:
    """Where the saving comes from, in points: region first, then waiting there."""
    at_once = found.scenarios[Way.RUN_NOW, Placing.CLEANEST]
    both = found.scenarios[strategy, Placing.CLEANEST]
    at_home = found.scenarios[strategy, Placing.HOME]
    whole, region = saved_percent(found.baseline, both), saved_percent(found.baseline, at_once)
    return {
        "saving_percent": whole,
        "region_choice_points": region,
        "waiting_points": None if whole is None or region is None else whole - region,
        "waiting_at_home_percent": saved_percent(found.baseline, at_home),
        "oracle_percent": saved_percent(found.baseline, found.oracle),
        "oracle_at_home_percent": saved_percent(found.baseline, found.oracle_at_home),
    }


def _residency(
    found: Simulated, optimised: Starts, bound: Flags, is_inside: Flags
) -> dict[str, Any]:
    """Counted in every scenario; what the law costs is against the same jobs without it."""
    every = (found.baseline, found.oracle, found.oracle_at_home, *found.scenarios.values())
    return {
        "bound_jobs": int(bound.sum()),
        "violations": sum(violations(bound, is_inside, starts) for starts in every),
        "scenarios": len(every),
        "overrides": int((found.unbound.region_of != optimised.region_of).sum()),
        "penalty_kg": total_kg(optimised) - total_kg(found.unbound),
    }


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
