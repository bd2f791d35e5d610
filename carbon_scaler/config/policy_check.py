"""A policy directory read as a server would, on a machine that need not have its secrets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from carbon_scaler.config.backlogs_file import read_backlogs
from carbon_scaler.config.policy_directory import BACKLOGS, SOURCES
from carbon_scaler.config.policy_files import PolicyFiles, read_policy
from carbon_scaler.config.sources_file import read_sources

_FILE = "_FILE"
# Passes for the value of either kind of variable; nobody connects to it.
_STAND_IN = "postgresql://unset.invalid/"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CheckedPolicy:
    """All documents of a directory, none of them refused."""

    files: PolicyFiles
    backlogs: tuple[str, ...]
    sources: tuple[str, ...]
    warnings: tuple[str, ...]


def check_policy(directory: Path, environment: Mapping[str, str]) -> CheckedPolicy:
    """Raises the first complaint; a variable that is not set here is a warning."""
    files = read_policy(directory)
    for_backlogs, for_sources = _FilledIn(environment), _FilledIn(environment)
    backlogs = read_backlogs(directory, for_backlogs)
    sources = read_sources(directory, for_sources, files.catalog)
    return CheckedPolicy(
        files=files,
        backlogs=tuple(each.name for each in backlogs),
        sources=tuple(each.name for each in sources),
        warnings=(
            *files.warnings,
            *(_unset(BACKLOGS, name) for name in for_backlogs.missing),
            *(_unset(SOURCES, name) for name in for_sources.missing),
        ),
    )


def _unset(document: str, variable: str) -> str:
    return f"{document}: the environment variable {variable} is not set here; the server needs it"


class _FilledIn(Mapping[str, str]):
    """The environment, with a stand-in for each variable that is asked for and not set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.missing: dict[str, None] = {}

    def __getitem__(self, name: str) -> str:
        stated = self._environment.get(name)
        if stated:
            return stated
        asked_before = name.endswith(_FILE) and name.removesuffix(_FILE) in self.missing
        if asked_before or self._environment.get(name + _FILE):
            raise KeyError(name)
        self.missing[name] = None
        return _STAND_IN

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)
