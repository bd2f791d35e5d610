"""What a command deletes because it is old."""

from datetime import timedelta

from carbon_scaler.config.settings import Settings
from carbon_scaler.storage.decision_log import PostgresDecisionLog
from carbon_scaler.wiring.databases import opened_database

# The first time there may be millions.
STATEMENT_TIMEOUT = timedelta(minutes=10)


async def delete_old_decisions(settings: Settings, keep: timedelta) -> int:
    """How many recorded decisions were older than that and are gone."""
    async with opened_database(
        settings, most_connections=1, statement_timeout=STATEMENT_TIMEOUT
    ) as database:
        return await PostgresDecisionLog(database.pool, server=database.server).purge(keep)
