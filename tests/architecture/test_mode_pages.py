"""The pages on modes and on converting: what they show is taken, and the examples are there."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from carbon_scaler.config.backlogs_file import read_backlogs
from carbon_scaler.decisions.resolve import AVAILABLE_MODES
from carbon_scaler.keda.metadata import parse_trigger

DOCS = Path(__file__).parents[2] / "docs"
CONVERTING = (DOCS / "converting.md").read_text()
BLOCKS = re.findall(r"^( *)```yaml\n(.*?)^ *```", CONVERTING, re.DOTALL | re.MULTILINE)
DOCUMENTS: list[Any] = [yaml.safe_load(text) for _, text in BLOCKS]
OURS = [
    trigger["metadata"]
    for document in DOCUMENTS
    for trigger in document.get("triggers", ())
    if trigger["type"] == "external"
]


@pytest.mark.parametrize("mode", AVAILABLE_MODES)
def test_every_mode_has_a_page_with_an_example_that_is_there(mode: str):
    page = DOCS / "modes" / f"{mode}.md"
    examples = re.findall(r"\]\((\.\./\.\./deploy/examples/[^)]+\.yaml)\)", page.read_text())

    assert examples
    for example in examples:
        assert (page.parent / example).exists(), example


def test_the_page_on_converting_shows_triggers_that_are_taken():
    triggers = [parse_trigger("batch", "work", metadata) for metadata in OURS]

    assert [trigger.problems + trigger.warnings for trigger in triggers] == [()] * len(OURS)
    assert {str(trigger.mode) for trigger in triggers} == {"None", "brake"}, (
        "a queue by its backlog"
    )


def test_the_page_on_converting_shows_a_backlog_that_is_taken(tmp_path: Path):
    [document] = [each for each in DOCUMENTS if "backlogs" in each]
    (tmp_path / "backlogs.yaml").write_text(yaml.safe_dump(document))

    url = {"QUEUE_DATABASE_URL": "postgresql://queue@db/queue"}
    [backlog] = read_backlogs(tmp_path, url)

    assert backlog.name in {metadata.get("backlog") for metadata in OURS}
