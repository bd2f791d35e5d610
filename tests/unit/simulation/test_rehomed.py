import numpy as np

from carbon_scaler.simulation.rehomed import anywhere, by_chance, only_in, stacked, taken_apart
from carbon_scaler.simulation.starts import Starts
from tests.builders import HOME
from tests.unit.simulation.worlds import AWAY, some_jobs

REGIONS = (HOME, AWAY)


def test_a_job_that_is_bound_to_a_place_may_run_nowhere_else():
    jobs = only_in(some_jobs(0.0, 1.0, regions=REGIONS), REGIONS, np.array([1, 0]))

    assert [jobs.choices[place] for place in jobs.choice_of] == [(AWAY,), (HOME,)]


def test_a_freed_job_keeps_its_home():
    jobs = anywhere(some_jobs(0.0, regions=(AWAY,)), REGIONS)

    assert [jobs.choices[place] for place in jobs.choice_of] == [(AWAY, HOME)]


def test_chance_spreads_jobs_over_the_regions_that_they_may_use_and_no_others():
    many = [float(number) for number in range(400)]

    free = by_chance(some_jobs(*many, regions=REGIONS), REGIONS, seed=1)
    bound = by_chance(some_jobs(*many, regions=(AWAY,)), REGIONS, seed=1)

    counts = np.bincount(free.choice_of)
    assert 150 < counts[0] < 250
    assert set(bound.choice_of) == {1}
    assert (
        by_chance(some_jobs(*many, regions=REGIONS), REGIONS, seed=1).choice_of == free.choice_of
    ).all()


def test_what_is_stacked_comes_apart_again():
    jobs = some_jobs(0.0, 60.0, regions=REGIONS)

    both = stacked((jobs, only_in(jobs, REGIONS, np.array([1, 0]))))
    first, second = taken_apart(
        Starts(
            strategy="any",
            region_of=np.array([0, 0, 1, 0]),
            started=both.submitted + np.arange(4),
            emissions_g=np.arange(4.0),
        ),
        2,
    )

    assert len(both) == 4
    assert [both.choices[place] for place in both.choice_of] == [REGIONS, REGIONS, (AWAY,), (HOME,)]
    assert list(first.region_of) == [0, 0]
    assert list(second.region_of) == [1, 0]
    assert list(second.started - jobs.submitted) == [2.0, 3.0]
    assert list(second.emissions_g) == [2.0, 3.0]
