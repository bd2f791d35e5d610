"""The page on the policy: complete, and what it shows can be used as it stands."""

import re
from pathlib import Path

import pytest
import yaml

from carbon_scaler.cli.policy import app
from carbon_scaler.config.policy_directory import DOCUMENTS
from carbon_scaler.config.policy_files import read_policy
from carbon_scaler.domain.residency import Level

PAGE = Path(__file__).parents[3] / "docs" / "policy" / "README.md"
TEXT = PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_each_document_is_named_with_a_page_of_its_own(name: str):
    (target,) = re.findall(rf"^\| \[`{re.escape(name)}`\]\(([^)#]+)[^)]*\)", TEXT, re.MULTILINE)

    assert (PAGE.parent / target).is_file()


def test_each_command_is_shown():
    for command in app.registered_commands:
        assert f"carbon-scaler policy {command.name} " in TEXT


def test_the_config_map_is_a_policy(tmp_path: Path):
    blocks = re.findall(r"```yaml\n(apiVersion.*?)```", TEXT, re.DOTALL)
    (manifest,) = map(yaml.safe_load, blocks)
    for name, text in manifest["data"].items():
        (tmp_path / name).write_text(text)

    policy = read_policy(tmp_path).policy

    assert policy.classes["standard"].stated.threshold == 400
    assert policy.defaults.min_savings_percent == 5
    assert policy.residency.tenants["acme"].level is Level.EU_STRICT
