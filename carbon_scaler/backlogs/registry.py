"""Each backlog gets the source of its kind."""

from collections.abc import Iterable
from typing import assert_never

from carbon_scaler.application.backlog_settings import BacklogKind, BacklogSettings
from carbon_scaler.backlogs.postgres import PostgresBacklog


def backlog_sources(settings: Iterable[BacklogSettings]) -> tuple[PostgresBacklog, ...]:
    """The sources of these backlogs; none is asked yet."""
    return tuple(_source(backlog) for backlog in settings)


def _source(backlog: BacklogSettings) -> PostgresBacklog:
    match backlog.kind:
        case BacklogKind.POSTGRES:
            return PostgresBacklog(backlog)
        case _:
            assert_never(backlog.kind)
