"""backlogs.yaml: which backlogs there are and how to read them."""

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from carbon_scaler.application.backlog_settings import BacklogKind, BacklogSettings
from carbon_scaler.config.policy_directory import BACKLOGS, policy_documents
from carbon_scaler.config.yaml_document import KeyPath, PolicyFileError, YamlDocument, read_yaml
from carbon_scaler.domain.durations import DURATION_FORMS, format_duration, parse_duration
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import Problem, quoted

__all__ = ["BacklogSettings", "read_backlogs"]

LONGEST_REFRESH = timedelta(hours=1)
LONGEST_TIMEOUT = timedelta(seconds=60)  # KEDA's first call may wait that long
LONGEST_AGE = timedelta(days=1)
MOST_ROWS = 1_000_000

# As triggers may write it.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", re.ASCII)
_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}", re.ASCII)


def _duration(value: object, *, longest: timedelta) -> object:
    written = isinstance(value, str | int) and not isinstance(value, bool)
    duration = parse_duration(str(value)) if written else None
    if duration is None or not timedelta(seconds=1) <= duration <= longest:
        raise ValueError
    return duration


def _matching(text: str, *, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        raise ValueError
    return text


def _query(text: str) -> str:
    # A lone surrogate, which YAML can spell, fails to encode: that is a ValueError too.
    if not text.strip() or b"\0" in text.encode():
        raise ValueError
    return text


def _between(longest: timedelta) -> BeforeValidator:
    return BeforeValidator(partial(_duration, longest=longest))


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Backlog(_Strict):
    kind: Literal["postgres"]
    url_env: Annotated[str, AfterValidator(partial(_matching, pattern=_VARIABLE))]
    query: Annotated[str, AfterValidator(_query)]
    refresh: Annotated[timedelta, _between(LONGEST_REFRESH)] = timedelta(seconds=5)
    timeout: Annotated[timedelta, _between(LONGEST_TIMEOUT)] = timedelta(seconds=2)
    max_age: Annotated[timedelta, _between(LONGEST_AGE)] = timedelta(seconds=60)
    namespaces: Annotated[
        list[Annotated[str, AfterValidator(partial(_matching, pattern=_NAMESPACE))]],
        Field(min_length=1),
    ] = []
    max_rows: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 100_000


class _File(_Strict):
    backlogs: dict[Annotated[str, AfterValidator(partial(_matching, pattern=_NAME))], _Backlog]


def _allowed_duration(longest: timedelta) -> str:
    return f"a duration from 1s to {format_duration(longest)}, written {DURATION_FORMS}"


ALLOWED: Mapping[str, str] = {
    "backlogs": "a mapping of NAME: {kind, url_env, query, …}",
    "kind": "this version only has postgres",
    "url_env": "the name of the environment variable that holds the server's URL",
    "query": "one SELECT that yields enqueued_at",
    "refresh": _allowed_duration(LONGEST_REFRESH),
    "timeout": _allowed_duration(LONGEST_TIMEOUT),
    "max_age": _allowed_duration(LONGEST_AGE),
    "namespaces": "a list of the namespaces that may use it; leave it out for all",
    "max_rows": f"a whole number from 1 to {MOST_ROWS:,}",
}
NAME_ALLOWED = "a name of letters, digits and . _ : - up to 100 long"


def read_backlogs(directory: Path, environment: Mapping[str, str]) -> tuple[BacklogSettings, ...]:
    """The backlogs of this policy directory; without backlogs.yaml there are none."""
    file = policy_documents(directory).get(BACKLOGS)
    if file is None:
        return ()
    document = read_yaml(file)
    if not isinstance(document.value, dict | None):
        raise document.error((), "is not a mapping; begin it with backlogs:")
    # All entries commented out leave nothing.
    if not document.value or document.value == {"backlogs": None}:
        return ()
    try:
        parsed = _File.model_validate(document.value)
    except ValidationError as error:
        raise _first_problem(document, error) from None
    return tuple(
        _settings(name, written, document, environment) for name, written in parsed.backlogs.items()
    )


def _settings(
    name: str, written: _Backlog, document: YamlDocument, environment: Mapping[str, str]
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
    )


def _check_age(name: str, written: _Backlog, document: YamlDocument) -> None:
    shortest = written.refresh + written.timeout
    if written.max_age < shortest:
        raise document.error(
            ("backlogs", name, "max_age"),
            f"backlogs.{name}.max_age: {format_duration(written.max_age)} is over before the next "
            f"reading; at least refresh plus timeout ({format_duration(shortest)})",
        )


def _url(
    name: str, written: _Backlog, document: YamlDocument, environment: Mapping[str, str]
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


def _first_problem(document: YamlDocument, error: ValidationError) -> PolicyFileError:
    """One problem of all: another kind or a misspelt key explains what else seems wrong."""

    def rank(detail: ErrorDetails) -> tuple[int, int]:
        path = _path(detail)
        explains = path[-1] == "kind" or detail["type"] == "extra_forbidden"
        return (0 if explains else 1, document.line_of(path) or 0)

    details = sorted(error.errors(include_url=False), key=rank)
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    path = _path(details[0])
    return document.error(path, _text(details[0], path) + more)


def _path(detail: ErrorDetails) -> KeyPath:
    return tuple(part for part in detail["loc"] if part != "[key]")


def _text(detail: ErrorDetails, path: KeyPath) -> str:
    key = _dotted(path)
    if detail["type"] == "extra_forbidden":
        # Not its value: who writes `url:` writes a password.
        siblings = _File.model_fields if len(path) == 1 else _Backlog.model_fields
        return f"{key}: unknown key; {allowed_names(str(path[-1]), siblings)}"
    if detail["type"] == "missing":
        return str(Problem(key=key, said=None, allowed=ALLOWED[str(path[-1])]))
    if len(path) == len(("backlogs", "NAME")):
        is_name = detail["loc"][-1] == "[key]"
        return f"{key}: {NAME_ALLOWED if is_name else ALLOWED['backlogs']}"
    field = str(path[0] if len(path) == 1 else path[2])
    if field == "url_env":
        # Not its value: who confuses the two writes the URL itself, with its password.
        return f"{key}: is not the name of a variable; {ALLOWED[field]}"
    return str(Problem(key=key, said=_said(detail["input"]), allowed=ALLOWED[field]))


def _dotted(path: KeyPath) -> str:
    return ".".join(quoted(str(part), 100)[1:-1] for part in path)


def _said(value: object) -> str:
    match value:
        case str() | int() | float():
            return str(value)
        case None:
            return ""
        case dict():
            return "a mapping"
        case _:
            return "a list"
