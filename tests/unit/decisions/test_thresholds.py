import pytest

from carbon_scaler.decisions import thresholds
from carbon_scaler.domain.decision import Outcome
from tests.builders import Share, a_case, a_plan, a_reading, a_series, a_share, some_settings


def ruling_of(grams: float, renewable: Share = None, **settings: object):
    plan = a_plan(workload_class="deferrable", **settings)
    return thresholds.rule(a_case(plan, reading=a_reading(grams, renewable)))


@pytest.mark.parametrize(
    ("grams", "renewable", "reason"),
    [
        (249.9, 30.0, "below_threshold"),
        (249.9, 29.9, "renewables_below_minimum"),
        (250.0, 30.0, "above_threshold"),
        (250.0, 29.9, "above_threshold"),
        (250.1, 100.0, "above_threshold"),
        (0.0, 100.0, "below_threshold"),
    ],
    ids=["both met", "mix short", "at the limit", "neither", "above the limit", "nothing emitted"],
)
def test_both_limits_must_be_met_and_the_intensity_strictly(
    grams: float, renewable: Share, reason: str
):
    ruling = ruling_of(grams, renewable)
    assert ruling.reason == reason
    assert ruling.outcome is (Outcome.OPEN if reason == "below_threshold" else Outcome.CLOSED)


def test_what_is_not_a_number_is_not_clean():
    assert ruling_of(float("nan"), 50.0).outcome is Outcome.CLOSED


MIXES = [
    # at least, at most → met, met when the mix is required
    pytest.param(None, True, False, id="unknown"),
    pytest.param((30.0, 100.0), True, True, id="partly known, surely enough"),
    pytest.param((29.9, 30.0), True, False, id="partly known, perhaps enough"),
    pytest.param((0.0, 29.9), False, False, id="partly known, surely short"),
    pytest.param(30.0, True, True, id="exactly the minimum"),
    pytest.param(29.9, False, False, id="just short"),
    pytest.param(0.0, False, False, id="known to be none"),
]


@pytest.mark.parametrize(("renewable", "met", "met_when_required"), MIXES)
def test_only_a_mix_that_may_suffice_passes_and_a_required_one_must_surely_suffice(
    renewable: Share, met: bool, met_when_required: bool
):
    share = a_share(renewable)
    assert thresholds.enough_renewables(share, some_settings("deferrable")) is met
    required = some_settings("deferrable", require_mix=True)
    assert thresholds.enough_renewables(share, required) is met_when_required


@pytest.mark.parametrize("require_mix", [False, True])
@pytest.mark.parametrize("renewable", [None, 0.0, (0.0, 10.0)])
def test_without_a_minimum_no_mix_is_too_dirty(renewable: Share, require_mix: bool):
    settings = some_settings("standard", require_mix=require_mix)
    assert thresholds.enough_renewables(a_share(renewable), settings)


def test_a_minimum_of_nothing_is_met_by_an_unknown_mix_even_if_required():
    settings = some_settings(min_renewable_percent=0.0, require_mix=True)
    assert thresholds.enough_renewables(a_share(None), settings)


@pytest.mark.parametrize(
    ("grams", "renewable", "settings", "text"),
    [
        (
            199.5,
            None,
            {"min_renewable_percent": None},
            "199.5 g/kWh is below the limit of 250",
        ),
        (
            250.0,
            None,
            {"min_renewable_percent": None},
            "250 g/kWh is not below the limit of 250",
        ),
        (
            200.0,
            42.5,
            {},
            "200 g/kWh is below the limit of 250, 42.5 % renewable reaches the minimum of 30 %",
        ),
        (
            200.0,
            12.0,
            {},
            "200 g/kWh is below the limit of 250, 12 % renewable is under the minimum of 30 %",
        ),
        (
            200.0,
            None,
            {},
            "200 g/kWh is below the limit of 250, "
            "the energy mix is unknown, so the minimum of 30 % renewable is skipped",
        ),
        (
            200.0,
            None,
            {"require_mix": True},
            "200 g/kWh is below the limit of 250, "
            "the energy mix is unknown and requireMix wants 30 % renewable",
        ),
    ],
    ids=["open", "closed", "mix enough", "mix short", "mix skipped", "mix required"],
)
def test_the_ruling_says_what_was_compared_with_what(
    grams: float, renewable: Share, settings: object, text: str
):
    assert ruling_of(grams, renewable, **settings).text == text


@pytest.mark.parametrize(
    ("renewable", "text"),
    [
        (30.0, "30 % renewable reaches the minimum of 30 %"),
        ((30.0, 80.0), "30 % renewable reaches the minimum of 30 %"),
        (
            (10.0, 30.0),
            "the energy mix is unknown, so the minimum of 30 % renewable is skipped",
        ),
        ((10.0, 29.5), "29.5 % renewable is under the minimum of 30 %"),
    ],
    ids=["exactly enough", "surely enough", "just possibly enough", "surely short"],
)
def test_a_mix_at_the_minimum_is_said_to_be_what_it_is_taken_for(renewable: Share, text: str):
    assert ruling_of(200.0, renewable).text.endswith(text)


def test_the_ruling_carries_its_figures():
    figures = ruling_of(200.0, 42.5).figures
    assert figures["grams_per_kwh"] == 200.0
    assert figures["threshold"] == 250.0
    assert figures["renewable_percent"] == 42.5
    assert figures["min_renewable_percent"] == 30.0


def test_an_uncertain_share_is_no_figure():
    assert ruling_of(200.0, (20.0, 60.0)).figures["renewable_percent"] is None


def test_without_a_value_the_gate_is_closed():
    ruling = thresholds.rule(a_case())
    assert (ruling.outcome, ruling.reason, ruling.text) == (Outcome.CLOSED, "no_data", "no value")


def test_past_slots_are_judged_by_the_intensity_alone_where_no_minimum_is_set():
    series = a_series(399.9, 400.0, float("nan"), renewable=0.0)
    assert thresholds.open_slots(series, some_settings()).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("require_mix", "slots"),
    [(False, [True, True, True, False, False]), (True, [True, False, False, False, False])],
    ids=["skipped", "required"],
)
def test_past_slots_are_judged_by_the_mix_as_present_ones_are(require_mix: bool, slots: list[bool]):
    series = a_series(
        200, 200, 200, 200, 300, renewable=[30.0, None, (29.9, 30.0), (0.0, 29.9), 30.0]
    )
    settings = some_settings("deferrable", require_mix=require_mix)
    assert thresholds.open_slots(series, settings).tolist() == slots
