"""A local HTTP(S) server in a thread: it plays a provider, well or badly.

    with Peer(lambda request: Reply(body={"zone": "DE"})) as peer:
        ... peer.url ... peer.requests ...

A handler is called in the connection's own thread; what it raises is raised again when the peer
closes. Faults that wait end when the peer closes.
"""

import atexit
import json
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

DRIP_SECONDS = 0.02


class Fault(StrEnum):
    """What goes wrong with a reply."""

    SILENT = "silent"  # no byte of an answer, until the peer closes
    DRIPPING = "dripping"  # a byte of the body now and then, without an end
    CUT_BEFORE = "cut_before"  # the connection ends before the answer
    CUT_WITHIN = "cut_within"  # the connection ends in the middle of the body
    TRUNCATED = "truncated"  # half of the body, as if it were all


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asked; names of headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a client gets; a body of dicts and lists is sent as JSON."""

    status: int = 200
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    latency_seconds: float = 0.0
    fault: Fault | None = None

    def late(self, seconds: float) -> "Reply":
        """The same after a while."""
        return replace(self, latency_seconds=seconds)

    def broken(self, fault: Fault) -> "Reply":
        """The same with a fault."""
        return replace(self, fault=fault)

    @property
    def payload(self) -> bytes:
        """The body as sent."""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Handler = Callable[[Request], Reply]


def redirect(to: str) -> Reply:
    """Elsewhere."""
    return Reply(status=302, headers={"Location": to}, content_type="text/html")


def page(status: int = 200, text: str = "<html><body>Sign in</body></html>") -> Reply:
    """What a captive portal or a proxy says."""
    return Reply(status=status, body=text, content_type="text/html; charset=utf-8")


def in_order(*replies: Reply) -> Handler:
    """Each of these once, and the last one again and again."""
    left = list(replies)
    lock = threading.Lock()

    def handler(request: Request) -> Reply:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return handler


class Peer:
    """Serves while it is entered; `handler` may be exchanged at any time."""

    def __init__(self, handler: Handler, *, tls: bool = False, port: int = 0) -> None:
        self.handler = handler
        self.requests: list[Request] = []
        self.failures: list[BaseException] = []
        self.closing = threading.Event()
        self._tls = tls
        self._port = port

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.server_port}"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    @property
    def paths(self) -> list[str]:
        """The paths asked for, in order."""
        return [request.path for request in self.requests]

    @property
    def certificate(self) -> Path:
        """What a client must trust, if it is to accept this peer's TLS."""
        return _certificate()[0]

    def __enter__(self) -> Self:
        context = _tls_context() if self._tls else None
        self._server = _Server(self, context, port=self._port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="peer"
        )
        self._thread.start()
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.cut_connections()
        self._server.server_close()
        if self.failures and error_type is None:
            raise self.failures[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 256

    def __init__(self, peer: Peer, context: ssl.SSLContext | None, *, port: int) -> None:
        self.peer = peer
        self._context = context
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Connection)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = self.socket.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            connection = self._context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        with self._lock:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        """Wakes the threads that wait for a kept-alive connection's next request."""
        with self._lock:
            left = list(self._connections)
        for connection in left:
            # What is gone already needs no cutting.
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or that does not trust us, is no failure of the test."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        request = self._request()
        peer = self.server.peer
        peer.requests.append(request)
        try:
            reply = peer.handler(request)
        except BaseException as error:  # noqa: BLE001  the test's own assertions among them
            peer.failures.append(error)
            reply = Reply(status=500, body={"error": "the test's handler failed"})
        peer.closing.wait(reply.latency_seconds)
        self._send(reply)

    do_GET = do_POST = _serve  # noqa: N815  the names that http.server calls

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        return Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("content-length") or 0)),
            at=datetime.now(UTC),
        )

    def _send(self, reply: Reply) -> None:
        payload = reply.payload
        half = payload[: len(payload) // 2]
        match reply.fault:
            case None:
                self._write(self._head(reply, len(payload)) + payload)
            case Fault.TRUNCATED:
                self._write(self._head(reply, len(half)) + half)
            case Fault.SILENT:
                self.server.peer.closing.wait()
            case Fault.DRIPPING:
                self._drip(reply)
            case Fault.CUT_WITHIN:
                self._write(self._head(reply, len(payload)) + half)
            case Fault.CUT_BEFORE:
                self.close_connection = True
        self.close_connection = self.close_connection or reply.fault not in (None, Fault.TRUNCATED)

    def _drip(self, reply: Reply) -> None:
        self._write(self._head(reply, 10_000_000))
        while not self.server.peer.closing.wait(DRIP_SECONDS):
            self._write(b" ")

    def _head(self, reply: Reply, length: int) -> bytes:
        try:
            phrase = HTTPStatus(reply.status).phrase
        except ValueError:
            phrase = "Unknown"
        headers = {
            "Content-Type": reply.content_type,
            "Content-Length": str(length),
            **reply.headers,
        }
        lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _write(self, payload: bytes) -> None:
        self.wfile.write(payload)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the parent's name
        """Says nothing: what was asked is in `peer.requests`."""


def _tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = _certificate()
    context.load_cert_chain(certificate, key)
    return context


@cache
def _certificate() -> tuple[Path, Path]:
    """Signed by itself for 127.0.0.1, made once per process."""
    folder = Path(tempfile.mkdtemp(prefix="carbon-peer-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key
