"""Which database and which data a command works on."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from carbon_scaler.application.backlog_settings import BacklogSettings
from carbon_scaler.config.backlogs_file import read_backlogs
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.settings import Settings, SettingsError
from carbon_scaler.domain.regions import split_region
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.providers.replay import ReplaySource
from carbon_scaler.providers.replay_file import read_replay_file, shipped_year
from carbon_scaler.storage.databases import REPLAY_DATABASE, ensure_database
from carbon_scaler.storage.embedded import embedded_postgres, running_server
from carbon_scaler.storage.pool import DatabaseUnreachableError


def required_database(settings: Settings, command: str) -> str:
    """The given database of a command that does not embed one."""
    if settings.database_url is None:
        raise SettingsError(
            f"DATABASE_URL is not set; {command} needs one, like "
            "postgresql://user:password@host:5432/carbon (`carbon-scaler run` brings its own)"
        )
    return settings.database_url


@asynccontextmanager
async def replay_database(settings: Settings) -> AsyncIterator[str]:
    """The database of replayed data, on the given server or on the embedded one."""
    if settings.database_url is not None:
        yield await ensure_database(settings.database_url, REPLAY_DATABASE)
        return
    async with embedded_postgres(settings.data_dir) as server:
        yield await ensure_database(server.url("postgres"), REPLAY_DATABASE)


def reachable_database(settings: Settings) -> str:
    """The database of a command that looks: DATABASE_URL, else the running embedded server's."""
    if settings.database_url is not None:
        return settings.database_url
    server = running_server(settings.data_dir)
    if server is None:
        raise DatabaseUnreachableError(
            f"no embedded Postgres runs in {settings.data_dir}; start `carbon-scaler run`, "
            "or set DATABASE_URL"
        )
    return server.url(REPLAY_DATABASE)


def configured_backlogs(
    settings: Settings, environment: Mapping[str, str]
) -> tuple[BacklogSettings, ...]:
    """The backlogs of the policy directory; without one there are none."""
    if settings.policy_dir is None:
        return ()
    return read_backlogs(settings.policy_dir, environment)


def replay_source(settings: Settings, *, now: datetime) -> ReplaySource:
    """The replayed year, the shipped one or the user's, of the regions that are wanted."""
    year = (
        shipped_year() if settings.replay_file is None else read_replay_file(settings.replay_file)
    )
    known = {*load_catalog(), *year.regions}
    for region in settings.regions:
        if split_region(region)[1] not in known:
            raise SettingsError(
                f'CARBON_SCALER_REGIONS: "{region}" is not known; {allowed_names(region, known)}'
            )
    return ReplaySource(
        year=year, speed=settings.replay_speed, started_at=now, regions=settings.regions or None
    )


def replay_label(settings: Settings) -> str:
    """What is replayed, as every output says it."""
    what = "the shipped year 2022" if settings.replay_file is None else str(settings.replay_file)
    pace = "" if settings.replay_speed == 1 else f" at {settings.replay_speed:g} times wall speed"
    return f"replayed data, not live: {what}{pace}"
