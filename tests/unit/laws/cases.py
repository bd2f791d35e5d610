"""What the laws are tried on: small worlds around NOW whose instants often coincide."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.domain.backlog import Item
from carbon_scaler.domain.policy import WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    Share,
    a_backlog,
    a_plan,
    a_series,
    an_item,
)

# A machine that others share has no sense of time.
law = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

STEP = 5 * MINUTE


def spans(
    least: timedelta, most: timedelta, step: timedelta = STEP
) -> st.SearchStrategy[timedelta]:
    return st.integers(least // step, most // step).map(lambda steps: steps * step)


def instants(
    before: timedelta = 8 * HOUR, after: timedelta = 30 * HOUR
) -> st.SearchStrategy[datetime]:
    """Mostly on the steps at which things happen, or a second beside them."""
    beside = st.sampled_from([0 * SECOND, SECOND, -SECOND, 150 * SECOND])
    return st.builds(lambda span, off: NOW + span + off, spans(-before, after), beside)


GRAMS = st.sampled_from([0.0, 100.0, 249.9, 250.0, 399.9, 400.0, 900.0]) | st.floats(0, 1500)
SHARES: st.SearchStrategy[Share] = st.sampled_from(
    [None, 0.0, 29.9, 30.0, 100.0, (20.0, 60.0), (30.0, 40.0), (0.0, 20.0)]
)


@st.composite
def some_series(draw: st.DrawFn) -> RegionSeries:
    """Up to a dozen values, with gaps, some of them still to come."""
    gaps = draw(st.lists(spans(STEP, 6 * HOUR), min_size=0, max_size=11))
    start = NOW + draw(spans(-12 * HOUR, 12 * HOUR))
    starts = [start]
    for gap in gaps:
        starts.append(starts[-1] + gap)
    return a_series(
        *[draw(GRAMS) for _ in starts],
        starts=starts,
        renewable=[draw(SHARES) for _ in starts],
        usable_for=draw(st.sampled_from([HOUR, 90 * MINUTE, 2 * HOUR, 5 * HOUR])),
        first_at=start - draw(st.sampled_from([0 * HOUR, HOUR, 7 * DAY])),
    )


@st.composite
def some_plan(draw: st.DrawFn, mode: Mode | None = None, **fixed: object) -> Plan:
    """Any plan that a trigger and a class could make."""
    stated: dict[str, Any] = {
        "workload_class": draw(st.sampled_from(["standard", "deferrable", "deferrable", "urgent"])),
        "shadow": draw(st.sampled_from([False, False, False, True])),
        "threshold": draw(st.sampled_from([100.0, 250.0, 400.0, 900.0])),
        "min_renewable_percent": draw(st.sampled_from([None, 0.0, 30.0, 100.0])),
        "require_mix": draw(st.booleans()),
        "max_delay": draw(spans(0 * HOUR, 14 * HOUR)),
        "job_duration": draw(spans(STEP, 3 * HOUR)),
        "lead": draw(st.sampled_from([0 * SECOND, MINUTE, 10 * MINUTE, 2 * HOUR])),
        "release": draw(st.sampled_from([MINUTE, 5 * MINUTE, HOUR])),
        "when_blind": draw(st.sampled_from(WhenBlind)),
        "max_jobs": draw(st.none() | st.integers(1, 6)),
        "items_per_job": draw(st.integers(1, 3)),
        **fixed,
    }
    return a_plan(mode or draw(st.sampled_from([Mode.QUEUE, Mode.BRAKE])), **stated)


ITEMS: st.SearchStrategy[Item] = st.builds(
    an_item,
    spans(-6 * HOUR, 16 * HOUR),
    due_in=st.none() | spans(-4 * HOUR, 20 * HOUR),
    duration=st.none() | spans(0 * HOUR, 4 * HOUR),
)
WAITING = st.lists(ITEMS, max_size=8)
RUNNING = st.integers(0, 8)
SERIES = st.none() | some_series()


@st.composite
def some_inputs(draw: st.DrawFn) -> Inputs:
    """A grid and a backlog that was just read and stays fresh for long."""
    demand = a_backlog(*draw(WAITING), in_progress=draw(RUNNING), max_age=60 * DAY)
    return Inputs(series=draw(SERIES), demand=demand)
