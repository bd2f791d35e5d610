"""What the scaler decides on: the grid and the queues, in a real Postgres."""

import asyncpg

from tests.cluster.manifests import EXAMPLES

# Of the queues whose owners are not in the examples.
OTHER_TABLES = """
CREATE TABLE analytics_backfill_queue (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    enqueued_at timestamptz NOT NULL
);
CREATE TABLE report_requests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at timestamptz
);
"""


class World:
    """One database, changed by hand."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def prepare(self) -> None:
        """Make the tables that the examples' owners have."""
        await self._connection.execute((EXAMPLES / "worker" / "queue.sql").read_text())
        await self._connection.execute(OTHER_TABLES)

    async def execute(self, statement: str) -> None:
        """Whatever a test's own tables need."""
        await self._connection.execute(statement)

    async def grid(self, region: str, grams_per_kwh: float) -> None:
        """A new value, typed in as the older platform's runbook does; solar and wind are half of it."""
        await self._connection.execute(
            """
            INSERT INTO co2e_emissions (
              region, timestamp, gCO2_per_kWh,
              energy_mix_solar, energy_mix_wind,
              source, data_quality, confidence_score
            ) VALUES ($1, clock_timestamp(), $2, 30.0, 20.0, 'manual', 'real_time', 1.0)
            """,
            region,
            grams_per_kwh,
        )

    async def enqueue(self, count: int) -> None:
        """Items that arrived a minute ago."""
        await self._connection.execute(
            """
            INSERT INTO q2q_embedding_queue (enqueued_at)
            SELECT now() - interval '1 minute' FROM generate_series(1, $1)
            """,
            count,
        )

    async def make_overdue(self, count: int) -> None:
        """So many of the waiting items arrived 13 hours ago, which no class waits for."""
        await self._connection.execute(
            """
            UPDATE q2q_embedding_queue SET enqueued_at = now() - interval '13 hours'
            WHERE id IN (SELECT id FROM q2q_embedding_queue WHERE started_at IS NULL LIMIT $1)
            """,
            count,
        )

    async def start(self, count: int) -> None:
        """So many workers take an item each."""
        taken = await self._connection.fetch(
            """
            UPDATE q2q_embedding_queue
            SET started_at = now(), heartbeat_at = now(), tries = tries + 1
            WHERE id IN (
              SELECT id FROM q2q_embedding_queue WHERE started_at IS NULL
              ORDER BY enqueued_at LIMIT $1 FOR UPDATE SKIP LOCKED
            ) RETURNING id
            """,
            count,
        )
        assert len(taken) == count, f"{count} workers found {len(taken)} items"

    async def finish(self, count: int) -> None:
        """So many workers are done with their item."""
        await self._connection.execute(
            """
            UPDATE q2q_embedding_queue SET finished_at = now()
            WHERE id IN (
              SELECT id FROM q2q_embedding_queue
              WHERE started_at IS NOT NULL AND finished_at IS NULL LIMIT $1
            )
            """,
            count,
        )

    async def empty(self) -> None:
        """Everything is done."""
        await self._connection.execute("UPDATE q2q_embedding_queue SET finished_at = now()")

    async def request_reports(self, count: int) -> None:
        """Rows for the queue trigger that stands beside the brake."""
        await self._connection.execute(
            "INSERT INTO report_requests (started_at) SELECT NULL FROM generate_series(1, $1)",
            count,
        )

    async def await_analysis(self, count: int) -> None:
        """Items for the queue that only knows what waits."""
        await self._connection.execute(
            """
            INSERT INTO analytics_backfill_queue (enqueued_at)
            SELECT now() - interval '1 minute' FROM generate_series(1, $1)
            """,
            count,
        )

    async def take_analyses(self, count: int) -> None:
        """So many workers take an item each, and it is gone from the queue."""
        await self._connection.execute(
            """
            DELETE FROM analytics_backfill_queue
            WHERE id IN (SELECT id FROM analytics_backfill_queue LIMIT $1)
            """,
            count,
        )
