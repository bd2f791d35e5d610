"""Where work waits, as the operator wrote it."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class BacklogKind(StrEnum):
    """What is asked."""

    POSTGRES = "postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogSettings:
    """One backlog of backlogs.yaml."""

    name: str
    kind: BacklogKind
    url_env: str
    url: str = field(repr=False)  # holds a password
    query: str
    refresh: timedelta = timedelta(seconds=5)
    timeout: timedelta = timedelta(seconds=2)
    max_age: timedelta = timedelta(seconds=60)
    namespaces: frozenset[str] | None = None  # None is all of them
    max_rows: int = 100_000
    starts_per_minute: int | None = None  # None is as many as may
