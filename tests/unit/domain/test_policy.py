from dataclasses import astuple
from datetime import timedelta

import pytest

from carbon_scaler.domain.policy import (
    BUILT_IN_POLICY,
    DEFAULT_CLASS,
    NOTHING_STATED,
    SETTING_NAMES,
    Settings,
    Strategy,
    WhenBlind,
)
from tests.builders import HOUR, MINUTE, some_settings


def test_there_are_three_built_in_classes_and_the_default_is_one_of_them():
    assert set(BUILT_IN_POLICY.classes) == {"urgent", "standard", "deferrable"}
    assert DEFAULT_CLASS == "standard"


@pytest.mark.parametrize(
    ("name", "threshold", "renewables", "max_delay", "when_blind"),
    [
        ("standard", 400.0, None, 60 * MINUTE, WhenBlind.OPEN),
        ("deferrable", 250.0, 30.0, 12 * HOUR, WhenBlind.CLOSED),
    ],
)
def test_a_built_in_class_sets_its_own_limits(
    *,
    name: str,
    threshold: float,
    renewables: float | None,
    max_delay: timedelta,
    when_blind: WhenBlind,
):
    settings = some_settings(name)
    assert settings.threshold == threshold
    assert settings.min_renewable_percent == renewables
    assert settings.max_delay == max_delay
    assert settings.when_blind is when_blind
    assert not BUILT_IN_POLICY.classes[name].urgent


def test_the_urgent_class_allows_no_delay_at_all():
    urgent = BUILT_IN_POLICY.classes["urgent"]
    assert urgent.urgent
    assert urgent.stated.max_delay == 0 * MINUTE


def test_the_common_defaults_hold_where_a_class_is_silent():
    defaults = BUILT_IN_POLICY.defaults
    assert defaults.job_duration == HOUR
    assert defaults.min_savings_percent == 0.0
    assert defaults.lead == MINUTE
    assert defaults.strategy is Strategy.AUTO
    assert defaults.require_mix is False


def test_a_class_that_states_nothing_is_like_the_standard_one():
    standard = BUILT_IN_POLICY.classes["standard"].stated
    for name in ("threshold", "max_delay", "when_blind"):
        assert getattr(BUILT_IN_POLICY.defaults, name) == getattr(standard, name)


def test_the_defaults_leave_only_what_may_be_absent_or_follows_from_others():
    silent = {name for name in SETTING_NAMES if getattr(BUILT_IN_POLICY.defaults, name) is None}
    assert silent == {"min_renewable_percent", "release", "curve", "spread"}


def test_whatever_can_be_stated_is_a_setting_and_the_reverse():
    assert set(SETTING_NAMES) == set(Settings.__dataclass_fields__)
    assert set(astuple(NOTHING_STATED)) == {None}
