"""Policy documents as tests write, read and check them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from carbon_scaler.config.backlogs_file import read_backlogs
from carbon_scaler.config.policy_files import PolicyFiles, read_policy
from carbon_scaler.config.sources_file import read_sources

URL = "postgresql://user:secret@db.example/queue"
VARIABLES = {"QUEUE_DATABASE_URL": URL, "METER_TOKEN": "token"}


class _AsEditors(yaml.SafeLoader):
    """YAML as editors take it: a date is a text."""


_AsEditors.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def as_editors_see(text: str) -> Any:
    return yaml.load(text, _AsEditors)


def read_all(directory: Path, variables: Mapping[str, str] = VARIABLES) -> PolicyFiles:
    """Everything that a server reads at its start."""
    files = read_policy(directory)
    read_backlogs(directory, variables)
    read_sources(directory, variables, files.catalog)
    return files
