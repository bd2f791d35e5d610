"""What a class may state is what a trigger may state, within the same bounds."""

from pathlib import Path

import pytest

from carbon_scaler.config.documents.bands import BandsDocument
from carbon_scaler.config.documents.classes import read_classes
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.yaml_document import PolicyFileError, YamlDocument
from carbon_scaler.domain.policy import SETTING_NAMES
from carbon_scaler.keda.metadata import SETTING_KEYS, parse_trigger

DURATIONS = ("12h", "90m", "45s", "1d", "PT12H30M", "90", "0", "0s", "366d", "367d", "5 m", "-1h")
PERCENTS = ("0", "0.5", "30", "100", "100.01", "-1", "30%", "nan", "ten")
CURVES = ("150:1,400:0", "150:0,400:1", "150:1", "400", "150:1,150:0", "1:1,10001:0", "1:2,2:0")
SAID = {
    "threshold": ("0", "0.1", "250", "1e3", "10000", "10000.1", "-5", "250g", "inf"),
    "minRenewablePercent": PERCENTS,
    "requireMix": ("true", "false", "maybe"),
    "maxDelay": DURATIONS,
    "minSavingsPercent": PERCENTS,
    "jobDuration": DURATIONS,
    "strategy": ("auto", "threshold", "quantile", "forecast", "curve", "best"),
    "lead": DURATIONS,
    "release": DURATIONS,
    "whenBlind": ("open", "closed", "error", "shut"),
    "quantilePercent": PERCENTS,
    "quantileWindow": ("1d", "23h", "24h", "8d", "193h", "7d"),
    "curve": CURVES,
    "jobEnergyKwh": ("0", "0.001", "7.5", "1000000", "1000001", "-1", "5 kWh"),
    "spread": ("0", "0s", "20m", "1h", "61m", "-1m", "soon"),
}


def by_trigger(key: str, text: str) -> object:
    """The setting, or None where it is refused."""
    trigger = parse_trigger("batch", "embeddings", {key: text})
    return None if trigger.problems else getattr(trigger.stated, SETTING_KEYS[key][0])


def by_class(key: str, text: str) -> object:
    said = {"true": True, "false": False}.get(text, text)
    value = {"classes": {"training": {SETTING_KEYS[key][0]: said}}}
    document = YamlDocument(file=Path("workload-policies.yaml"), value=value, lines={})
    try:
        classes = read_classes(document, load_catalog(), BandsDocument())
    except PolicyFileError:
        return None
    return getattr(classes["training"].stated, SETTING_KEYS[key][0])


def test_values_are_compared_for_every_setting():
    assert set(SAID) == set(SETTING_KEYS)
    assert {SETTING_KEYS[key][0] for key in SAID} == set(SETTING_NAMES)


@pytest.mark.parametrize(
    ("key", "text"), [(key, text) for key, all_ in SAID.items() for text in all_]
)
def test_a_class_takes_what_a_trigger_takes_and_means_the_same(key: str, text: str):
    assert by_class(key, text) == by_trigger(key, text)


@pytest.mark.parametrize("key", SAID)
def test_some_values_are_taken_and_some_refused(key: str):
    taken = {by_trigger(key, text) is not None for text in SAID[key]}

    assert taken == {True, False}
