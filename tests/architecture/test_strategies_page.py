"""docs/strategies.md has examples that are taken as they stand."""

import re
from pathlib import Path

import pytest
import yaml

from carbon_scaler.domain.policy import Strategy
from carbon_scaler.keda.metadata import parse_trigger

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "strategies.md").read_text()
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
TRIGGERS = [example for example in EXAMPLES if "strategy" in example]


def test_every_strategy_has_an_example():
    assert {example["strategy"] for example in TRIGGERS} == set(Strategy)


@pytest.mark.parametrize("metadata", TRIGGERS, ids=lambda example: example["strategy"])
def test_the_metadata_of_an_example_are_taken_without_a_word(metadata: dict[str, str]):
    trigger = parse_trigger("batch", "embeddings", metadata)
    assert (trigger.problems, trigger.warnings) == ((), ())
