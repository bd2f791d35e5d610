"""What can't be right is flagged, and what is only unusual is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.domain.intensity import UNKNOWN_SHARE, Factors, Kind, RenewableShare
from carbon_scaler.domain.observation import Observation
from carbon_scaler.domain.plausibility import Past, flags, outside_range, with_sound_mix

HOUR = timedelta(hours=1)
AT = datetime(2026, 3, 4, 5, tzinfo=UTC)


def value(grams: float, hours: float = 0, **changes: object) -> Observation:
    observation = Observation(
        zone="A",
        starts_at=AT + hours * HOUR,
        lasts=HOUR,
        grams_per_kwh=grams,
        kind=Kind.MEASURED,
    )
    return replace(observation, **changes)  # type: ignore[arg-type]


def series(figures: list[float], *, until: float = 0, step: float = 1) -> list[Observation]:
    """The last of them ends where hour `until` begins."""
    first = until - len(figures) * step
    return [value(grams, first + n * step, lasts=step * HOUR) for n, grams in enumerate(figures)]


def past_of(figures: list[float], *, step: float = 1) -> Past:
    observations = series(figures, step=step)
    return Past().followed_by(observations, [None] * len(observations))


def wavy(count: int) -> list[float]:
    """A day's curve between 200 and 310, in steps of 10."""
    return [200.0 + 10 * min(n % 24, 24 - n % 24) - n % 3 for n in range(count)]


def judge(
    observations: list[Observation],
    past: Past | None = None,
    *,
    factors: Factors = Factors.LIFECYCLE,
    now: datetime = AT + 100 * HOUR,
) -> list[str | None]:
    return list(flags(observations, past or Past(), factors=factors, now=now))


# --- bounds ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grams", "factors", "flag"),
    [
        (-1.0, Factors.LIFECYCLE, "negative"),
        (0.0, Factors.LIFECYCLE, "zero"),
        (0.0, Factors.DIRECT, None),
        (2000.0, Factors.LIFECYCLE, None),
        (3387.0, Factors.LIFECYCLE, "above_2000"),
        (nan, Factors.LIFECYCLE, "not_a_number"),
        (float("inf"), Factors.LIFECYCLE, "above_2000"),
    ],
)
def test_what_no_grid_can_have_is_flagged(grams: float, factors: Factors, flag: str | None):
    assert judge([value(grams)], factors=factors) == [flag]


def test_a_value_from_the_future_is_flagged_until_its_time_has_come():
    ahead = value(200.0, 1)
    assert judge([ahead], now=AT) == ["future"]
    assert judge([ahead], now=AT + HOUR - timedelta(seconds=60)) == [None]
    past = Past().followed_by([ahead], ["future"])
    assert judge([ahead], past, now=AT + HOUR) == [None]


def test_what_a_source_itself_doubts_keeps_its_word():
    assert judge([value(200.0, flagged="model_warning")]) == ["model_warning"]


def test_a_regions_own_range_has_inclusive_ends_and_none_allows_everything():
    assert [outside_range(g, (100.0, 300.0)) for g in (99.9, 100.0, 300.0, 300.1)] == [
        "outside_range",
        None,
        None,
        "outside_range",
    ]
    assert outside_range(5000.0, None) is None


# --- jumps ----------------------------------------------------------------------------------


def test_a_value_far_from_the_one_before_is_a_jump_and_the_way_back_is_not():
    past = past_of(wavy(96))
    assert judge([value(900.0), value(205.0, 1)], past) == ["jump", None]


def test_a_second_value_confirms_a_new_level():
    past = past_of(wavy(96))
    assert judge([value(900.0), value(905.0, 1), value(910.0, 2)], past) == ["jump", None, None]


def test_a_jump_is_confirmed_across_answers_too():
    past = past_of(wavy(96))
    first = [value(900.0)]
    past = past.followed_by(first, judge(first, past))
    assert judge([value(905.0, 1)], past) == [None]


def test_with_little_past_nothing_is_a_jump():
    assert judge([value(900.0)], past_of(wavy(47))) == [None]
    assert judge([value(900.0)], past_of(wavy(48))) == ["jump"]


def test_after_a_gap_nothing_is_a_jump():
    assert judge([value(900.0, 5)], past_of(wavy(96))) == [None]


def test_a_zone_that_often_changes_a_lot_may_change_a_lot():
    restless = [100.0 if n % 12 < 6 else 300.0 for n in range(96)]
    assert judge([value(900.0)], past_of(restless)) == [None]
    assert judge([value(149.0 + wavy(96)[-1])], past_of(wavy(96))) == [None]


def test_a_steady_rise_in_five_minute_steps_is_judged_by_hours_too():
    steep = [200.0 + 25 * min(n // 12 % 24, 24 - n // 12 % 24) for n in range(12 * 48)]
    past = past_of(steep, step=1 / 12)
    assert judge([value(steep[-1] + 140.0)], past) == [None]
    assert judge([value(steep[-1] + 200.0)], past) == ["jump"]


def test_a_changed_method_is_no_jump():
    past = past_of(wavy(96))
    assert judge([value(900.0, method="2026-04")], past) == [None]
    assert judge([value(900.0)], past) == ["jump"]


def test_a_value_that_was_accepted_stays_accepted_when_it_is_read_again():
    observations = series([*wavy(96), 900.0, 905.0, 210.0, 900.0])
    past = Past().followed_by(observations, [None] * len(observations))
    assert judge(observations[-6:], past) == [None] * 6


def test_reading_the_same_values_again_gives_the_same_flags():
    past = past_of(wavy(96))
    answer = [value(205.0), value(900.0, 1), value(210.0, 2)]
    first = judge(answer, past)
    assert first == [None, "jump", None]
    assert judge(answer, past.followed_by(answer, first)) == first


def test_a_bad_value_is_not_what_the_next_one_is_judged_by():
    past = past_of(wavy(96))
    assert judge([value(-5.0), value(205.0, 1)], past) == ["negative", None]


# --- frozen feeds ---------------------------------------------------------------------------


def test_the_same_figure_for_a_day_is_a_frozen_feed_where_values_normally_vary():
    past = past_of(wavy(96))
    answer = [value(222.2, n) for n in range(30)]
    assert judge(answer, past) == [None] * 23 + ["frozen"] * 7


def test_a_feed_that_thaws_is_trusted_again():
    past = past_of(wavy(96))
    answer = [value(222.2, n) for n in range(30)]
    past = past.followed_by(answer, judge(answer, past))
    assert judge([value(223.0, 30)], past) == [None]


def test_a_feed_stays_frozen_however_long_it_is():
    past = past_of(wavy(96))
    verdicts: list[str | None] = []
    for hour in range(24 * 10):
        answer = [value(222.2, hour)]
        verdict = judge(answer, past, now=AT + 1000 * HOUR)
        past = past.followed_by(answer, verdict)
        verdicts += verdict
    assert set(verdicts[23:]) == {"frozen"}


def test_two_hours_of_five_minute_values_are_not_yet_frozen():
    past = past_of([200.0 + n % 7 for n in range(600)], step=1 / 12)
    answer = [value(222.2, n / 12, lasts=HOUR / 12) for n in range(150)]
    verdicts = judge(answer, past)
    assert verdicts.index("frozen") == 143  # twelve hours


@pytest.mark.parametrize(
    "figures",
    [
        [24.0] * 192,
        [24.0 + (n // 10) % 2 for n in range(192)],
        [26.0 if n % 24 > 12 else 22.0 + n % 24 for n in range(192)],
    ],
    ids=["constant", "seldom changing", "constant at night"],
)
def test_a_zone_that_stands_still_by_nature_is_never_frozen(figures: list[float]):
    answer = [value(26.0, n) for n in range(60)]
    assert judge(answer, past_of(figures)) == [None] * 60


def test_with_little_past_nothing_is_frozen():
    assert judge([value(222.2, n) for n in range(30)], past_of(wavy(47))) == [None] * 30


def test_minutes_within_one_hour_are_judged_by_their_own_steps():
    past = past_of([200.0 + n % 3 for n in range(50)], step=1 / 60)
    assert judge([value(340.0)], past) == [None]
    assert judge([value(360.0)], past) == ["jump"]


# --- the past -------------------------------------------------------------------------------


def test_the_past_is_eight_days_and_bounded():
    past = past_of(wavy(24 * 30))
    assert len(past.starts) == 192
    assert len(past_of(wavy(5000), step=1 / 60).starts) == 2500


def test_a_past_of_flagged_values_only_is_bounded_too():
    observations = series([-1.0] * 1000)
    past = Past().followed_by(observations, ["negative"] * 1000)
    assert len(past.starts) == 800
    assert judge([value(200.0)], past) == [None]


def test_what_is_no_number_leaves_no_trace():
    past = past_of(wavy(50))
    assert past.followed_by([value(nan)], ["not_a_number"]) is past
    assert flags([], past, factors=Factors.DIRECT, now=AT) == ()


def test_a_revised_value_takes_the_place_of_the_former():
    past = past_of(wavy(96))
    revised = series(wavy(96))[-1:]
    again = past.followed_by([replace(revised[0], grams_per_kwh=1.5)], [None])
    assert len(again.starts) == 96
    assert again.grams[-1] == 1.5


def test_an_older_part_of_the_past_does_not_change_what_the_newest_method_is():
    past = Past().followed_by([value(200.0, method="new")], [None])
    assert past.followed_by([value(200.0, -5, method="old")], [None]).method == "new"


@given(st.lists(st.floats(-10, 4000, allow_nan=False), max_size=60))
def test_each_value_has_one_verdict_and_values_in_bounds_have_no_word_of_the_bounds(
    figures: list[float],
):
    observations = series(figures)
    verdicts = judge(observations, past_of(wavy(96), step=1))
    assert len(verdicts) == len(figures)
    for figure, verdict in zip(figures, verdicts, strict=True):
        out = figure <= 0 or figure > 2000
        assert (verdict in ("negative", "zero", "above_2000")) == out


# --- the mix --------------------------------------------------------------------------------


def test_a_mix_that_does_not_add_up_is_kept_and_concludes_nothing():
    share = RenewableShare(at_least=40.0, at_most=40.0)
    mixed = value(200.0, mix={"wind": 40.0, "gas": 50.0}, renewable=share, remarks=("warm",))
    sound = with_sound_mix(mixed)
    assert (sound.mix, sound.renewable) == (mixed.mix, UNKNOWN_SHARE)
    assert sound.remarks[0] == "warm"
    assert sound.remarks[1].startswith("mix_sum: the mix adds up to 90.0 %")


@pytest.mark.parametrize("gas", [58.0, 60.0, 62.0])
def test_a_mix_that_adds_up_roughly_stays_as_it_is(gas: float):
    mixed = value(200.0, mix={"wind": 40.0, "gas": gas})
    assert with_sound_mix(mixed) is mixed
    assert with_sound_mix(value(200.0)).mix is None
