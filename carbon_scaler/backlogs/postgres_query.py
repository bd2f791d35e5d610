"""A backlog's query becomes one row of packed columns.

The server packs them: so a long queue costs the event loop next to nothing, and what else the query
yields, like payloads, does not travel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from carbon_scaler.domain.backlog import Items, phases_or
from carbon_scaler.domain.columns import Column

# The server's words for the types that a column may have; None allows any.
ALLOWED_TYPES: Mapping[str, Mapping[str, str] | None] = {
    "enqueued_at": {"timestamptz": "extract(epoch FROM enqueued_at)"},
    "deadline_at": {"timestamptz": "extract(epoch FROM deadline_at)"},
    "duration": {
        "interval": "extract(epoch FROM duration)",
        **dict.fromkeys(
            ("int2", "int4", "int8", "float4", "float8", "numeric"), "duration::float8 * 60"
        ),
    },
    "started_at": None,
    "id": None,
}
_IN_WORDS: Mapping[str, str] = {
    "enqueued_at": "timestamptz",
    "deadline_at": "timestamptz",
    "duration": "an interval, or a number of minutes",
}
NOT_STARTED = "false"
# As `domain.phases.phase_of` has it.
PHASE = "('x' || substr(md5(id::text), 1, 8))::bit(32)::bigint / 4294967296.0"
# For how long starts are counted, in seconds.
A_MINUTE = 60.0
# Python's calendar ends with the year 9999.
_LAST_INSTANT = "253e9"


class UnusableQueryError(ValueError):
    """The query does not yield a backlog; the message says what it should yield."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryColumn:
    """One column that the query yields."""

    name: str
    type_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Waiting items in columns of big-endian doubles; equal content has equal bytes."""

    in_progress: int
    counts_in_progress: bool
    enqueued: bytes
    deadline: bytes
    duration: bytes
    phases: bytes
    started: bytes


def packing_query(
    query: str, columns: Sequence[QueryColumn], *, max_rows: int, counts_starts: bool = False
) -> str:
    """The statement that yields the query's rows packed, and how many of them are wrong.

    `counts_starts`: also when those were started that were started in the last minute.
    """
    value = _expressions(columns)
    started = _started(columns) if counts_starts else "NULL"
    # The line breaks keep a comment at the query's end from swallowing what follows. Sorted, so that
    # equal content has equal bytes, whatever order the server found it in.
    return f"""
SELECT
  {value["started_at"] != NOT_STARTED} AS counts_in_progress,
  count(*) AS row_count,
  count(*) FILTER (WHERE is_started) AS in_progress,
  count(*) FILTER (WHERE enqueued IS NULL) AS enqueued_null,
  count(*) FILTER (WHERE abs(enqueued) >= {_LAST_INSTANT}) AS enqueued_endless,
  count(*) FILTER (WHERE deadline = '-infinity') AS deadline_endless,
  count(*) FILTER (WHERE NOT (duration >= 0 AND duration < 'infinity')) AS duration_wrong,
  {_packed("enqueued")},
  {_packed("coalesce(deadline, 'infinity')")},
  {_packed("coalesce(duration, 'nan')")},
  {_packed("coalesce(phase, 'nan')")},
  string_agg(float8send(started), ''::bytea)
    FILTER (WHERE started > extract(epoch FROM now()) - {A_MINUTE:g}) AS started
FROM (
  SELECT * FROM (
    SELECT
      ({value["enqueued_at"]})::float8 AS enqueued,
      ({value["deadline_at"]})::float8 AS deadline,
      ({value["duration"]})::float8 AS duration,
      ({value["id"]})::float8 AS phase,
      ({started})::float8 AS started,
      {value["started_at"]} AS is_started
    FROM (
{query.strip().rstrip(";")}
    ) AS backlog
    LIMIT {max_rows + 1}
  ) AS item
  ORDER BY enqueued, deadline, duration, phase
) AS sorted_item
"""  # noqa: S608  the operator's own query, and numbers


def read_packed(row: Sequence[Any], *, max_rows: int) -> Packed:
    """What the packing query's row holds, once nothing in it is wrong."""
    (
        counts_in_progress,
        row_count,
        in_progress,
        *wrong,
        enqueued,
        deadline,
        duration,
        phases,
        started,
    ) = row
    if row_count > max_rows:
        raise UnusableQueryError(
            f"the query yields more than {max_rows:,} rows; narrow it or raise max_rows"
        )
    null, endless, deadline_endless, duration_wrong = wrong
    if null:
        raise UnusableQueryError("enqueued_at is null in some rows; every item needs one")
    if endless:
        raise UnusableQueryError("enqueued_at is infinite or beyond the calendar in some rows")
    if deadline_endless:
        raise UnusableQueryError("deadline_at is -infinity in some rows; null means no deadline")
    if duration_wrong:
        raise UnusableQueryError("duration is negative or infinite in some rows")
    return Packed(
        in_progress=in_progress,
        counts_in_progress=counts_in_progress,
        enqueued=bytes(enqueued or b""),
        deadline=bytes(deadline or b""),
        duration=bytes(duration or b""),
        phases=bytes(phases or b""),
        started=bytes(started or b""),
    )


def unpacked(packed: Packed, *, starts_per_minute: int | None = None) -> Items:
    """The items in these columns."""
    enqueued = _column(packed.enqueued)
    return Items(
        enqueued=enqueued,
        deadline=_column(packed.deadline),
        duration=_column(packed.duration),
        phases=phases_or(_column(packed.phases), enqueued),
        in_progress=packed.in_progress,
        counts_in_progress=packed.counts_in_progress,
        starts_per_minute=starts_per_minute,
        started=np.sort(_column(packed.started)),
    )


def _started(columns: Sequence[QueryColumn]) -> str:
    types = {column.name: column.type_name for column in columns}
    if types.get("started_at") != "timestamptz":
        found = types.get("started_at")
        raise UnusableQueryError(
            "starts_per_minute counts by started_at, which must be of type timestamptz "
            + ("and is not there" if found is None else f"and is of type {found}")
        )
    return "extract(epoch FROM started_at)"


def _column(packed: bytes) -> Column:
    column = np.frombuffer(packed, dtype=">f8").astype(np.float64)
    column.flags.writeable = False
    return column


def _packed(expression: str) -> str:
    return f"string_agg(float8send({expression}), ''::bytea) FILTER (WHERE NOT is_started)"


def _expressions(columns: Sequence[QueryColumn]) -> dict[str, str]:
    types = {column.name: column.type_name for column in columns}
    if "enqueued_at" not in types:
        yields = ", ".join(types) or "no columns"
        raise UnusableQueryError(f"the query yields no enqueued_at (it yields {yields})")
    expressions = {"deadline_at": "NULL", "duration": "NULL", "id": "NULL"}
    expressions["started_at"] = NOT_STARTED
    for name in ALLOWED_TYPES.keys() & types.keys():
        expressions[name] = _expression(name, types[name])
    if sum(column.name == "id" for column in columns) > 1:
        # Of a join, which nobody can tell apart.
        expressions["id"] = "NULL"
    return expressions


def _expression(name: str, type_name: str) -> str:
    allowed = ALLOWED_TYPES[name]
    if allowed is None:
        return PHASE if name == "id" else f"{name} IS NOT NULL"
    if type_name in allowed:
        return allowed[type_name]
    hint = (
        f"; if it is UTC, select {name} AT TIME ZONE 'UTC' AS {name}"
        if type_name == "timestamp"
        else ""
    )
    raise UnusableQueryError(f"{name} is of type {type_name}, not {_IN_WORDS[name]}{hint}")
