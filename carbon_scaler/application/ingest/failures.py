"""What a failed ask means."""

import structlog

from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.domain.errors import CarbonScalerError

log = structlog.get_logger()


def failure_of(error: Exception, *, source: str) -> tuple[str, ErrorKind | None]:
    """One line for a user, and its kind; None: nothing that the source did."""
    match error:
        case SourceError():
            return str(error), error.kind
        case TimeoutError():
            return f"{source}: no answer in time", ErrorKind.TIMEOUT
        case CarbonScalerError():
            return str(error), None
        case _:
            log.error("ingest.source_broken", source=source, exc_info=error)
            return f"{source}: {type(error).__name__} while reading its answer", ErrorKind.MALFORMED


def cause_of(error: Exception) -> str:
    """One line for a log."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
