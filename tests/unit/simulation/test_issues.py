import numpy as np
import pytest

from carbon_scaler.application.backtest import Way
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.domain.columns import Column
from carbon_scaler.simulation.expected import Expected, Sight, expected_of
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.issues import LASTS_HOURS, Issues
from tests.builders import HOME
from tests.unit.simulation.worlds import BEGINS, HOUR, a_history, a_world, replayed, some_jobs

HOURS = 24 * 20
FIRST = int(BEGINS // HOUR)
PRIORS = load_priors()


def an_irregular_grid(seed: int = 1) -> History:
    """One that nobody can foresee from its past."""
    return a_history(*np.random.default_rng(seed).uniform(100, 600, HOURS))


GRID = an_irregular_grid()


def issues(*each: tuple[float, int, Column]) -> Issues:
    """From which hour on each was known, which hour it begins with, and what it says."""
    return Issues(
        issued=np.array([BEGINS + HOUR * hour for hour, _, _ in each]),
        starts=np.array([BEGINS + HOUR * first for _, first, _ in each]),
        grams=tuple(grams for _, _, grams in each),
    )


def the_truth(since: float = -np.inf, until: int = HOURS) -> Issues:
    return issues((since, 0, GRID.grams_per_kwh[:until]))


def expected(said: Issues | None, ahead: float = 13 * HOUR, lag: float = 0.0) -> Expected:
    return expected_of(GRID, PRIORS, Sight(lag=lag, ahead=ahead), said)


def test_an_issue_counts_from_the_next_full_hour_on():
    known = issues((10.0, 10, np.ones(4)), (12.5, 13, np.ones(4))).by_hour()
    assert [each.issued - FIRST for each in known] == [10, 13, 13 + LASTS_HOURS]


def test_an_issue_that_is_too_old_says_nothing_until_the_next():
    known = issues((0.0, 0, np.ones(99)), (60.0, 60, np.ones(99))).by_hour()
    assert [(each.issued - FIRST, len(each.grams)) for each in known] == [
        (0, 99),
        (24, 0),
        (60, 99),
        (84, 0),
    ]


def test_what_was_known_from_the_beginning_does_not_age():
    [only] = the_truth().by_hour()
    assert only.issued < FIRST
    assert len(only.grams) == HOURS


def test_a_perfect_forecast_is_nearly_believed_and_joins_on_to_the_present():
    paths, own = expected(the_truth()).paths, expected(None).paths
    np.testing.assert_allclose(paths[:, 0], GRID.grams_per_kwh)
    hours = np.arange(400, 460)
    came = GRID.grams_per_kwh[hours[:, None] + np.arange(1, 13)]
    errors, errors_of_own = (np.abs(each[hours, 1:13] - came).mean() for each in (paths, own))
    assert errors < 0.05 * errors_of_own


def test_beyond_the_end_of_a_forecast_and_when_it_is_too_old_our_own_counts():
    own = expected(None).paths
    short = expected(the_truth(until=420)).paths
    daily = [(float(hour), hour, GRID.grams_per_kwh[hour:]) for hour in range(0, 400, 24)]
    stopped = expected(issues(*daily)).paths

    for paths, ends in ((short, 420), (stopped, daily[-1][1] + LASTS_HOURS)):
        np.testing.assert_allclose(paths[ends:], own[ends:])
        assert (paths[ends - 9, 1:9] != own[ends - 9, 1:9]).all()


@pytest.mark.parametrize("lag", [0.0, HOUR])
def test_a_forecast_that_reaches_less_far_than_the_job_and_its_slack_is_gone_on_with(lag: float):
    every = issues(
        *[(float(hour), hour, GRID.grams_per_kwh[hour : hour + 3]) for hour in range(440)]
    )
    paths = expected(every, lag=lag).paths[5:]
    assert np.isfinite(paths).all()


def test_with_a_perfect_forecast_more_is_saved_than_with_our_own():
    jobs = some_jobs(*[HOUR * (280 + 0.7 * number) for number in range(240)])
    emitted = [
        [
            each.emissions_g.sum()
            for each in replayed(world, jobs, Way.FORECAST, Way.ORACLE).values()
        ]
        for world in (a_world(GRID), a_world(GRID, forecasts={HOME: the_truth()}))
    ]
    (own, oracle), (known, _) = emitted
    assert oracle <= known < own
    assert known - oracle < 0.1 * (own - oracle)


def test_no_start_depends_on_what_was_issued_after_it():
    jobs = some_jobs(*[HOUR * 1.7 * number for number in range(240)])
    random = np.random.default_rng(4)
    daily = [
        (float(hour), hour, GRID.grams_per_kwh[hour : hour + 40] + random.normal(0, 30, 40))
        for hour in range(0, HOURS - 40, 6)
    ]
    turn = 250
    other = [
        (at, first, grams if at <= turn else random.uniform(1, 900, 40))
        for at, first, grams in daily
    ]

    one, two = (
        replayed(a_world(GRID, spread=1200.0, forecasts={HOME: issues(*each)}), jobs, Way.FORECAST)[
            Way.FORECAST
        ].started
        for each in (daily, other)
    )

    before = one < BEGINS + (turn + 1) * HOUR
    assert before.any()
    assert (one[before] == two[before]).all()
    assert (one[~before] != two[~before]).any()
    assert (two[~before] >= BEGINS + (turn + 1) * HOUR).all()
