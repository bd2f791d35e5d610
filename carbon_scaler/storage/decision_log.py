"""Recorded decisions in PostgreSQL."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from carbon_scaler.application.decision_journal import RecordedDecision
from carbon_scaler.storage.plain_text import storable_json
from carbon_scaler.storage.pool import ACQUIRE_SECONDS, Pool, failures_explained

COLUMNS = ", ".join(field.name for field in fields(RecordedDecision))
# One value for all rows: the encoding of an array per column held the loop for longer.
_APPEND = f"""
INSERT INTO decisions ({COLUMNS})
SELECT {COLUMNS} FROM jsonb_populate_recordset(NULL::decisions, $1::jsonb)
"""  # noqa: S608  the names of our own fields
_ANSWERED = f"""
SELECT id, {COLUMNS} FROM decisions
WHERE namespace = $1 AND name = $2 AND decided_at <= $3
ORDER BY decided_at DESC, id DESC
LIMIT 1
"""  # noqa: S608  the names of our own fields
# The region belongs to it where the trigger took its server's.
_TRIGGERS = """
SELECT DISTINCT namespace, name, jsonb_build_object('region', region) || trigger AS trigger
FROM decisions
WHERE decided_at >= $1
ORDER BY namespace, name, trigger
"""
# How much is encoded, and how much is sent, before the event loop gets its turn.
ENCODED_AT_ONCE = 10
SENT_AT_ONCE = 50


class PostgresDecisionLog:
    """Keeps `decisions`; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def append(self, decisions: Sequence[RecordedDecision]) -> None:
        """Keeps all of these or none."""
        encoded: list[str] = []
        for start in range(0, len(decisions), ENCODED_AT_ONCE):
            chunk = decisions[start : start + ENCODED_AT_ONCE]
            encoded += await asyncio.to_thread(_encoded, chunk)
        with failures_explained(self._server):
            async with (
                self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection,
                connection.transaction(),
            ):
                for start in range(0, len(encoded), SENT_AT_ONCE):
                    rows = ",".join(encoded[start : start + SENT_AT_ONCE])
                    await connection.execute(_APPEND, f"[{rows}]")

    async def answered(self, namespace: str, name: str, at: datetime) -> Mapping[str, Any] | None:
        """The newest at or before this instant, whichever server gave it; None: none is kept."""
        with failures_explained(self._server):
            row = await self._pool.fetchrow(_ANSWERED, namespace, name, at)
        if row is None:
            return None
        return {
            **row,
            "trigger": json.loads(row["trigger"]),
            "document": json.loads(row["document"]),
        }

    async def triggers_since(self, since: datetime) -> list[tuple[str, str, dict[str, str]]]:
        """Namespace, name and metadata of all that got a new answer since then, each once."""
        with failures_explained(self._server):
            rows = await self._pool.fetch(_TRIGGERS, since)
        return [(row["namespace"], row["name"], json.loads(row["trigger"])) for row in rows]

    async def purge(self, keep: timedelta) -> int:
        """Delete what is older than that; how many decisions that were."""
        with failures_explained(self._server):
            deleted: int = await self._pool.fetchval("SELECT cleanup_old_decisions($1)", keep)
        return deleted


def _encoded(decisions: Sequence[RecordedDecision]) -> list[str]:
    # One by one: a single large call would not let go of the interpreter.
    return [_text(_row(decision)) for decision in decisions]


def _text(row: Mapping[str, object]) -> str:
    # Made fit only where it has to be: that takes ten times as long.
    return _as_it_is(row) or storable_json(row) or "{}"


def _as_it_is(row: Mapping[str, object]) -> str | None:
    """None where the server would refuse it."""
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError:  # not a number, or half of a surrogate pair
        return None
    return None if "\\u0000" in text else text


def _row(decision: RecordedDecision) -> dict[str, object]:
    row = {field.name: getattr(decision, field.name) for field in fields(decision)}
    return {key: _instant(value) for key, value in row.items()}


def _instant(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
