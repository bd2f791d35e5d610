"""Why a backlog in Postgres cannot be read, in a few words without secrets or row data."""

import re
import socket
import ssl
from urllib.parse import parse_qs, urlsplit

import asyncpg

LONGEST_CAUSE = 200
DEFAULT_PORT = 5432

# SQLSTATE classes whose messages tell of schema, rights and server state. The others (22: data, P0:
# raised by functions, …) quote values of rows.
_SPEAKING_CLASSES = frozenset(
    {"08", "0A", "25", "28", "3D", "3F", "42", "53", "54", "55", "57", "58"}
)
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def connect_cause(error: Exception, *, url: str, url_env: str) -> str:
    """Why there is no connection."""
    if isinstance(error, asyncpg.PostgresError):
        return one_line(f"cannot connect to {server_address(url)}: {_message(error)}")
    if isinstance(error, OSError):
        reason = _system_reason(error)
        return one_line(f"cannot connect to {server_address(url)}{f': {reason}' if reason else ''}")
    # Of the client's complaints about a URL, some quote its password.
    return one_line(
        f"the URL in {url_env} cannot be used; "
        "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, special characters as %XX"
    )


def query_cause(error: Exception, *, url: str) -> str:
    """Why the query gave nothing."""
    if isinstance(error, asyncpg.PostgresConnectionError) or not isinstance(
        error, asyncpg.PostgresError
    ):
        return one_line(f"connection to {server_address(url)} lost")
    return one_line(f"query failed: {_message(error)}")


def server_address(url: str) -> str:
    """Host and port, never anything that may be part of a password."""
    parts = urlsplit(url)
    credentials, _, address = parts.netloc.rpartition("@")
    rest = f"{parts.path}?{parts.query}#{parts.fragment}"
    if "@" in rest or (":" in credentials and "@" in credentials):
        return "the server"  # a password with unescaped characters: where it ends can't be known
    query = parse_qs(parts.query)
    host = query.get("host", [""])[0] or address or "localhost"
    if host.startswith("/") or "," in host or re.search(r":\d+$", host):
        return host
    return f"{host}:{query.get('port', [str(DEFAULT_PORT)])[0]}"


def one_line(text: str) -> str:
    """Printable, on one line, and short enough for an event."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return clean if len(clean) <= LONGEST_CAUSE else clean[: LONGEST_CAUSE - 1] + "…"


def _message(error: asyncpg.PostgresError) -> str:
    state = error.sqlstate or ""
    if state[:2] in _SPEAKING_CLASSES:
        return str(error.args[0] if error.args else state)
    words = _WORD.sub(" ", type(error).__name__.removesuffix("Error")).lower()
    return f"{words} (SQLSTATE {state or 'unknown'})"


def _system_reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return "TLS failed"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, FileNotFoundError):
        return "no such socket"
    return ""
