"""Starts on what a forecaster would have said."""

from dataclasses import replace

import numpy as np
import pytest

from carbon_scaler.application.backtest import BacktestError, Placing, Way
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.decisions.openings import Openings, forbidden
from carbon_scaler.decisions.waiting import Costs, bar_of, pays_from
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.policy import BUILT_IN_POLICY, TimeShift
from carbon_scaler.domain.windows import TimeWindow
from carbon_scaler.simulation.expected import Expected, Sight, expected_of
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.jobs import Places
from carbon_scaler.simulation.planned import Grid, Looks, Waiting, planned_starts
from tests.builders import HOME, a_window, preferred
from tests.unit.simulation.worlds import (
    AWAY,
    BEGINS,
    HOUR,
    a_history,
    a_world,
    replayed,
    some_jobs,
)

DAYS = 20
PRIORS = load_priors()
POLL = 300.0
SUBMITTED = tuple(HOUR * 24 * 12 + 1700.0 * number for number in range(120))
A_FEW = SUBMITTED[::11]


def a_daily_wave(seed: int = 1, step: float = HOUR, region: str = HOME) -> History:
    hours = np.arange(int(DAYS * 24 * HOUR / step)) * step / HOUR
    noise = np.random.default_rng(seed).normal(0, 15, len(hours))
    return a_history(
        *(300 + 120 * np.cos(2 * np.pi * hours / 24) + noise), step=step, region=region
    )


def the_waiting(submitted: tuple[float, ...] = SUBMITTED, minutes: float = 90.0) -> Waiting:
    begins = BEGINS + np.array(submitted)
    return Waiting(
        submitted=begins,
        latest=begins + 12 * HOUR,
        durations=np.full(len(begins), 60 * minutes),
        phases=np.random.default_rng(3).random(len(begins)),
        home=np.zeros(len(begins), dtype=np.intp),
    )


def a_grid(
    history: History, lag: float = 0.0, windows: tuple[TimeWindow, ...] = (), *open_at: float
) -> Grid:
    """`open_at` says from when to when the gate is open that needs no forecast."""
    opened = BEGINS + np.array(open_at or (0.0, 0.0))
    return Grid(
        expected=the_expected(history, lag).counted(windows),
        forbidden=forbidden(windows, history.begins, history.ends),
        stand_in=Openings(begins=opened[::2], ends=opened[1::2]),
    )


def the_expected(history: History, lag: float = 0.0) -> Expected:
    return expected_of(history, PRIORS, Sight(lag=lag, ahead=14 * HOUR))


def starts(jobs: Waiting, *grids: Grid, spread: float = 0.0, least: float = 0.0) -> Column:
    return both(jobs, *grids, spread=spread, least=least)[1]


def both(
    jobs: Waiting, *grids: Grid, spread: float = 0.0, least: float = 0.0
) -> tuple[Places, Column]:
    looks = Looks(poll=POLL, spread=spread, min_savings_percent=least)
    return planned_starts(jobs, grids, looks)


def is_forbidden(grid: Grid, at: float) -> bool:
    return bool(((grid.forbidden.begins <= at) & (at < grid.forbidden.ends)).any())


def asked_once(job: Waiting, grids: tuple[Grid, ...], at: float, least: float) -> float:
    """The cheapest region of those where it may start now; NaN: none, or waiting pays."""
    instant = np.array([at])
    known = [grid.expected.at(instant) for grid in grids]
    costs = [Costs.of(each.grams, job.durations) for each in known]
    now = [
        float(each.at(instant - path.begins)[0]) for each, path in zip(costs, known, strict=True)
    ]
    free = {place: now[place] for place, grid in enumerate(grids) if not is_forbidden(grid, at)}
    if not free:
        return np.nan
    place = min(free, key=lambda each: free[each])
    bar = bar_of(np.array([free[place]]), least)
    for each, path in zip(costs, known, strict=True):
        [pays] = pays_from(each, instant - path.begins, bar, barred=path.barred)
        if pays < job.latest[0] - path.begins[0]:
            return np.nan
    return float(place)


def polled(
    jobs: Waiting, *grids: Grid, spread: float = 0.0, least: float = 0.0
) -> list[tuple[float, float]]:
    """Every job asked at every poll: where it starts, and when."""
    found = []
    for job in range(len(jobs)):
        start, let_go = (np.nan, jobs.latest[job]), np.inf
        for at in np.arange(jobs.submitted[job], jobs.latest[job], POLL):
            place = asked_once(jobs.some(np.array([job])), grids, at, least)
            if np.isnan(place):
                let_go = np.inf
                continue
            ends = [e for e in grids[int(place)].forbidden.ends if e <= at]
            run_end = (at + jobs.durations[job]) // HOUR * HOUR - jobs.durations[job]
            opened = max(at // HOUR * HOUR, run_end, *ends)
            waited = jobs.submitted[job] < opened
            let_go = min(let_go, opened + jobs.phases[job] * spread if waited else at)
            if let_go <= at:
                start = (place, at)
                break
        found.append(start)
    return found


@pytest.mark.parametrize("minutes", [60.0, 90.0, 47.0])
@pytest.mark.parametrize(
    ("least", "spread"), [(0.0, 0.0), (7.5, 0.0), (0.0, 1200.0), (2.0, 3600.0)]
)
def test_it_starts_where_asking_at_every_poll_would(least: float, spread: float, minutes: float):
    grid, jobs = a_grid(a_daily_wave()), the_waiting(A_FEW, minutes)

    started = starts(jobs, grid, spread=spread, least=least)

    assert started.tolist() == [at for _, at in polled(jobs, grid, spread=spread, least=least)]


WINDOWS = (a_window(8, 11.5), preferred(18, 21, 4))


@pytest.mark.parametrize("minutes", [60.0, 100.0])
@pytest.mark.parametrize("spread", [0.0, 1200.0])
def test_in_several_regions_with_windows_it_starts_where_asking_at_every_poll_would(
    spread: float, minutes: float
):
    grids = (a_grid(a_daily_wave()), a_grid(a_daily_wave(seed=5), 0.0, WINDOWS))
    jobs = the_waiting(A_FEW, minutes)

    places, started = both(jobs, *grids, spread=spread)

    expected = polled(jobs, *grids, spread=spread)
    assert started.tolist() == [at for _, at in expected]
    early = started < jobs.latest
    assert places[early].tolist() == [place for place, _ in expected if not np.isnan(place)]
    assert set(places[early].tolist()) == {0, 1}


@pytest.mark.parametrize("spread", [0.0, 1200.0])
def test_no_start_is_late_or_before_the_submission(spread: float):
    jobs = the_waiting()
    started = starts(jobs, a_grid(a_daily_wave()), spread=spread)

    assert (started >= jobs.submitted).all()
    assert (started <= jobs.latest).all()


def hour_of_day(instants: Column) -> Column:
    hours: Column = instants % (24 * HOUR) / HOUR
    return hours


def test_nothing_but_what_is_due_starts_in_a_forbidden_hour():
    history, jobs = a_daily_wave(), the_waiting()
    [busiest] = [int(h) for h in [np.median(hour_of_day(starts(jobs, a_grid(history))))]]
    window = a_window(busiest - 1, busiest + 1.5)

    free, held = (hour_of_day(starts(jobs, a_grid(history, 0.0, each))) for each in ((), (window,)))

    def inside(hours: Column) -> Column:
        return (hours >= busiest - 1) & (hours < busiest + 1.5)

    due = held == hour_of_day(jobs.latest)
    assert (inside(free) & ~due).any()
    assert not (inside(held) & ~due).any()


def test_a_preferred_hour_is_waited_for():
    flat, jobs = a_history(*[300.0] * (DAYS * 24)), the_waiting(minutes=60.0)

    started = starts(jobs, a_grid(flat, 0.0, (preferred(18, 21, 10),)))

    hours = hour_of_day(started)
    inside = (hours >= 17) & (hours < 21)
    assert (inside | (started == jobs.submitted)).all()
    assert (inside & (started > jobs.submitted)).any()


def test_who_waited_starts_spread_out_and_who_comes_then_at_once():
    clean = (preferred(18, 22, 50),)
    grid = a_grid(a_history(*[300.0] * (DAYS * 24)), 0.0, clean)
    opens = HOUR * (24 * 12 + 6)  # the history begins at noon
    waited = the_waiting(tuple(opens - 3 * HOUR + 60.0 * each for each in range(100)), 60.0)
    begun = the_waiting((opens + 60.0, opens + 600.0), 60.0)

    started = starts(waited, grid, spread=1200.0) - BEGINS - opens

    assert (started >= waited.phases * 1200.0).all()
    assert (started < waited.phases * 1200.0 + POLL).all()
    assert (starts(waited, grid) - BEGINS - opens < POLL).all()
    assert (starts(begun, grid, spread=1200.0) == begun.submitted).all()


@pytest.mark.parametrize("lag", [0.0, HOUR, 1.5 * HOUR])
@pytest.mark.parametrize("step", [HOUR, 1800.0])
def test_no_start_depends_on_what_came_after_it(lag: float, step: float):
    histories = [a_daily_wave(step=step), a_daily_wave(seed=5, step=step)]
    turn, jobs = BEGINS + 14 * 24 * HOUR, the_waiting()
    scrambled = [
        replace(each, grams_per_kwh=scrambled_from(each, turn - lag)) for each in histories
    ]

    (places, started), (others, again) = (
        both(jobs, *[a_grid(each, lag, WINDOWS) for each in chosen], spread=1200.0)
        for chosen in (histories, scrambled)
    )

    before = started < turn
    assert before.any()
    assert (started[before] == again[before]).all()
    assert (places[before] == others[before]).all()
    assert (again[~before] >= turn).all()


def scrambled_from(history: History, since: float) -> Column:
    """Other values from the first on that begins after an instant."""
    known = int((since - history.begins) // history.step) + 1
    grams = history.grams_per_kwh.copy()
    grams[known:] = np.random.default_rng(2).uniform(1, 900, len(grams) - known)
    return grams


def test_on_a_constant_grid_it_starts_at_once():
    constant, jobs = a_history(*[300.0] * (DAYS * 24)), the_waiting()
    assert (starts(jobs, a_grid(constant), spread=1200.0) == jobs.submitted).all()


def test_before_anything_is_known_the_gate_decides_that_needs_no_forecast():
    first_hour = the_waiting((0.0, 60.0))
    shut = a_grid(a_daily_wave(), HOUR)
    opens_later = a_grid(a_daily_wave(), HOUR, (), 600.0, HOUR)

    assert starts(first_hour, opens_later).tolist() == [BEGINS + 600, BEGINS + 660]
    assert (starts(first_hour, shut) >= BEGINS + HOUR).all()


def test_a_multiple_of_all_intensities_changes_no_start():
    history, jobs = a_daily_wave(), the_waiting()
    tripled = replace(history, grams_per_kwh=history.grams_per_kwh * 4)

    one, other = (starts(jobs, a_grid(each), spread=1200.0) for each in (history, tripled))

    assert (one == other).all()


def test_it_saves_more_than_the_quantile_and_less_than_the_oracle():
    world = a_world(a_daily_wave())
    found = replayed(world, some_jobs(*SUBMITTED), Way.QUANTILE, Way.FORECAST, Way.ORACLE)

    emitted = {way: starts.emissions_g.sum() for way, starts in found.items()}
    assert emitted["oracle"] <= emitted["forecast"] < emitted["quantile"]


def test_with_a_choice_of_regions_it_emits_less_and_no_less_than_the_oracle():
    here, there = a_daily_wave(), a_daily_wave(seed=5, region=AWAY)
    jobs = some_jobs(*SUBMITTED, regions=(HOME, AWAY))
    emitted = [
        {way: each.emissions_g.sum() for way, each in replayed(world, jobs, Way.FORECAST).items()}
        for world in (a_world(here, there), a_world(here, there, placing=Placing.PLANNED))
    ]
    [oracle] = replayed(a_world(here, there), jobs, Way.ORACLE).values()

    assert oracle.emissions_g.sum() <= emitted[1]["forecast"] < emitted[0]["forecast"]


def test_urgent_work_chooses_its_place_and_starts_at_once():
    clean, dirty = a_history(*[100.0] * 480, region=AWAY), a_history(*[300.0] * 480)
    jobs = some_jobs(*SUBMITTED, workload_class="urgent", regions=(HOME, AWAY))

    [found] = replayed(a_world(dirty, clean, placing=Placing.PLANNED), jobs, Way.FORECAST).values()

    assert (found.started == jobs.submitted).all()
    assert (found.region_of == 1).all()


def test_of_equal_regions_it_stays_at_home():
    even = [a_history(*[300.0] * 480, region=region) for region in (HOME, AWAY)]
    jobs = some_jobs(*SUBMITTED, regions=(AWAY, HOME))

    [found] = replayed(a_world(*even, placing=Placing.PLANNED), jobs, Way.FORECAST).values()

    assert (found.region_of == 1).all()


def test_urgent_work_and_a_policy_that_is_off_start_at_once():
    jobs = some_jobs(*SUBMITTED, workload_class="urgent")
    world = a_world(a_daily_wave())
    off = replace(world, policy=replace(BUILT_IN_POLICY, enabled=False))

    for each, work in ((world, jobs), (off, some_jobs(*SUBMITTED))):
        [found] = replayed(each, work, Way.FORECAST).values()
        assert (found.started == work.submitted).all()


def test_with_time_shift_switched_off_it_is_the_threshold():
    off = replace(BUILT_IN_POLICY, time_shift=TimeShift(enabled=False))
    world = a_world(a_daily_wave(), policy=off)

    found = replayed(world, some_jobs(*SUBMITTED), Way.FORECAST, Way.THRESHOLD)

    assert (found["forecast"].started == found["threshold"].started).all()


def test_without_a_forecaster_it_is_refused():
    with pytest.raises(BacktestError, match="needs a forecast"):
        replayed(a_world(a_daily_wave(), priors=None), some_jobs(*SUBMITTED), Way.FORECAST)
