"""backlogs.yaml: which backlogs there are and how to read them."""

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from carbon_scaler.application.backlog_settings import BacklogKind, BacklogSettings
from carbon_scaler.config.documents.words import check_name
from carbon_scaler.config.policy_directory import BACKLOGS, policy_documents
from carbon_scaler.config.yaml_document import YamlDocument, read_yaml
from carbon_scaler.config.yaml_schema import (
    Duration,
    StrictModel,
    VariableName,
    entries,
    matching,
    read_as,
)
from carbon_scaler.domain.durations import DURATION_FORMS, format_duration

__all__ = ["BacklogSettings", "read_backlogs"]

LONGEST_REFRESH = timedelta(hours=1)
LONGEST_TIMEOUT = timedelta(seconds=60)  # KEDA's first call may wait that long
LONGEST_AGE = timedelta(days=1)
MOST_ROWS = 1_000_000

_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def _bounded(duration: timedelta, *, longest: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= duration <= longest:
        raise ValueError
    return duration


def _query(text: str) -> str:
    # A lone surrogate, which YAML can spell, fails to encode: that is a ValueError too.
    if not text.strip() or b"\0" in text.encode():
        raise ValueError
    return text


def _between(longest: timedelta) -> AfterValidator:
    return AfterValidator(partial(_bounded, longest=longest))


class BacklogModel(StrictModel):
    """One entry, as it is written."""

    kind: Literal["postgres"]
    url_env: VariableName
    query: Annotated[str, AfterValidator(_query)]
    refresh: Annotated[Duration, _between(LONGEST_REFRESH)] = timedelta(seconds=5)
    timeout: Annotated[Duration, _between(LONGEST_TIMEOUT)] = timedelta(seconds=2)
    max_age: Annotated[Duration, _between(LONGEST_AGE)] = timedelta(seconds=60)
    namespaces: Annotated[
        list[Annotated[str, matching(_NAMESPACE)]],
        Field(min_length=1),
    ] = Field(default_factory=list)
    max_rows: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 100_000
    starts_per_minute: Annotated[int, Field(ge=1, le=MOST_ROWS)] | None = None


def _allowed_duration(longest: timedelta) -> str:
    return f"a duration from 1s to {format_duration(longest)}, written {DURATION_FORMS}"


ALLOWED: Mapping[str, str] = {
    "kind": "this version only has postgres",
    "url_env": "the name of the environment variable that holds the server's URL",
    "query": "one SELECT that yields enqueued_at",
    "refresh": _allowed_duration(LONGEST_REFRESH),
    "timeout": _allowed_duration(LONGEST_TIMEOUT),
    "max_age": _allowed_duration(LONGEST_AGE),
    "namespaces": "a list of the namespaces that may use it; leave it out for all",
    "max_rows": f"a whole number from 1 to {MOST_ROWS:,}",
    "starts_per_minute": f"a whole number from 1 to {MOST_ROWS:,}; the query must yield started_at",
}


def read_backlogs(directory: Path, environment: Mapping[str, str]) -> tuple[BacklogSettings, ...]:
    """The backlogs of this policy directory; without backlogs.yaml there are none."""
    file = policy_documents(directory).get(BACKLOGS)
    if file is None:
        return ()
    document = read_yaml(file)
    found = []
    for name, value in entries(document, "backlogs"):
        path = ("backlogs", name)
        check_name(document, path)
        # Who confuses the two writes the URL itself, with its password, in place of its variable.
        written = read_as(BacklogModel, document, path, value, allowed=ALLOWED, unsaid=("url_env",))
        found.append(_settings(name, written, document, environment))
    return tuple(found)


def _settings(
    name: str, written: BacklogModel, document: YamlDocument, environment: Mapping[str, str]
) -> BacklogSettings:
    _check_age(name, written, document)
    return BacklogSettings(
        name=name,
        kind=BacklogKind(written.kind),
        url_env=written.url_env,
        url=_url(name, written, document, environment),
        query=written.query,
        refresh=written.refresh,
        timeout=written.timeout,
        max_age=written.max_age,
        namespaces=frozenset(written.namespaces) or None,
        max_rows=written.max_rows,
        starts_per_minute=written.starts_per_minute,
    )


def _check_age(name: str, written: BacklogModel, document: YamlDocument) -> None:
    shortest = written.refresh + written.timeout
    if written.max_age < shortest:
        raise document.error(
            ("backlogs", name, "max_age"),
            f"backlogs.{name}.max_age: {format_duration(written.max_age)} is over before the next "
            f"reading; at least refresh plus timeout ({format_duration(shortest)})",
        )


def _url(
    name: str, written: BacklogModel, document: YamlDocument, environment: Mapping[str, str]
) -> str:
    url = environment.get(written.url_env, "").strip()
    if not url:
        wrong = "is not set"
    elif not url.startswith(("postgres://", "postgresql://")):
        wrong = "does not begin with postgresql://"
    else:
        return url
    raise document.error(
        ("backlogs", name, "url_env"),
        f"backlogs.{name}.url_env: the environment variable {written.url_env} {wrong}; "
        "set it to postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
    )
