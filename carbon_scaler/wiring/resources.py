"""What the policy directory configures beside the grid."""

from collections.abc import Mapping

from carbon_scaler.application.backlog_settings import BacklogSettings
from carbon_scaler.config.backlogs_file import read_backlogs
from carbon_scaler.config.settings import Settings


def configured_backlogs(
    settings: Settings, environment: Mapping[str, str]
) -> tuple[BacklogSettings, ...]:
    """The backlogs of the policy directory; without one there are none."""
    if settings.policy_dir is None:
        return ()
    return read_backlogs(settings.policy_dir, environment)
