import numpy as np
import pytest

from carbon_scaler.simulation.comparison import (
    by_region,
    comparison,
    emissions_row,
    points_of_classes,
    saved_percent,
    violations,
)
from carbon_scaler.simulation.jobs import Jobs
from carbon_scaler.simulation.starts import Starts
from tests.builders import HOME
from tests.unit.simulation.worlds import AWAY, BEGINS, HOUR

REGIONS = (HOME, AWAY)


def two_jobs() -> Jobs:
    """An urgent one of 1 kWh and a deferrable one of 3."""
    return Jobs(
        ids=("a", "b"),
        submitted=np.array([BEGINS, BEGINS]),
        duration=np.array([HOUR, HOUR]),
        energy_kwh=np.array([1.0, 3.0]),
        slack=np.array([0.0, 12 * HOUR]),
        classes=("urgent", "deferrable"),
        class_of=np.array([0, 1]),
        choices=(REGIONS,),
        choice_of=np.array([0, 0]),
    )


def starts(grams: list[float], *, minutes: list[float], places: list[int]) -> Starts:
    return Starts(
        strategy="any",
        region_of=np.array(places),
        started=BEGINS + 60 * np.array(minutes),
        emissions_g=np.array(grams),
    )


BASELINE = starts([400.0, 1200.0], minutes=[0, 0], places=[0, 0])
OPTIMISED = starts([400.0, 600.0], minutes=[0, 90], places=[0, 1])
NOBODY = np.array([False, False])


def test_emissions_of_120_and_90_kg_are_a_saving_of_30_kg_and_25_percent():
    row = emissions_row(119.99, 89.95)

    assert row.difference == pytest.approx(-30.04)
    assert round(row.percent or 0, 2) == -25.04


def test_the_table_tells_both_means_of_the_intensity_apart():
    rows = comparison(two_jobs(), BASELINE, OPTIMISED, bound=NOBODY, inside=NOBODY)

    told = {row.metric: (row.baseline, row.optimised) for row in rows}
    assert told == {
        "total jobs": (2, 2),
        "total energy": (4.0, 4.0),
        "total emissions": (1.6, 1.0),
        "intensity, weighted by energy": (400.0, 250.0),
        "intensity, plain mean over jobs": (400.0, 300.0),
        "average delay": (0.0, 45.0),
        "max delay": (0.0, 90.0),
        "residency violations": (0, 0),
    }
    assert [row.percent for row in rows if row.metric == "average delay"] == [None]


def test_what_classes_add_is_what_is_saved_over_all():
    points = points_of_classes(two_jobs(), BASELINE, OPTIMISED)

    assert points == {"urgent": 0.0, "deferrable": 37.5}
    assert sum(points.values()) == saved_percent(BASELINE, OPTIMISED)


def test_grids_without_emissions_leave_nothing_to_save():
    nothing = starts([0.0, 0.0], minutes=[0, 0], places=[0, 0])

    assert saved_percent(nothing, nothing) is None
    assert points_of_classes(two_jobs(), nothing, nothing) == {"urgent": 0.0, "deferrable": 0.0}


def test_a_bound_job_outside_is_counted_and_a_free_one_is_not():
    inside = np.array([True, False])

    assert violations(np.array([False, True]), inside, OPTIMISED) == 1
    assert violations(np.array([True, False]), inside, OPTIMISED) == 0


def test_jobs_and_kilograms_are_told_by_region():
    assert by_region(REGIONS, OPTIMISED) == {
        HOME: {"jobs": 1, "emissions_kg": 0.4},
        AWAY: {"jobs": 1, "emissions_kg": 0.6},
    }
