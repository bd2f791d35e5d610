from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, product
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.decisions import quantile
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.openings import openings
from carbon_scaler.domain.backlog import BacklogReading, Item, Items
from carbon_scaler.domain.phases import phases_of_instants
from carbon_scaler.domain.policy import WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan
from carbon_scaler.domain.windows import TimeWindow
from carbon_scaler.simulation.history import History, published
from carbon_scaler.simulation.starts import first_polls
from tests.builders import DAY, MINUTE, NOW, SECOND, a_plan, a_series, some_settings
from tests.unit.laws.cases import GRAMS, STRATEGIES, WINDOWS, central_law, law
from tests.unit.simulation.worlds import BEGINS, HOUR, a_history

KINDS = (*["standard", "deferrable"] * 4, "urgent")
SWITCHES = (*[{}] * 8, {"enabled": False}, {"shadow": True})
LIMITS = tuple(
    {"threshold": threshold, "min_renewable_percent": minimum, "require_mix": required}
    for threshold, minimum, required in product((250.0, 400.0), (None, 30.0), (False, True))
)
STEPS = (HOUR, HOUR, 1800.0, 420.0)
SHARES = (float("nan"), 0.0, 29.9, 30.0, 100.0)


def _plan(
    kind: str,
    strategy: dict[str, Any],
    stated: tuple[dict[str, Any], dict[str, Any], WhenBlind],
    windows: tuple[TimeWindow, ...],
) -> Plan:
    limits, switches, when_blind = stated
    return a_plan(
        Mode.QUEUE,
        kind,
        windows=windows,
        when_blind=when_blind,
        lead=0 * SECOND,
        max_delay=13 * DAY,
        **strategy,
        **limits,
        **switches,
    )


PLANS = st.builds(
    _plan,
    st.sampled_from(KINDS),
    st.sampled_from(STRATEGIES),
    st.tuples(st.sampled_from(LIMITS), st.sampled_from(SWITCHES), st.sampled_from(WhenBlind)),
    st.sampled_from(((), *WINDOWS)),
)
# A quantile has something to tell after a day.
HISTORIES = st.builds(
    lambda grams, shares, step: a_history(
        *(grams * 400)[: int(40 * HOUR / step)],
        step=step,
        renewable=(shares * 400)[: int(40 * HOUR / step)],
    ),
    st.lists(st.sampled_from(GRAMS) | st.floats(1, 900), min_size=1, max_size=30),
    st.lists(st.sampled_from(SHARES), min_size=1, max_size=5),
    st.sampled_from(STEPS),
)
OFFSETS = st.integers(0, 44 * 60).map(lambda minutes: 60.0 * minutes) | st.integers(
    0, 44 * 3600
).map(float)
SLACKS = st.sampled_from((0.0, 45 * 60.0, HOUR, 5 * HOUR, 5 * HOUR + 1))
POLLS = st.sampled_from((11 * 60.0, 20 * 60.0, 35 * 60.0, HOUR))
LAGS = st.sampled_from((0.0, 0.0, 1800.0, HOUR, 2 * HOUR))


def known_at(history: History, lag: float, now: float) -> RegionSeries:
    """What a server has stored by then of a source that gives its values so late."""
    count = max(0, min(int((now - lag - history.begins) // history.step) + 1, 10_000))
    shares = [] if history.renewable_percent is None else history.renewable_percent[:count].tolist()
    series = a_series(
        *history.grams_per_kwh[:count],
        since=NOW,
        every=history.step * SECOND,
        renewable=[None if np.isnan(share) else share for share in shares],
        usable_for=(lag + HOUR) * SECOND,
    )
    return replace(series, fetched=series.starts + lag)


def started(
    plan: Plan, history: History, lag: float, poll: float, *, submitted: float, slack: float
) -> float:
    """One look at the decision after the other, as the pods of a queue would see it."""
    item = Item(enqueued_at=datetime.fromtimestamp(submitted, UTC))
    polls = [submitted + number * poll for number in range(int(slack // poll) + 1)]
    for instant in polls:
        now = datetime.fromtimestamp(instant, UTC)
        demand = BacklogReading(items=Items.of([item]), read_at=now, too_old_at=now + MINUTE)
        inputs = Inputs(series=known_at(history, lag, instant), demand=demand)
        if instant < submitted + slack and decide(plan, inputs, now).admitted:
            return instant
    return submitted + slack


@central_law
@given(
    plan=PLANS,
    history=HISTORIES,
    offset=OFFSETS,
    slack=SLACKS,
    poll=POLLS,
    lag=LAGS,
)
def test_a_job_starts_at_the_poll_at_which_the_decision_first_admits_it(
    *, plan: Plan, history: History, offset: float, slack: float, poll: float, lag: float
):
    submitted = BEGINS + offset

    # Beyond the end all are blind.
    until = history.ends + 12 * HOUR
    opened = openings(plan, published(history, lag), history.begins, until)
    # Who has no name has its place by its instant.
    phases = phases_of_instants(np.array([submitted]))
    held = phases * (plan.settings.spread or 0 * SECOND).total_seconds()
    latest = np.array([submitted + slack])
    found = first_polls(opened, np.array([submitted]), latest, poll, held=held)

    one_by_one = started(plan, history, lag, poll, submitted=submitted, slack=slack)
    assert found.tolist() == [one_by_one]


@law
@given(plan=PLANS, offset=OFFSETS, slack=SLACKS)
def test_without_a_single_value_it_starts_when_the_blind_do(
    plan: Plan, offset: float, slack: float
):
    submitted, history = BEGINS + offset, replace(a_history(1.0), grams_per_kwh=np.empty(0))

    opened = openings(plan, published(history, 0.0), BEGINS, BEGINS + 60 * HOUR)
    found = first_polls(opened, np.array([submitted]), np.array([submitted + slack]), HOUR)

    one_by_one = started(plan, history, 0.0, HOUR, submitted=submitted, slack=slack)
    assert found.tolist() == [one_by_one]


SPACED = st.lists(
    st.tuples(
        st.sampled_from(GRAMS) | st.floats(1, 900),
        st.sampled_from((420 * SECOND, *[30 * MINUTE] * 3, *[60 * MINUTE] * 9, 180 * MINUTE)),
    ),
    min_size=30,
    max_size=60,
)
EVEN = st.lists(st.sampled_from(GRAMS) | st.floats(1, 900), min_size=30, max_size=60).map(
    lambda grams: [(each, 60 * MINUTE) for each in grams]
)


@law
@given(
    rows=SPACED | EVEN,
    percent=st.integers(1, 100).map(float) | st.floats(0.5, 100),
    window=st.integers(24, 50).map(lambda hours: hours * 60 * MINUTE),
)
def test_every_value_was_judged_by_the_limit_that_stood_when_it_was_the_newest(
    rows: list[tuple[float, timedelta]], percent: float, window: timedelta
):
    grams, gaps = zip(*rows, strict=True)
    starts = list(accumulate(gaps, initial=NOW))[:-1]
    settings = some_settings(quantile_percent=percent, quantile_window=window)
    whole = a_series(*grams, starts=starts)
    then = (
        quantile.limit_at(
            a_series(*grams[:known], starts=starts[:known]), settings, starts[known - 1]
        )
        for known in range(1, len(grams) + 1)
    )
    limits = np.array([np.nan if limit is None else limit.grams_per_kwh for limit in then])

    at_the_limit, unknown = quantile.open_slots(whole, settings, limits)
    above_it, _ = quantile.open_slots(whole, settings, limits * 1.000001 + 1e-9)

    assert unknown.tolist() == np.isnan(limits).tolist()
    assert at_the_limit.tolist() == (~unknown).tolist()
    assert not above_it.any()
