"""scheduler-config.yaml becomes the switch, the defaults and the weights."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from carbon_scaler.config.documents.bands import BandsDocument
from carbon_scaler.config.documents.scheduler import SchedulerDocument, read_scheduler
from carbon_scaler.config.yaml_document import PolicyFileError, read_yaml
from carbon_scaler.domain.policy import BUILT_IN_POLICY, Weights

BUILT_IN = SchedulerDocument(
    enabled=True, defaults=BUILT_IN_POLICY.defaults, weights=BUILT_IN_POLICY.weights
)


def read(directory: Path, text: str) -> SchedulerDocument:
    file = directory / "scheduler-config.yaml"
    file.write_text(text)
    return read_scheduler(read_yaml(file), BandsDocument())


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "enabled:\ndefaults:\nweights:\n", "defaults: {}\n", "{}"]
)
def test_a_document_that_states_nothing_leaves_what_is_built_in(tmp_path: Path, text: str):
    assert read(tmp_path, text) == BUILT_IN


def test_defaults_are_laid_over_the_built_in_ones_key_by_key(tmp_path: Path):
    document = read(tmp_path, "defaults: {max_delay: 4h, threshold: clean}")

    assert document.defaults == replace(
        BUILT_IN_POLICY.defaults, max_delay=timedelta(hours=4), threshold=200.0
    )
    assert document.enabled


def test_it_can_be_switched_off(tmp_path: Path):
    assert not read(tmp_path, "enabled: off").enabled


def test_weights_are_read_as_a_pair(tmp_path: Path):
    assert read(tmp_path, "weights: {carbon: 0.7, cost: 0.3}").weights == Weights(
        carbon=0.7, cost=0.3
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("enable: false\n", '1: enable: unknown key; did you mean "enabled"? one of defaults, enabled, weights'),
        ("enabled: 0\n", '1: enabled: "0" is not allowed; true or false'),
        ("enabled: nein\n", '1: enabled: "nein" is not allowed; true or false'),
        ("defaults: 400\n", '1: defaults: "400" is not allowed; a mapping of settings, like {max_delay: 4h}'),
        ("defaults:\n  max_delay: 4 h\n", '2: defaults.max_delay: "4 h" is not allowed; a duration, written 12h'),
        ("defaults:\n  maxdelay: 4h\n", '2: defaults.maxdelay: unknown key; did you mean "max_delay"? one of '),
        ("defaults:\n  urgent: true\n", "2: defaults.urgent: unknown key; one of "),
        ("defaults:\n  preferred_regions: []\n", "2: defaults.preferred_regions: unknown key; one of "),
        ("defaults:\n  lead:\n", '2: defaults.lead: "" is not allowed; a duration'),
        ("defaults:\n  threshold: dirty\n", '2: defaults.threshold: "dirty" is no band; a number above 0'),
        ("weights: 1\n", '1: weights: "1" is not allowed; a mapping of both, like {carbon: 0.7, cost: 0.3}'),
        ("weights: {carbon: 0.7}\n", "1: weights.cost: is missing; a number from 0 to 1; carbon and cost are 1 together"),
        ("weights:\n  carbon: 1.1\n  cost: 0\n", '2: weights.carbon: "1.1" is not allowed; a number from 0 to 1'),
        ("weights:\n  carbon: -0.1\n  cost: 1\n", '2: weights.carbon: "-0.1" is not allowed; a number from 0 to 1'),
        ("enabled: true\nweights: {carbon: 0.7, cost: 0.4}\n", "2: weights: carbon and cost are 1.1 together; make it 1"),
        ("weights: {carbon: .nan, cost: 1}\n", '1: weights.carbon: ".nan" is not allowed; a number from 0 to 1'),
        ("weights: {carbon: 1, cost: 0, latency: 0}\n", "1: weights.latency: unknown key; one of carbon, cost"),
        ("just text\n", " is not a mapping; begin it with enabled: or defaults: or weights:"),
        ("enabled: true\nenabled: false\n", '2: the key "enabled" occurs twice; keep one'),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, says: str):
    with pytest.raises(PolicyFileError) as raised:
        read(tmp_path, text)

    line = str(raised.value).removeprefix(f"{tmp_path}/scheduler-config.yaml:")
    assert line.startswith(says)
