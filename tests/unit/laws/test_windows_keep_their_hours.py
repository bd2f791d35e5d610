from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.decisions.windows import next_change_after, window_at
from carbon_scaler.domain.windows import TimeWindow
from tests.builders import HOUR, MINUTE, a_window
from tests.unit.laws.cases import law, spans

# Half hours, leaps of half an hour, and clocks that leap at midnight.
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Berlin",
        "America/Los_Angeles",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "America/Santiago",
        "Pacific/Auckland",
        "Pacific/Kiritimati",
        "Etc/GMT+12",
    )
]
# Around the leaps of 2026, and around a day without any.
LEAPS = [datetime(2026, *day, tzinfo=UTC) for day in ((3, 8), (3, 29), (4, 4), (9, 5), (10, 25))]
TICK = timedelta(microseconds=1)


@st.composite
def windows(draw: st.DrawFn) -> TimeWindow:
    begins = draw(st.integers(0, 95))
    lasts = draw(st.integers(1, 96))
    return a_window(
        begins / 4,
        (begins + lasts) / 4,
        name=str(draw(st.integers(1, 99))),
        timezone=draw(st.sampled_from(ZONES)),
        priority=draw(st.integers(1, 3)),
    )


WINDOWS = st.lists(windows(), min_size=1, max_size=3).map(
    lambda each: tuple(sorted(each, key=lambda window: window.priority))
)
AROUND_LEAPS = st.builds(
    lambda leap, span: leap + span,
    st.sampled_from(LEAPS),
    spans(-60 * HOUR, 60 * HOUR, 15 * MINUTE),
)


@law
@given(stated=WINDOWS, now=AROUND_LEAPS, share=st.floats(0, 1))
def test_the_same_window_counts_until_the_change_that_was_told_and_another_from_then_on(
    stated: tuple[TimeWindow, ...], now: datetime, share: float
):
    present, change = window_at(stated, now), next_change_after(stated, now)
    end = change or now + 48 * HOUR
    for later in (now + share * (end - now), end - TICK):
        assert now > later or later >= end or window_at(stated, later) == present
    if change is not None:
        assert change > now
        assert window_at(stated, change) != present


@law
@given(window=windows(), now=AROUND_LEAPS)
def test_where_no_leap_is_near_a_window_is_on_by_the_clock_on_the_wall(
    window: TimeWindow, now: datetime
):
    near = [
        (now + span).astimezone(window.timezone).utcoffset() for span in (-25 * HOUR, 25 * HOUR)
    ]
    if near[0] != near[1]:
        return
    shown = now.astimezone(window.timezone)
    since_midnight = timedelta(hours=shown.hour, minutes=shown.minute)
    on = any(window.begins <= since_midnight + days * 24 * HOUR < window.ends for days in (0, 1))
    assert (window_at((window,), now) is not None) is on


@law
@given(window=windows(), leap=st.sampled_from(LEAPS))
def test_a_window_begins_at_most_once_a_local_day(window: TimeWindow, leap: datetime):
    begins, now, end = [], leap - 60 * HOUR, leap + 60 * HOUR
    while now is not None and now < end:
        now = next_change_after((window,), now)
        if now is not None and window_at((window,), now) is not None:
            begins.append(now.astimezone(window.timezone).date())
    assert len(begins) == len(set(begins))
