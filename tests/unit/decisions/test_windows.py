from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from carbon_scaler.decisions import windows
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import Outcome, Verdict
from carbon_scaler.domain.policy import Strategy
from carbon_scaler.domain.windows import TimeWindow
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_backlog,
    a_case,
    a_plan,
    a_queue_plan,
    a_reading,
    a_series,
    a_window,
    an_item,
    preferred,
)

MIDNIGHT = NOW.replace(hour=0)
BERLIN = ZoneInfo("Europe/Berlin")
CHICAGO = ZoneInfo("America/Chicago")
TICK = timedelta(microseconds=1)
NIGHT = a_window(2, 6, name="night")
ALWAYS = a_window(0, 24, name="always")


def name_at(now: datetime, *stated: TimeWindow) -> str | None:
    window = windows.window_at(stated, now)
    return None if window is None else window.name


@pytest.mark.parametrize(
    ("at", "is_on"),
    [
        (2 * HOUR - TICK, False),
        (2 * HOUR, True),
        (6 * HOUR - TICK, True),
        (6 * HOUR, False),
        (26 * HOUR, True),
    ],
    ids=["just before", "at its begin", "just before its end", "at its end", "the next day"],
)
def test_a_window_begins_with_its_first_instant_and_ends_before_its_last(
    at: timedelta, is_on: bool
):
    assert (name_at(MIDNIGHT + at, NIGHT) == "night") is is_on


@pytest.mark.parametrize("hour", [22, 23, 24, 29])
def test_a_window_goes_on_over_midnight(hour: int):
    late = a_window(22, 30, name="late")
    assert name_at(MIDNIGHT + hour * HOUR, late) == "late"
    assert name_at(MIDNIGHT + hour * HOUR + 8 * HOUR, late) is None


@pytest.mark.parametrize(
    ("zone", "winter", "summer"),
    [(BERLIN, 10, 9), (CHICAGO, 17, 16), (UTC, 11, 11)],
    ids=["Berlin", "Chicago", "UTC"],
)
def test_a_regions_window_begins_by_its_own_clock_and_follows_it_through_the_year(
    zone: ZoneInfo, winter: int, summer: int
):
    solar = preferred(11, 15, name="solar", timezone=zone)
    for day, hour in ((datetime(2026, 1, 15), winter), (datetime(2026, 7, 15), summer)):
        begins_at = day.replace(hour=hour, tzinfo=UTC)
        assert name_at(begins_at - SECOND, solar) is None
        assert name_at(begins_at, solar) == "solar"
        assert name_at(begins_at + 4 * HOUR, solar) is None


def test_where_windows_overlap_the_first_in_order_of_priority_counts():
    first, second = preferred(3, 5, name="first"), a_window(2, 6, name="second")
    hours = [name_at(MIDNIGHT + hour * HOUR, first, second) for hour in (1, 2, 3, 4, 5, 6)]
    assert hours == [None, "second", "first", "first", "second", None]


@pytest.mark.parametrize(
    ("at", "change"), [(0, 2), (2, 3), (3, 5), (5, 6), (6, 26)], ids=lambda hour: f"at {hour}"
)
def test_the_next_change_is_when_another_window_counts(at: int, change: int):
    stated = (preferred(3, 5, name="first"), a_window(2, 6, name="second"))
    now = MIDNIGHT + at * HOUR
    assert windows.next_change_after(stated, now) == MIDNIGHT + change * HOUR


def test_a_window_that_follows_itself_never_changes():
    assert windows.next_change_after((ALWAYS,), NOW) is None
    assert name_at(NOW, ALWAYS) == "always"


def test_a_window_that_a_leap_of_the_clock_left_out_is_next_on_the_day_after():
    window = a_window(2, 3, timezone=BERLIN)
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert windows.next_change_after((window,), before) == datetime(2026, 3, 30, 0, tzinfo=UTC)


def test_without_windows_the_rule_says_nothing():
    assert windows.rule(a_case(a_plan())) is None
    assert windows.window_at((), NOW) is None


@pytest.mark.parametrize(
    ("window", "outcome", "reason", "text", "until"),
    [
        (
            a_window(10, 14, name="evening peak"),
            Outcome.CLOSED,
            "forbidden_hours",
            "the hours of evening peak are forbidden until 2026-03-02T14:00:00Z",
            NOW + 2 * HOUR,
        ),
        (
            preferred(11, 15, 12.5, name="solar"),
            Outcome.PASSED,
            "preferred_hours",
            "the hours of solar are preferred until 2026-03-02T15:00:00Z: "
            "the grid counts 12.5 % cleaner than it is",
            NOW + 3 * HOUR,
        ),
        (
            NIGHT,
            Outcome.PASSED,
            "no_window",
            "no time window counts until 2026-03-03T02:00:00Z",
            NOW + 14 * HOUR,
        ),
        (
            ALWAYS,
            Outcome.CLOSED,
            "forbidden_hours",
            "the hours of always are forbidden",
            None,
        ),
    ],
    ids=["forbidden", "preferred", "outside", "always"],
)
def test_the_rule_says_what_the_hour_is_and_until_when(
    *, window: TimeWindow, outcome: Outcome, reason: str, text: str, until: datetime | None
):
    ruling = windows.rule(a_case(a_plan(windows=(window,))))
    assert ruling is not None
    assert (ruling.outcome, ruling.reason, ruling.text) == (outcome, reason, text)
    assert ruling.until == until


def test_forbidden_hours_say_what_would_change_them():
    ruling = windows.rule(a_case(a_plan(windows=(ALWAYS,))))
    assert ruling is not None
    assert ruling.remedy == "change always in time-shift-policies.yaml, or have it released by hand"


def test_a_window_that_can_never_come_is_never_waited_for():
    # Its end is not after its begin, which no document may say.
    nothing = a_window(3, 3)
    ruling = windows.rule(a_case(a_plan(windows=(nothing,))))
    assert ruling is not None
    assert (ruling.text, ruling.until) == ("no time window counts", None)


# --- with the other rules

FORBIDDEN = (a_window(10, 14, name="peak"),)
CLEAN = a_series(100)


def test_a_forbidden_hour_closes_however_clean_the_grid_is():
    decision = decide(a_plan(max_delay=DAY, windows=FORBIDDEN), Inputs(series=CLEAN), NOW)
    assert (decision.verdict, decision.reason, decision.active) == (
        Verdict.CLOSED,
        "forbidden_hours",
        True,
    )
    later = decide(a_plan(max_delay=DAY, windows=FORBIDDEN), Inputs(series=CLEAN), NOW + 2 * HOUR)
    assert later.reason == "blind_open"


def test_in_a_forbidden_hour_what_is_due_goes_and_the_urgent_goes():
    demand = a_backlog(an_item(2 * HOUR), an_item())
    held = decide(a_queue_plan(windows=FORBIDDEN), Inputs(series=CLEAN, demand=demand), NOW)
    assert (held.admitted, held.reason) == (1, "deadline")
    urgent = decide(
        a_queue_plan("urgent", windows=FORBIDDEN), Inputs(series=CLEAN, demand=demand), NOW
    )
    assert urgent.admitted == 2


@pytest.mark.parametrize(
    ("grams", "bonus", "outcome"),
    [
        (400.0, 0.0, Outcome.CLOSED),
        (400.0, 10.0, Outcome.OPEN),
        (444.0, 10.0, Outcome.OPEN),
        (445.0, 10.0, Outcome.CLOSED),
        (900.0, 100.0, Outcome.OPEN),
    ],
)
def test_a_preferred_hour_counts_cleaner_against_the_limit(
    grams: float, bonus: float, outcome: Outcome
):
    plan = a_plan(windows=(preferred(11, 15, bonus),), max_delay=DAY)
    assert decide(plan, Inputs(series=a_series(grams)), NOW).rulings[-1].outcome is outcome


@pytest.mark.parametrize("strategy", list(Strategy))
def test_the_text_of_every_strategy_shows_the_value_and_what_it_counts_as(strategy: Strategy):
    plan = a_plan(windows=(preferred(11, 15, 10, name="solar"),), max_delay=DAY, strategy=strategy)
    series = a_series(*[900.0] * 40, 300.0)
    decision = decide(plan, Inputs(series=series), NOW)
    assert decision.rulings[-1].text.startswith(
        "300 g/kWh, in the preferred hours of solar counted as 270, "
    )


def test_a_decision_holds_until_the_window_ends():
    plan = a_plan(max_delay=DAY, windows=(preferred(11.5, 12.5),))
    decision = decide(plan, Inputs(series=a_series(100)), NOW)
    assert decision.changes_at == NOW + 30 * MINUTE


def test_a_forbidden_window_gives_no_bonus_to_what_shadow_records():
    plan = a_plan(shadow=True, windows=FORBIDDEN)
    case = a_case(plan, reading=a_reading(420.0))
    assert case.bonus_percent == 0
