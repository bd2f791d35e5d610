"""What the policy directory configures, read as one."""

from collections.abc import Mapping

from carbon_scaler.application.backlog_settings import BacklogSettings
from carbon_scaler.application.rulebook import Rulebook
from carbon_scaler.backlogs.postgres import PostgresBacklog
from carbon_scaler.backlogs.registry import backlog_sources
from carbon_scaler.config.backlogs_file import read_backlogs
from carbon_scaler.config.policy_files import read_policy
from carbon_scaler.config.settings import Settings


def configured_backlogs(
    settings: Settings, environment: Mapping[str, str]
) -> tuple[BacklogSettings, ...]:
    """The backlogs of the policy directory; without one there are none."""
    if settings.policy_dir is None:
        return ()
    return read_backlogs(settings.policy_dir, environment)


def read_rulebook(settings: Settings, environment: Mapping[str, str]) -> Rulebook:
    """All that triggers are resolved against."""
    files = read_policy(settings.policy_dir)
    return Rulebook(
        policy=files.policy,
        catalog=files.catalog,
        backlogs=configured_backlogs(settings, environment),
        documents=files.documents,
        warnings=files.warnings,
        states_residency=files.states_residency,
    )


class OpenedBacklogs:
    """The sources of configured backlogs; one that is configured as before stays the same."""

    def __init__(self) -> None:
        self._opened: dict[BacklogSettings, PostgresBacklog] = {}

    def sources_of(self, rulebook: Rulebook) -> tuple[PostgresBacklog, ...]:
        """The sources of this rulebook's backlogs."""
        new = [each for each in rulebook.backlogs if each not in self._opened]
        opened = self._opened | dict(zip(new, backlog_sources(new), strict=True))
        self._opened = {each: opened[each] for each in rulebook.backlogs}
        return tuple(self._opened.values())
