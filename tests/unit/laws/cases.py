"""What the laws are tried on: small worlds around NOW whose instants often coincide.

Most choices are one look into a prepared list: that keeps thousands of cases to seconds.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.domain.backlog import Item
from carbon_scaler.domain.budget import BudgetAction
from carbon_scaler.domain.curves import parse_curve
from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.domain.override import OverrideAction
from carbon_scaler.domain.policy import Strategy, WhenBlind
from carbon_scaler.domain.snapshot import Outlook, RegionSeries, YearlyAverage
from carbon_scaler.domain.trigger import Mode, Plan
from carbon_scaler.domain.windows import TimeWindow
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    Share,
    a_backlog,
    a_budget,
    a_budget_use,
    a_plan,
    a_series,
    a_window,
    an_item,
    an_override,
    preferred,
)
from tests.grid_builders import a_path, an_average, an_outlook

# A machine that others share has no sense of time.
law = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
central_law = settings(law, max_examples=250)

STEP = 5 * MINUTE


def spans(
    least: timedelta, most: timedelta, step: timedelta = STEP
) -> st.SearchStrategy[timedelta]:
    return st.integers(least // step, most // step).map(lambda steps: steps * step)


# Mostly on the steps at which things happen, or a little beside them.
INSTANTS: st.SearchStrategy[datetime] = st.builds(
    lambda span, off: NOW + span + off,
    spans(-8 * HOUR, 30 * HOUR),
    st.sampled_from([0 * SECOND, SECOND, -SECOND, 150 * SECOND]),
)

GRAMS = (0.0, 100.0, 249.9, 250.0, 399.9, 400.0, 900.0, 1500.0)
SHARES: tuple[Share, ...] = (None, 0.0, 29.9, 30.0, 100.0, (20.0, 60.0), (30.0, 40.0), (0.0, 20.0))
GAPS = (STEP, 15 * MINUTE, HOUR, HOUR, HOUR, 2 * HOUR, 6 * HOUR)
SLOTS = tuple(product(GAPS, GRAMS, SHARES))


def _series(
    slots: list[tuple[timedelta, float, Share]], since: timedelta, ages: tuple[timedelta, timedelta]
) -> RegionSeries:
    starts = [NOW + since]
    for gap, _, _ in slots[1:]:
        starts.append(starts[-1] + gap)
    usable_for, stored_for = ages
    return a_series(
        *[grams for _, grams, _ in slots],
        starts=starts,
        renewable=[share for _, _, share in slots],
        usable_for=usable_for,
        first_at=starts[0] - stored_for,
    )


# A few values with gaps, some of them still to come.
OBSERVED = st.builds(
    _series,
    st.lists(st.sampled_from(SLOTS), min_size=1, max_size=8),
    spans(-12 * HOUR, 12 * HOUR),
    st.sampled_from(
        tuple(product((HOUR, 90 * MINUTE, 2 * HOUR, 5 * HOUR), (0 * HOUR, HOUR, 7 * DAY)))
    ),
)


def _outlook(
    slots: list[tuple[timedelta, float, Share]], since: timedelta, issued: timedelta
) -> Outlook:
    starts = [NOW + since]
    for gap, _, _ in slots[1:]:
        starts.append(starts[-1] + gap)
    return an_outlook(
        *[grams for _, grams, _ in slots],
        starts=starts,
        lasts=[gap for gap, _, _ in slots],
        issued_at=NOW + issued,
    )


# Issued a little or a day ago; its points may overlap, leave gaps and last for long.
OUTLOOKS = st.builds(
    _outlook,
    st.lists(st.sampled_from(SLOTS), min_size=1, max_size=5),
    spans(-8 * HOUR, 8 * HOUR),
    spans(-26 * HOUR, -16 * HOUR) | spans(-2 * HOUR, 0 * HOUR),
)
# Of a day that swings, or is told in part only; some too old, too young or about other hours.
PATHS = st.builds(
    lambda grams, hours, begins, past_hours: a_path(
        *(grams * hours)[:hours], begins=NOW + begins, past_hours=past_hours
    ),
    st.lists(st.sampled_from((*GRAMS, float("nan"))) | st.floats(50, 900), min_size=1, max_size=9),
    st.integers(1, 51),
    st.integers(-26, 10).map(lambda hours: hours * HOUR),
    st.sampled_from((2160, 2160, 30)),
)
MARGINAL = Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT)
STAND_INS = st.lists(OBSERVED.map(lambda series: replace(series, basis=MARGINAL)), max_size=2)


def _completed(
    *,
    observed: RegionSeries,
    outlook: Outlook | None,
    average: YearlyAverage | None,
    stand_ins: list[RegionSeries],
    expected: ExpectedPath | None,
) -> RegionSeries:
    stated = {"outlook": outlook, "average": average, "expected": expected}
    return replace(observed, stand_ins=tuple(stand_ins), **stated)


def completed(observed: st.SearchStrategy[RegionSeries]) -> st.SearchStrategy[RegionSeries]:
    """With all that may count in place of an observed value."""
    averages = st.sampled_from((None, an_average(100.0), an_average(900.0)))
    return st.builds(
        _completed,
        observed=observed,
        outlook=st.none() | OUTLOOKS,
        average=averages,
        stand_ins=STAND_INS,
        expected=st.none() | PATHS,
    )


def _tiled(grams: list[float], hours: int, since: timedelta) -> RegionSeries:
    rows = (grams * hours)[:hours]
    return a_series(*rows, since=NOW + since - hours * HOUR)


# Long enough for a quantile, or just not; it may end before the instant and after it.
HISTORIES = st.builds(
    _tiled,
    st.lists(st.sampled_from(GRAMS), min_size=1, max_size=9),
    st.integers(22, 60),
    spans(-8 * HOUR, 30 * HOUR),
)

A_SERIES = OBSERVED | completed(OBSERVED) | HISTORIES
# A usable value beside a path that tells of now.
PLANNED = st.builds(
    lambda grams, path: replace(a_series(grams), expected=path),
    st.sampled_from(GRAMS),
    PATHS,
)
NEVER_OBSERVED = completed(st.just(replace(a_series(since=NOW), first_at=None)))
SERIES = st.none() | A_SERIES | NEVER_OBSERVED

# Class and shadow; mostly those that go by the grid.
KINDS = (
    *[(name, False) for name in ("standard", "deferrable") for _ in range(4)],
    ("urgent", False),
    ("deferrable", True),
)
LIMITS = tuple(product((100.0, 250.0, 400.0, 900.0), (None, 0.0, 30.0, 100.0), (False, True)))
TIMES = tuple(
    product(
        (STEP, HOUR, 3 * HOUR),
        (0 * SECOND, MINUTE, 10 * MINUTE, 2 * HOUR),
        (MINUTE, 5 * MINUTE, HOUR),
    )
)
CEILINGS = tuple(product((None, 1, 2, 5), (1, 3)))

CURVES = (None, parse_curve("100:1,300:0.5,900:0"), parse_curve("250:0.6,900:0.01"))
STRATEGIES: tuple[dict[str, Any], ...] = (
    *[{"strategy": Strategy.THRESHOLD}] * 4,
    *[{"strategy": Strategy.CURVE, "curve": curve} for curve in CURVES],
    *[
        {"strategy": strategy, "quantile_percent": percent, "quantile_window": window}
        for strategy, percent, window in product(
            (Strategy.QUANTILE, Strategy.FORECAST), (10.0, 50.0), (DAY, 7 * DAY)
        )
    ],
    *[
        {"strategy": strategy, "spread": spread, "min_savings_percent": least}
        for strategy, spread, least in product(
            (Strategy.AUTO, Strategy.FORECAST), (None, 0 * SECOND, HOUR), (0.0, 7.5)
        )
    ],
    {"strategy": Strategy.THRESHOLD, "spread": 20 * MINUTE},
    {"strategy": Strategy.QUANTILE, "spread": 20 * MINUTE},
)
BERLIN, CHICAGO = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Chicago")
WINDOWS: tuple[tuple[TimeWindow, ...], ...] = (
    (),
    (a_window(22, 30, timezone=BERLIN),),
    (a_window(0, 24),),
    (preferred(11, 15, 20.0, timezone=CHICAGO),),
    (preferred(3, 20, 100.0, timezone=BERLIN), a_window(6, 25, timezone=CHICAGO, priority=2)),
    (a_window(10, 13), preferred(9, 18, 37.5, priority=2)),
)
BUDGETS = (
    None,
    *[a_budget(action=action, throttle_percent=30.0) for action in BudgetAction],
    a_budget(action=BudgetAction.DEFER, exempt_classes=frozenset({"standard"})),
)
# What moves the answer beside the grid; half of the plans have none of it.
MEASURES = (*[((), None)] * (len(WINDOWS) * len(BUDGETS)), *product(WINDOWS, BUDGETS))
USES = st.sampled_from(
    (
        None,
        *[a_budget_use(spent) for spent in (0.0, 79.9, 80.0, 99.9, 100.0, 5000.0)],
        a_budget_use(5000.0, month_begins_at=NOW - 60 * DAY),
    )
)
# Of this object, its class, its region and of something else; some end before others begin.
OVERRIDES = st.lists(
    st.builds(
        an_override,
        st.sampled_from(OverrideAction),
        id=st.integers(1, 9),
        until=INSTANTS,
    ),
    max_size=2,
).map(tuple)


@st.composite
def plans(draw: st.DrawFn, mode: Mode | None = None, **fixed: object) -> Plan:
    """Any plan that a trigger and a class could make."""
    workload_class, shadow = draw(st.sampled_from(KINDS))
    threshold, min_renewable_percent, require_mix = draw(st.sampled_from(LIMITS))
    job_duration, lead, release = draw(st.sampled_from(TIMES))
    max_jobs, items_per_job = draw(st.sampled_from(CEILINGS))
    windows, budget = draw(st.sampled_from(MEASURES))
    stated: dict[str, Any] = {
        "workload_class": workload_class,
        "shadow": shadow,
        "threshold": threshold,
        "min_renewable_percent": min_renewable_percent,
        "require_mix": require_mix,
        "max_delay": draw(spans(0 * HOUR, 14 * HOUR)),
        "job_duration": job_duration,
        "lead": lead,
        "release": release,
        "when_blind": draw(st.sampled_from(WhenBlind)),
        "max_jobs": max_jobs,
        "items_per_job": items_per_job,
        "windows": windows,
        "budget": budget,
        **draw(st.sampled_from(STRATEGIES)),
        **fixed,
    }
    return a_plan(mode or draw(st.sampled_from([Mode.QUEUE, Mode.BRAKE, Mode.GATE])), **stated)


PLANS, QUEUES, BRAKES, GATES = plans(), plans(Mode.QUEUE), plans(Mode.BRAKE), plans(Mode.GATE)


def windowed(mode: Mode | None = None) -> st.SearchStrategy[Plan]:
    """Those whose hours count, by a clean and usable grid for the most part."""
    return st.sampled_from(WINDOWS[1:]).flatmap(
        lambda windows: plans(mode, windows=windows, workload_class="standard", shadow=False)
    )


def budgeted(action: BudgetAction, mode: Mode | None = None) -> st.SearchStrategy[Plan]:
    """Those whose budget may be spent."""
    budget = a_budget(action=action, throttle_percent=30.0)
    return plans(mode, budget=budget, workload_class="standard", shadow=False)


# Items by when they came, when they are due and how long they take, all around NOW.
ITEMS: tuple[Item, ...] = tuple(
    an_item(waited * HOUR, due_in=None if due is None else due * HOUR, duration=duration)
    for waited, due, duration in product(
        (-6, -1, 0, 0.25, 1, 2, 4, 8, 12, 16),
        (None, None, -4, 0, 0.5, 1, 3, 6, 12, 20),
        (None, 0 * HOUR, STEP, HOUR, 4 * HOUR),
    )
)
WAITING = st.lists(st.sampled_from(ITEMS), max_size=8)
RUNNING = st.integers(0, 8)

# A grid and a backlog that was just read and stays fresh for long.
INPUTS = st.builds(
    lambda series, waiting, in_progress, use: Inputs(
        series=series,
        demand=a_backlog(*waiting, in_progress=in_progress, max_age=60 * DAY),
        budget_use=use,
    ),
    SERIES,
    WAITING,
    RUNNING,
    USES,
)
