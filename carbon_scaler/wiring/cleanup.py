"""What a command deletes because it is old."""

from datetime import timedelta

from carbon_scaler.config.settings import Settings
from carbon_scaler.storage.decision_log import PostgresDecisionLog
from carbon_scaler.storage.migrate import check_schema
from carbon_scaler.storage.pool import open_connection, open_pool, server_name
from carbon_scaler.wiring.databases import reachable_database

# The first time there may be millions.
STATEMENT_TIMEOUT = timedelta(minutes=10)


async def delete_old_decisions(settings: Settings, keep: timedelta) -> int:
    """How many recorded decisions were older than that and are gone."""
    url = reachable_database(settings)
    async with open_connection(url) as connection:
        await check_schema(connection)
    async with open_pool(url, max_size=1, statement_timeout=STATEMENT_TIMEOUT) as pool:
        return await PostgresDecisionLog(pool, server=server_name(url)).purge(keep)
