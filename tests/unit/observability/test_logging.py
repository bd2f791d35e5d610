"""Logs go to stderr, with libraries' words, without secrets."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from carbon_scaler.observability.logging import FORMATS, LibraryLogs, configure_logging

Capture = pytest.CaptureFixture[str]
SECRET = "sesame-open-now"


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


class Refusing:
    """Fails with a local variable in its frame."""

    def __call__(self, text: str) -> None:
        local = text
        raise ValueError(f"refused {len(local)}: {text[:15]}")


def logged_failure(text: str) -> None:
    try:
        Refusing()(text)
    except ValueError:
        structlog.get_logger().exception("task.failed")


@pytest.mark.parametrize("form", FORMATS)
def test_secrets_are_masked_in_events_values_and_traces(form: str, capsys: Capture):
    configure_logging(level="info", form=form, secrets=[lambda: SECRET])

    structlog.get_logger().info(f"said {SECRET}", key=SECRET, nested={"deep": [SECRET]})
    logged_failure(SECRET)

    logs = capsys.readouterr().err
    assert SECRET not in logs
    assert logs.count("***") == 4
    assert "ValueError: refused 15: ***" in logs


def test_a_trace_shows_no_local_variables(capsys: Capture):
    configure_logging(level="info", form="console")

    logged_failure("only what begins is shown, not-the-end")

    logs = capsys.readouterr().err
    assert "ValueError: refused 38: only what begin" in logs
    assert "not-the-end" not in logs


def test_json_logs_are_one_document_a_line(capsys: Capture):
    configure_logging(level="info", form="json")

    structlog.get_logger().info("server.ready", port=6000)

    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["port"], line["level"]) == ("server.ready", 6000, "info")


def test_what_libraries_warn_of_goes_the_same_way(capsys: Capture):
    configure_logging(level="info", form="json", secrets=[lambda: SECRET])

    logging.getLogger("apprise").warning("failed to reach %s", SECRET)
    logging.getLogger("some.library").log(41, "a level of its own")

    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["text"] for line in told] == ["failed to reach ***", "a level of its own"]
    assert {line["event"] for line in told} == {"library.logged"}


def test_the_urls_that_http_clients_log_are_not_shown(capsys: Capture):
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    logging.getLogger().setLevel(logging.DEBUG)
    configure_logging(level="debug", form="json")

    logging.getLogger("httpx").info("HTTP Request: GET https://host/?key=unknown")
    logging.getLogger("httpcore.http11").debug("send_request_headers.started")

    assert capsys.readouterr().err == ""


def test_a_librarys_broken_record_is_shown_as_far_as_it_can_be(capsys: Capture):
    configure_logging(level="info", form="json")

    record = logging.LogRecord(
        "some.library", logging.WARNING, "library.py", 1, "%d values", ("three",), None
    )
    LibraryLogs().handle(record)

    assert json.loads(capsys.readouterr().err)["text"] == "%d values"


def test_configuring_twice_tells_everything_once(capsys: Capture):
    configure_logging(level="info", form="json")
    configure_logging(level="info", form="json")

    logging.getLogger("some.library").warning("once")

    assert len(capsys.readouterr().err.splitlines()) == 1
    assert sum(isinstance(each, LibraryLogs) for each in logging.getLogger().handlers) == 1
