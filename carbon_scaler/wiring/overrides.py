"""Where the commands find operators' overrides."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from carbon_scaler.application.override_request import OverrideRequest
from carbon_scaler.config.policy_files import read_policy
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.storage.overrides import PostgresOverrides
from carbon_scaler.wiring.databases import opened_database


@asynccontextmanager
async def opened_overrides(settings: Settings) -> AsyncIterator[PostgresOverrides]:
    """The overrides of the database that the servers answer from, once its schema is there."""
    async with opened_database(settings, most_connections=1) as database:
        yield PostgresOverrides(database.pool, server=database.server)


def doubt_about(request: OverrideRequest, settings: Settings) -> str | None:
    """Why it may be about nothing; only a warning, as servers may have another policy than this."""
    try:
        known = read_policy(settings.policy_dir)
    except CarbonScalerError:
        return None
    name, names, kind = request.region, set(known.catalog), "region"
    if request.workload_class is not None:
        name, names, kind = request.workload_class, set(known.policy.classes), "class"
    if name is None or name in names:
        return None
    return f"no {kind} {name!r} is known here, {allowed_names(name, names)}"
