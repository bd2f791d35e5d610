"""Windows overlap exactly if at some minute of January or July both are on."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.config.documents.overlaps import SEASONS, first_overlap
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.windows import TimeWindow, WindowEffect

# Whole, half and southern offsets, with summer time and without.
REGIONS = ("us-west-2", "eu-central-1", "ap-south-1", "ap-southeast-2")
CATALOG: Catalog = {name: load_catalog()[name] for name in REGIONS}
STEP = timedelta(minutes=30)
STEPS = 48


@st.composite
def some_windows(draw: Any) -> TimeWindow:
    begins = draw(st.integers(0, STEPS - 1))
    return TimeWindow(
        name="W",
        begins=begins * STEP,
        ends=(begins + draw(st.integers(1, STEPS))) * STEP,
        effect=WindowEffect.FORBID,
        timezone=draw(st.sampled_from([None, UTC, ZoneInfo("America/New_York")])),
        regions=draw(st.frozensets(st.sampled_from(REGIONS), max_size=2)),
        priority=draw(st.integers(1, 2)),
    )


def is_on(window: TimeWindow, region: str, now: datetime) -> bool:
    """By the clock on the wall, and nothing else."""
    if window.regions and region not in window.regions:
        return False
    local = now.astimezone(window.timezone or CATALOG[region].timezone)
    since_midnight = timedelta(hours=local.hour, minutes=local.minute)
    return any(
        window.begins <= since_midnight + day < window.ends
        for day in (timedelta(0), timedelta(days=1))
    )


def meeting(one: TimeWindow, other: TimeWindow) -> set[tuple[str, str]]:
    if one.priority != other.priority:
        return set()
    return {
        (month, region)
        for month, midnight in SEASONS.items()
        for region in REGIONS
        for step in range(STEPS)
        if is_on(one, region, midnight + step * STEP)
        and is_on(other, region, midnight + step * STEP)
    }


@given(windows=st.lists(some_windows(), min_size=2, max_size=3))
def test_an_overlap_is_found_exactly_where_there_is_one(windows: list[TimeWindow]):
    pairs = [
        (earlier, later)
        for later in range(len(windows))
        for earlier in range(later)
        if meeting(windows[earlier], windows[later])
    ]
    found = first_overlap(windows, CATALOG)

    if found is None:
        assert pairs == []
    else:
        assert (found.earlier, found.later) in pairs
        assert (found.month, found.region) in meeting(windows[found.earlier], windows[found.later])


def test_a_window_does_not_overlap_itself():
    all_day = TimeWindow(
        name="W", begins=5 * STEP, ends=(5 + STEPS) * STEP, effect=WindowEffect.PREFER
    )

    assert first_overlap([all_day], CATALOG) is None
