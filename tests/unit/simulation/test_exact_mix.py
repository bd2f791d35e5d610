from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.simulation.exact_mix import DAY, ExactMix, drawn

REGIONS = ("us-east-1", "us-west-2", "eu-central-1")
INSIDE = frozenset({"eu-central-1"})
MIX = ExactMix(
    days=30, jobs=1000, shares=(10, 40, 50), eu_share=0.3, least_kwh=0.1, most_kwh=0.5, seed=42
)


def test_classes_and_the_share_of_the_eu_hold_to_the_job():
    jobs = drawn(MIX).on(REGIONS, INSIDE, 0.0)

    counts = Counter(jobs.classes[place] for place in jobs.class_of)
    bound = sum(jobs.choices[place] == ("eu-central-1",) for place in jobs.choice_of)
    assert counts == {"urgent": 100, "standard": 400, "deferrable": 500}
    assert bound == 300


@given(
    jobs=st.integers(1, 400),
    urgent=st.integers(0, 100),
    standard=st.integers(0, 100),
    eu_share=st.floats(0, 1),
)
def test_counts_add_up_and_are_off_by_less_than_a_job(
    jobs: int, urgent: int, standard: int, eu_share: float
):
    shares = (urgent, min(standard, 100 - urgent), 100 - urgent - min(standard, 100 - urgent))
    mix = replace(MIX, jobs=jobs, shares=shares, eu_share=eu_share)

    found = drawn(mix)

    counts = np.bincount(found.class_of, minlength=3)
    assert counts.sum() == jobs
    assert all(
        abs(count - jobs * share / 100) < 1 for count, share in zip(counts, shares, strict=True)
    )
    assert found.bound.sum() == round(jobs * eu_share)


def test_jobs_come_on_whole_minutes_inside_the_period_in_order():
    found = drawn(MIX)

    assert (np.diff(found.submitted) >= 0).all()
    assert (found.submitted % 60 == 0).all()
    assert 0 <= found.submitted.min() < found.submitted.max() < 30 * DAY
    assert set(found.duration) == {3600.0, 7200.0, 14_400.0}


def test_energy_goes_by_class_from_the_least_to_the_most():
    jobs = drawn(MIX).on(REGIONS, INSIDE, 0.0)

    by_class = {
        name: set(jobs.energy_kwh[jobs.class_of == n]) for n, name in enumerate(jobs.classes)
    }
    assert by_class == {"urgent": {0.1}, "standard": {0.3}, "deferrable": {0.5}}
    assert jobs.energy_kwh.sum() == pytest.approx(380)


def test_the_same_jobs_are_drawn_on_other_regions_and_in_another_period():
    found = drawn(MIX)
    here = found.on(REGIONS, INSIDE, 0.0)
    there = found.on(("us-east-1", "us-west-1", "eu-central-1"), INSIDE, 100 * DAY)

    homes = [[jobs.choices[place][0] for place in jobs.choice_of] for jobs in (here, there)]
    assert (there.submitted - here.submitted == 100 * DAY).all()
    assert (there.energy_kwh == here.energy_kwh).all()
    assert [home.replace("us-west-2", "us-west-1") for home in homes[0]] == homes[1]
    assert {choice[0] for choice in here.choices} == set(REGIONS)


def test_where_no_region_is_in_the_eu_nothing_is_bound():
    jobs = drawn(MIX).on(("us-east-1",), frozenset(), 0.0)

    assert set(jobs.choice_of) == {0}
    assert jobs.choices == (("us-east-1",),)
