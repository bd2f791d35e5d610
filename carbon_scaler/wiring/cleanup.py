"""What a command deletes because it is old."""

from dataclasses import dataclass
from datetime import timedelta

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.config.settings import Settings
from carbon_scaler.storage.decision_log import PostgresDecisionLog
from carbon_scaler.storage.own_forecasts import PostgresOwnForecasts
from carbon_scaler.wiring.databases import opened_database

# The first time there may be millions.
STATEMENT_TIMEOUT = timedelta(minutes=10)


# Own forecasts are scored over fourteen days; each can be made again from what was measured.
FORECASTS_KEPT = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """How many there were of each."""

    decisions: int
    forecasts: int


async def delete_what_is_old(settings: Settings, keep: timedelta) -> Deleted:
    """Recorded decisions that are older than that, and own forecasts of over two weeks ago."""
    async with opened_database(
        settings, most_connections=1, statement_timeout=STATEMENT_TIMEOUT
    ) as database:
        decisions = PostgresDecisionLog(database.pool, server=database.server)
        forecasts = PostgresOwnForecasts(database.pool, server=database.server)
        return Deleted(
            decisions=await decisions.purge(keep),
            forecasts=await forecasts.purge(SystemClock().now() - FORECASTS_KEPT),
        )
