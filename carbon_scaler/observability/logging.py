"""structlog on stderr: for people or as JSON, libraries' words included, never a secret."""

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from carbon_scaler.observability.masking import Masking, Reveal

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("console", "json")
# They tell the URLs of requests at lower levels.
TALKATIVE = ("httpx", "httpcore", "apprise", "urllib3", "requests")


def configure_logging(*, level: str, form: str, secrets: Sequence[Reveal] = ()) -> None:
    """Set up the process's logs; data go to stdout, logs never do."""
    masking = Masking(secrets)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _masked(masking),
            _renderer(form),
            # Once more: what a renderer made of objects.
            lambda _logger, _method, line: masking.text(str(line)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    _take_over_libraries()


class LibraryLogs(logging.Handler):
    """Hands what libraries log to structlog, so that it is masked and shaped like the rest."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line per record."""
        told: dict[str, Any] = {"logger": record.name, "text": _text(record)}
        if record.exc_info:
            told["exc_info"] = record.exc_info
        # Libraries have levels of their own, which structlog does not know.
        level = max(logging.WARNING, min(record.levelno // 10 * 10, logging.CRITICAL))
        with suppress(OSError, ValueError):  # stderr is gone: nowhere to tell it
            structlog.get_logger().log(level, "library.logged", **told)


def _text(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # its arguments do not fit: the library's mistake
        return str(record.msg)


def _masked(masking: Masking) -> Processor:
    def process(_logger: Any, _method: str, event: EventDict) -> EventDict:  # noqa: ANN401
        return {key: masking.deep(value) for key, value in event.items()}

    return process


def _renderer(form: str) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    # Plain: rich's tracebacks show local variables.
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _take_over_libraries() -> None:
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, LibraryLogs)]:
        root.removeHandler(handler)
    root.addHandler(LibraryLogs(level=logging.WARNING))
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
