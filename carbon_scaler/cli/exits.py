"""Errors become exit codes here and nowhere else."""

from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.storage.embedded import EmbeddedPostgresError
from carbon_scaler.storage.pool import DatabaseError

CONFIGURATION = 1
NO_DATA = 2
DATABASE = 3


def exit_code(error: CarbonScalerError) -> int:
    """1 wrong configuration or usage, 3 database."""
    if isinstance(error, DatabaseError | EmbeddedPostgresError):
        return DATABASE
    return CONFIGURATION
