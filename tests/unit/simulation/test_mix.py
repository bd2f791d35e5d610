from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.jobs import Jobs
from carbon_scaler.simulation.mix import LONGEST, Mix, draw
from tests.builders import HOME
from tests.unit.simulation.worlds import AWAY, HOUR, a_history

YEAR_BEGINS = datetime(2022, 1, 1, tzinfo=UTC).timestamp()
MIX = Mix(per_month=1000, seed=1)


def a_year(region: str = HOME, hours: int = 365 * 24) -> History:
    return a_history(*[1.0] * hours, region=region, begins=YEAR_BEGINS)


def drawn(mix: Mix = MIX, *regions: str, hours: int = 365 * 24) -> Jobs:
    return draw(mix, {region: a_year(region, hours) for region in regions or (HOME,)})


def test_every_month_has_as_many_jobs_and_all_of_them_end_in_time():
    jobs = drawn()

    months = Counter(datetime.fromtimestamp(each, UTC).month for each in jobs.submitted)
    assert months == dict.fromkeys(range(1, 13), 1000)
    assert (jobs.latest + jobs.duration <= a_year().ends).all()
    assert (jobs.submitted % 60 == 0).all()


def test_classes_durations_and_energies_are_those_of_the_mix():
    jobs = drawn()

    shares = np.bincount(jobs.class_of) / len(jobs)
    assert shares == pytest.approx([0.1, 0.4, 0.5], abs=0.02)
    slacks = [set(jobs.slack[jobs.class_of == number]) for number in range(3)]
    assert slacks == [{0}, {HOUR}, {12 * HOUR}]
    durations = Counter(jobs.duration.tolist())
    assert [durations[hours * HOUR] / len(jobs) for hours in (1, 2, 4)] == pytest.approx(
        [1 / 3] * 3, abs=0.02
    )
    assert 0.1 <= jobs.energy_kwh.min() < 0.11
    assert 0.49 < jobs.energy_kwh.max() <= 0.5


def test_the_same_seed_draws_the_same_jobs_and_another_one_others():
    one, same, other = drawn(), drawn(), drawn(replace(MIX, seed=2))

    assert one.submitted.tolist() == same.submitted.tolist()
    assert one.energy_kwh.tolist() == same.energy_kwh.tolist()
    assert one.submitted.tolist() != other.submitted.tolist()


def test_a_month_that_is_there_in_part_has_its_share():
    assert len(drawn(hours=(31 + 14) * 24)) == 1500


def test_what_is_too_short_for_a_job_draws_none():
    assert len(drawn(hours=int(LONGEST / HOUR))) == 0


def test_jobs_live_evenly_in_the_regions_and_may_run_in_all_of_them():
    jobs = drawn(MIX, HOME, AWAY)

    lists = [jobs.choices[each] for each in jobs.choice_of]
    assert Counter(lists)[HOME, AWAY] / len(jobs) == pytest.approx(0.5, abs=0.02)
    assert set(lists) == {(HOME, AWAY), (AWAY, HOME)}


def test_bound_jobs_live_and_run_in_their_regions_alone():
    jobs = drawn(replace(MIX, bound_regions=frozenset({AWAY}), bound_share=0.3), HOME, AWAY)

    lists = Counter(jobs.choices[each] for each in jobs.choice_of)
    assert lists[AWAY,] / len(jobs) == pytest.approx(0.3, abs=0.02)


def test_regions_of_different_length_have_the_time_in_common():
    long, short = a_year(), a_year(AWAY, hours=31 * 24)

    jobs = draw(MIX, {HOME: long, AWAY: short})

    assert len(jobs) == 1000
    assert (jobs.latest + jobs.duration <= short.ends).all()


def test_regions_that_have_no_time_in_common_draw_none():
    later = a_history(*[1.0] * 48, region=AWAY, begins=a_year().ends)

    assert len(draw(MIX, {HOME: a_year(), AWAY: later})) == 0
