"""The jobs that ran, by the operator's own query on a PostgreSQL server of his."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import asyncpg

from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.storage.pool import failures_explained, first_line, open_connection, server_name

QUERY_TIMEOUT = timedelta(minutes=5)
# Rows that are on their way at a time.
FETCHED_AT_ONCE = 10_000
MINUTE = timedelta(minutes=1)

_NUMBERS = ("int2", "int4", "int8", "float4", "float8", "numeric")
_TEXTS = ("text", "varchar", "bpchar", "name", "uuid")
_SPANS = (*_NUMBERS, "interval")
# The server's words for the types that a column may have, and ours.
_TYPES: Mapping[str, tuple[Sequence[str], str]] = {
    "id": ((*_TEXTS, *_NUMBERS), "text or a number"),
    "submitted_at": (("timestamptz",), "timestamptz"),
    "duration_minutes": (_SPANS, "a number of minutes or an interval"),
    "energy_kwh": (_NUMBERS, "a number"),
    "workload_class": (_TEXTS, "text"),
    "max_delay_minutes": (_SPANS, "a number of minutes or an interval"),
    "regions": ((*_TEXTS, "text[]", "varchar[]"), "text or an array of text"),
}
_NEEDED = ("id", "submitted_at")


class JobQueryError(CarbonScalerError):
    """The query yields no jobs; the message begins with its file, and the line if one is to blame."""


async def job_rows(url: str, query: str, *, file: str) -> AsyncGenerator[Mapping[str, str], None]:
    """The cells of each job as text; in a transaction that can't write, row by row."""
    async with open_connection(url, statement_timeout=QUERY_TIMEOUT) as connection:
        with failures_explained(server_name(url)), _blamed_on_query(query, file):
            async with connection.transaction(readonly=True):
                statement = await connection.prepare(query)
                names = _checked(statement.get_attributes(), file)
                async for row in statement.cursor(prefetch=FETCHED_AT_ONCE):
                    yield dict(zip(names, map(_text, row.values()), strict=True))


def _checked(columns: Sequence[asyncpg.Attribute], file: str) -> list[str]:
    """Their names, once each has a type that can be read."""
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise JobQueryError(f"{file}: the query yields {name} twice; keep one")
        if name not in _TYPES:
            raise JobQueryError(
                f"{file}: the query yields {name}, which is no column of jobs; "
                f"{allowed_names(name, _TYPES)}"
            )
    for name in _NEEDED:
        if name not in names:
            yields = ", ".join(names) or "no columns"
            raise JobQueryError(f"{file}: the query yields no {name} (it yields {yields})")
    for column in columns:
        _refuse_type(column.name, column.type.name, file)
    return names


def _refuse_type(name: str, type_name: str, file: str) -> None:
    allowed, words = _TYPES[name]
    if type_name in allowed:
        return
    remedy = (
        f"if it is UTC, select {name} AT TIME ZONE 'UTC' AS {name}"
        if (name, type_name) == ("submitted_at", "timestamp")
        else f"cast it in the query, like {name}::{allowed[0]}"
    )
    raise JobQueryError(f"{file}: {name} is of type {type_name}, not {words}; {remedy}")


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat()
        case timedelta():
            return repr(value / MINUTE)
        case list():
            return "|".join(map(str, value))
        case _:
            return str(value).strip()


@contextmanager
def _blamed_on_query(query: str, file: str) -> Iterator[None]:
    """What the server says of the query, as an error that names its line."""
    try:
        yield
    except asyncpg.QueryCanceledError as error:
        raise JobQueryError(
            f"{file}: the query took over {format_duration(QUERY_TIMEOUT)}; narrow it, or index "
            "what it sorts by"
        ) from error
    except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
        raise
    except asyncpg.PostgresError as error:
        place = _place(query, error)
        raise JobQueryError(f"{file}{place}: the server refused it: {first_line(error)}") from error


def _place(query: str, error: asyncpg.PostgresError) -> str:
    position = getattr(error, "position", None)
    if position is None:
        return ""
    before = query[: int(position) - 1]
    return f": line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"
