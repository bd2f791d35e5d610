"""What users are told of a server that cannot be read holds no secrets."""

import socket
import ssl

import asyncpg
import pytest

from carbon_scaler.backlogs.postgres_causes import (
    connect_cause,
    one_line,
    query_cause,
    server_address,
)

URL = "postgresql://carbon:s3cr3t@db.example:5433/queue"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (URL, "db.example:5433"),
        ("postgresql://carbon@db.example/queue", "db.example:5432"),
        ("postgresql://db.example", "db.example:5432"),
        ("postgresql:///queue", "localhost:5432"),
        ("postgresql://carbon@/queue?host=/run/postgres&port=5433", "/run/postgres"),
        ("postgresql://carbon@/queue?host=db.example&port=5433", "db.example:5433"),
        ("postgresql://a:1,b:2/queue", "a:1,b:2"),
        ("postgresql://carbon:s3cr3t@[::1]:5432/queue", "[::1]:5432"),
        ("postgresql://carbon:s3cr3t@[::1]/queue", "[::1]:5432"),
        ("postgresql://carbon:s3/cr3t@db.example/queue", "the server"),
        ("postgresql://carbon:s3#cr3t@db.example/queue", "the server"),
        ("postgresql://carbon:s3@cr3t@db.example/queue", "the server"),
        ("postgresql://carbon:s3@cr3t/x@db.example/queue", "the server"),
    ],
)
def test_an_address_is_host_and_port_and_never_a_part_of_the_password(url: str, address: str):
    assert server_address(url) == address


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('10.0.0.1', 5433)"), ": connection refused"),
        (socket.gaierror(-2, "Name or service not known"), ": its name is not known"),
        (FileNotFoundError(2, "No such file"), ": no such socket"),
        (ssl.SSLError(1, "wrong version number"), ": TLS failed"),
        (ConnectionResetError(104, "reset"), ""),
        (OSError("Multiple exceptions: …"), ""),
        (asyncpg.InvalidPasswordError("no"), ": no"),
    ],
)  # fmt: skip
def test_a_server_that_cannot_be_reached_is_named_with_the_reason(error: Exception, reason: str):
    cause = connect_cause(error, url=URL, url_env="QUEUE_URL")

    assert cause == f"cannot connect to db.example:5433{reason}"


def test_a_certificate_that_is_not_trusted_is_told_so():
    error = ssl.SSLCertVerificationError(1, "verify failed")
    error.verify_message = "self-signed certificate"

    assert connect_cause(error, url=URL, url_env="X") == (
        "cannot connect to db.example:5433: its certificate is not trusted (self-signed certificate)"
    )


@pytest.mark.parametrize(
    "error",
    [ValueError(f"invalid port in {URL}"), asyncpg.ClientConfigurationError(f"bad {URL}")],
)
def test_a_url_that_cannot_be_used_is_not_repeated(error: Exception):
    assert "s3cr3t" not in connect_cause(error, url=URL, url_env="QUEUE_URL")
    assert "QUEUE_URL" in connect_cause(error, url=URL, url_env="QUEUE_URL")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (asyncpg.UndefinedTableError('relation "x" does not exist'), 'query failed: relation "x" does not exist'),
        (asyncpg.InvalidTextRepresentationError('invalid input: "row"'), "query failed: invalid text representation (SQLSTATE 22P02)"),
        (asyncpg.RaiseError("row 4711"), "query failed: raise (SQLSTATE P0001)"),
        (asyncpg.ConnectionDoesNotExistError("gone"), "connection to db.example:5433 lost"),
        (asyncpg.InterfaceError("closed"), "connection to db.example:5433 lost"),
        (BrokenPipeError(), "connection to db.example:5433 lost"),
    ],
)  # fmt: skip
def test_a_failed_query_is_told_without_what_rows_hold(error: Exception, cause: str):
    assert query_cause(error, url=URL) == cause


def test_a_long_message_becomes_one_short_printable_line():
    assert one_line("a\n  b\x00\tc") == "a b c"
    assert len(one_line("x" * 500)) == 200
    assert one_line("x" * 500).endswith("…")
