"""Starting now against the best start within the slack."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.decisions.waiting import Costs, bar_of, pays_from, turns_at
from tests.unit.laws.cases import law

HOUR, MINUTE = 3600.0, 60.0


def pays(
    *path: float,
    begun: float = 0.0,
    duration: float = HOUR,
    slack: float = 12 * HOUR,
    least: float = 0.0,
) -> bool:
    costs = Costs.of(np.array([path]), np.array([duration]))
    [instant] = pays_from(costs, np.array([begun]), bar_of(costs.at(np.array([begun])), least))
    return bool(instant < begun + slack)


def test_a_cleaner_hour_within_the_slack_is_worth_waiting_for():
    assert pays(300, 300, 200, 300, slack=2 * HOUR)
    assert not pays(200, 300, 300, 300)


def test_what_comes_after_the_latest_start_is_not():
    assert not pays(300, 300, 300, 200, slack=2 * HOUR)


def test_part_of_a_cleaner_hour_counts_as_much_as_it_is():
    assert pays(300, 200, 300, slack=30 * MINUTE), "half of the run is in it"


def test_equal_hours_are_not_worth_waiting_for():
    assert not pays(*[270.1] * 20)


@pytest.mark.parametrize(("least", "waits"), [(0.0, True), (4.9, True), (5.1, False)])
def test_the_saving_must_be_as_large_as_is_wanted(least: float, waits: bool):
    assert pays(100, 95, 100, slack=HOUR, least=least) is waits


def test_no_start_counts_whose_run_would_leave_the_path():
    assert not pays(300, 100, duration=2 * HOUR, slack=2 * HOUR)
    assert pays(300, 100, 100, duration=2 * HOUR, slack=2 * HOUR)


def test_a_run_of_minutes_may_end_with_the_cleaner_hour():
    # The best start lies within an hour: the run ends before the dirty hour begins.
    assert pays(300, 100, 900, begun=0.0, duration=90 * MINUTE, slack=45 * MINUTE)


def test_an_unknown_path_makes_nobody_wait():
    assert not pays(*[float("nan")] * 5)
    assert pays(300, 200, float("nan"), slack=HOUR), "what is known of it counts"


@law
@given(
    path=st.lists(st.integers(1, 900).map(float), min_size=3, max_size=8),
    begun=st.integers(0, 59),
    duration=st.integers(1, 180),
    slack=st.integers(0, 400),
    least=st.sampled_from((0.0, 5.0)),
)
def test_it_pays_exactly_when_some_minute_within_the_slack_is_better(
    *, path: list[float], begun: int, duration: int, slack: int, least: float
):
    minutes = np.repeat(path, 60)
    costs = [
        float(minutes[start : start + duration].mean())
        for start in range(begun, begun + slack + 1)
        if start + duration <= len(minutes)
    ]
    if not costs:
        return
    waits = pays(
        *path,
        begun=begun * MINUTE,
        duration=duration * MINUTE,
        slack=slack * MINUTE,
        least=least,
    )
    limit = costs[0] * (1 - least / 100)
    best = min(costs[1:], default=float("inf"))
    # Sums of a minute each differ from those of an hour by rounding.
    if abs(best - limit) > 1e-6 * costs[0]:
        assert waits == (best < limit)


@law
@given(
    path=st.lists(st.floats(1, 900), min_size=26, max_size=30),
    asked=st.lists(
        st.tuples(
            st.sampled_from((47 * MINUTE, HOUR, 90 * MINUTE, 5 * HOUR)),
            st.floats(-2 * HOUR, 25 * HOUR),
        ),
        min_size=2,
        max_size=4,
    ),
    least=st.sampled_from((0.0, 5.0)),
)
def test_of_many_runs_each_is_told_what_it_is_told_alone(
    path: list[float], asked: list[tuple[float, float]], least: float
):
    durations, begun = np.array(asked).T
    latest = np.maximum(begun, 0.0) + 12 * HOUR
    path = 2 * path

    def told(rows: slice) -> list[np.ndarray]:
        costs = Costs.of(np.array([path] * len(durations[rows])), durations[rows])
        instants = begun[rows]
        bar = bar_of(costs.at(instants), least)
        return [
            costs.at(instants),
            # At the end of the path what is taken to follow depends on the longest run.
            np.minimum(pays_from(costs, instants, bar), latest[rows]),
            turns_at(costs, instants, latest[rows], min_savings_percent=least),
        ]

    alone = [told(slice(row, row + 1)) for row in range(len(asked))]
    for together, *each in zip(told(slice(None)), *alone, strict=True):
        assert np.allclose(together, np.concatenate(each), rtol=1e-9, atol=1e-4, equal_nan=True)
