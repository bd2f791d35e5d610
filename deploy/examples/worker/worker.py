"""Takes one item of the queue, works on it, and ends: what the pod of a Job runs.

KEDA starts a Job for each item that the scaler admits, and does not say which item: the Job takes the one
that must start first. Exit code 0 also when nothing was left to take, 1 when the work failed.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys

import asyncpg

# The same as in the trigger or its class (maxDelay, jobDuration), in PostgreSQL's notation ("12h", "90 min"):
# the scaler releases items by their latest start, and a worker with another order would take one that can
# wait while the one that cannot stays behind.
MAX_DELAY = os.environ.get("MAX_DELAY", "12h")
JOB_DURATION = os.environ.get("JOB_DURATION", "1h")
# The same as in backlogs.yaml: what the scaler counts as waiting is what a worker can take. If they differ,
# Jobs start that find nothing, or none starts for an item that could be taken.
LEASE_SECONDS = float(os.environ.get("LEASE_SECONDS", "120"))
MAX_TRIES = int(os.environ.get("MAX_TRIES", "5"))
# Several signs of life fit into a lease, so that one late answer of the database costs nothing.
HEARTBEAT_SECONDS = LEASE_SECONDS / 4

# One statement, so that no transaction is open during the work. SKIP LOCKED: workers that start together take
# different items instead of waiting for each other. `least` ignores nulls; nothing is due before it is there.
TAKE = """
UPDATE q2q_embedding_queue
SET started_at = now(), heartbeat_at = now(), tries = tries + 1
WHERE id = (
    SELECT id FROM q2q_embedding_queue
    WHERE finished_at IS NULL
      AND tries < $1
      AND (started_at IS NULL
           OR coalesce(heartbeat_at, started_at) <= now() - make_interval(secs => $2))
    ORDER BY greatest(enqueued_at,
                      least(enqueued_at + $3::text::interval,
                            deadline_at - coalesce(duration, $4::text::interval))),
             enqueued_at, id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id, tries, payload
"""

# All three name the try: a worker that was thought dead (a paused node, a lost network) must not finish, keep
# or give back what another one has taken over.
KEEP = """
UPDATE q2q_embedding_queue SET heartbeat_at = now()
WHERE id = $1 AND tries = $2 AND finished_at IS NULL RETURNING id
"""
FINISH = """
UPDATE q2q_embedding_queue SET finished_at = now(), result = $3
WHERE id = $1 AND tries = $2 AND finished_at IS NULL RETURNING id
"""
GIVE_BACK = """
UPDATE q2q_embedding_queue SET started_at = NULL, heartbeat_at = NULL
WHERE id = $1 AND tries = $2 AND finished_at IS NULL
"""


class LostItemError(Exception):
    """Another worker has the item now."""


async def embed(payload):
    """Yours. Blocking work belongs into `asyncio.to_thread`, or the signs of life stop."""
    if not payload:
        raise ValueError("there is no text to embed")
    await asyncio.sleep(float(os.environ.get("SAMPLE_WORK_SECONDS", "0")))
    return hashlib.sha256(payload.encode()).hexdigest()


async def work_on(connection, item):
    work = asyncio.create_task(embed(item["payload"]))
    try:
        while not (await asyncio.wait([work], timeout=HEARTBEAT_SECONDS))[0]:
            if await connection.fetchval(KEEP, item["id"], item["tries"]) is None:
                raise LostItemError
    finally:
        work.cancel()
    # Results that live in this database belong into one transaction with this statement: then they are there
    # exactly once, even if the worker dies between the two.
    if await connection.fetchval(FINISH, item["id"], item["tries"], work.result()) is None:
        raise LostItemError


async def run(connection):
    item = await connection.fetchrow(TAKE, MAX_TRIES, LEASE_SECONDS, MAX_DELAY, JOB_DURATION)
    if item is None:
        # Usual and no failure: another Job was quicker, or KEDA counted a moment too early.
        tell(outcome="nothing_to_do")
        return 0
    tell(item=item["id"], attempt=item["tries"], outcome="taken")
    try:
        await work_on(connection, item)
    except LostItemError:
        tell(item=item["id"], outcome="lost")
        return 1
    except BaseException as error:
        # At once, so that the deadline need not wait for the lease to run out. When the database is what
        # failed, this fails too, and the lease does its work.
        await connection.execute(GIVE_BACK, item["id"], item["tries"])
        tell(item=item["id"], outcome="given_back", cause=type(error).__name__)
        raise
    tell(item=item["id"], outcome="finished")
    return 0


async def main():
    # Kubernetes sends SIGTERM before it kills: time enough to give the item back.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    connection = await asyncpg.connect(
        os.environ["DATABASE_URL"],
        timeout=10,
        command_timeout=30,
        server_settings={"application_name": "q2q-embeddings-worker"},
    )
    try:
        return await run(connection)
    finally:
        await connection.close(timeout=5)


def tell(**what):
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
