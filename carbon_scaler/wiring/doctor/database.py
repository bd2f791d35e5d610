"""`doctor` on the database: each step on the way to it, and what is found there."""

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import unquote, urlsplit

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.grid_state import MOST_AHEAD
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.storage.migrate import check_schema
from carbon_scaler.storage.pool import (
    DEFAULT_PORT,
    Connection,
    failures_explained,
    open_connection,
    redacted,
    server_clock_offset,
    server_name,
)
from carbon_scaler.wiring.databases import reachable_database
from carbon_scaler.wiring.doctor.findings import Finding, bad, good, warning
from carbon_scaler.wiring.doctor.reach import reach_host

# What each part of the program does there.
READ = (
    "co2e_emissions",
    "grid_regions",
    "carbon_intensity_forecasts",
    "ingest_leadership",
    "ingest_calls",
    "ingest_feeds",
)
KEPT = ("ingest_zones", "alert_episodes")
RIGHTS = {
    "serve": [(table, "SELECT") for table in (*READ, "forecast_issues")],
    "ingest": [
        *((table, "SELECT") for table in (*READ, *KEPT)),
        *((table, "INSERT") for table in (*READ, *KEPT) if table != "ingest_leadership"),
        *((table, "UPDATE") for table in (*READ, *KEPT)),
        ("forecast_issues", "SELECT"),
        ("forecast_issues", "INSERT"),
    ],
}
_LACKING = """
SELECT current_user, array_agg(privilege || ' on ' || name) FILTER (
  WHERE NOT has_table_privilege(name, privilege)
) AS lacking
FROM unnest($1::text[], $2::text[]) AS wanted (name, privilege)
"""


async def examine_database(settings: Settings) -> AsyncIterator[Finding]:
    """Name, port, authentication, schema, rights, pooler, clock; the first failure is the last."""
    try:
        url = reachable_database(settings)
        place = server_name(url)
        if (trouble := await _unreachable(url)) is not None:
            yield trouble
            return
        async with open_connection(url) as connection:
            yield good("database", redacted(url))
            with failures_explained(place):
                async for finding in _examine(connection):
                    yield finding
    except CarbonScalerError as error:
        yield bad("database", str(error))


async def _examine(connection: Connection) -> AsyncIterator[Finding]:
    yield _clock(await server_clock_offset(connection, SystemClock().now()))
    yield await _pooler(connection)
    await check_schema(connection)
    yield good("schema", "up to date")
    for part in RIGHTS:
        yield await _rights(connection, part)


async def _unreachable(url: str) -> Finding | None:
    """Where a server named by host and port is not reached: at its name or at its port."""
    parts = urlsplit(url)
    host = unquote(parts.hostname or "")
    # A socket in the file system, and one of several servers, is the driver's matter.
    if not host or host.startswith("/") or "," in parts.netloc:
        return None
    found = await reach_host(host, parts.port or int(DEFAULT_PORT))
    if found.trouble is None:
        return None
    return bad("database", f"{found.place}, {found.stage}: {found.trouble}")


def _clock(offset: timedelta) -> Finding:
    text = f"the database's clock differs by {offset.total_seconds():+.1f} s"
    if abs(offset) <= MOST_AHEAD:
        return good("clock", text)
    return warning("clock", f"{text}: deadlines move by as much; set both by NTP")


async def _pooler(connection: Connection) -> Finding:
    """A pooler makes up the number of the session that it tells its client."""
    said = connection.get_server_pid()
    found = await connection.fetchval("SELECT pg_backend_pid()")
    if said == found:
        return good("pooler", "none: the connection leads to PostgreSQL itself")
    return warning(
        "pooler",
        "a pooler like PgBouncer stands in between; LISTEN and session locks need its session "
        "mode: with pool_mode=transaction name the server itself in DATABASE_URL",
    )


async def _rights(connection: Connection, part: str) -> Finding:
    check = f"rights of {part}"
    tables, privileges = zip(*RIGHTS[part], strict=True)
    user, lacking = await connection.fetchrow(_LACKING, tables, privileges) or ("", None)
    if not lacking:
        return good(check, f"{user} has what {part} needs")
    return warning(
        check,
        f"{user} lacks {', '.join(lacking)}, which {part} needs: "
        f'GRANT carbon_scaler_{part} TO "{user}"',
    )
