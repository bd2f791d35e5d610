"""One HTTP/2 connection full of gRPC calls, as KEDA's operator holds it, at a few microseconds each.

h2load sends one body per run and looks at no answer; grpc's own client takes more CPU than the
server that is to be measured. This one sends any body and hands back every answer.
"""

import socket
import struct
from dataclasses import dataclass

from tests.bench.hpack import NEXT_BLOCK, Decoder, first_block

METHOD = "/externalscaler.ExternalScaler/GetMetrics"
PATIENCE_SECONDS = 30.0

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _END_HEADERS, _ACK, _PADDED_OR_PRIORITY = 0x1, 0x4, 0x1, 0x28
_INITIAL_WINDOW = 65_535
_WIDE_WINDOW = 2**31 - 1
_FRAME = struct.Struct(">HBBBI")
_NUMBER = struct.Struct(">I")
_READ_BYTES = 1 << 18


class BrokenConnectionError(Exception):
    """The server ended the connection, or said what this client cannot read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back for one call."""

    stream: int
    message: bytes  # without gRPC's five bytes before it
    status: bytes


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    length = len(payload)
    return _FRAME.pack(length >> 8, length & 0xFF, kind, flags, stream) + payload


class Call:
    """A request whose frames are made once and sent often."""

    __slots__ = ("head", "payload")

    def __init__(self, message: bytes) -> None:
        self.payload = b"\0" + _NUMBER.pack(len(message)) + message
        self.head = _frame(_DATA, _END_STREAM, 0, self.payload)[:5]


class Connection:
    """Sends calls and receives replies; one thread, no waiting but in `receive`."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._decoder = Decoder()
        self._stream = -1
        self._window = _INITIAL_WINDOW
        self._rest = b""
        self._messages: dict[int, bytes] = {}
        self._block = first_block(METHOD, f"{host}:{port}")
        initial_window = struct.pack(">HI", 4, _WIDE_WINDOW)
        self.socket.sendall(
            _PREFACE
            + _frame(_SETTINGS, 0, 0, initial_window)
            + _frame(_WINDOW_UPDATE, 0, 0, _NUMBER.pack(_WIDE_WINDOW - _INITIAL_WINDOW))
        )

    def close(self) -> None:
        self.socket.close()

    def can_send(self, call: Call) -> bool:
        """Whether the server's flow control allows it; `receive` brings the permission."""
        return self._window >= len(call.payload)

    def begin(self, call: Call, out: list[bytes]) -> int:
        """Put a call's frames on `out`; the stream that will answer."""
        self._stream += 2
        number = _NUMBER.pack(self._stream)
        block = self._block
        out += (
            _FRAME.pack(0, len(block), _HEADERS, _END_HEADERS, self._stream),
            block,
            call.head,
            number,
            call.payload,
        )
        self._block = NEXT_BLOCK
        self._window -= len(call.payload)
        return self._stream

    def send(self, out: list[bytes]) -> None:
        self.socket.sendall(b"".join(out))

    def receive(self) -> list[Reply]:
        """Wait for bytes; the replies that they complete."""
        read = self.socket.recv(_READ_BYTES)
        if not read:
            raise BrokenConnectionError("the server closed the connection")
        buffer = self._rest + read if self._rest else read
        replies: list[Reply] = []
        at, end = 0, len(buffer)
        while at + 9 <= end:
            high, low, kind, flags, stream = _FRAME.unpack_from(buffer, at)
            after = at + 9 + (high << 8 | low)
            if after > end:
                break
            payload = buffer[at + 9 : after]
            at = after
            if kind == _DATA:
                self._messages[stream] = self._messages.get(stream, b"") + payload
            elif kind == _HEADERS:
                self._read_headers(flags, stream, payload, replies)
            else:
                self._control(kind, flags, stream, payload)
        self._rest = buffer[at:]
        return replies

    def _read_headers(self, flags: int, stream: int, block: bytes, replies: list[Reply]) -> None:
        if flags & _PADDED_OR_PRIORITY or not flags & _END_HEADERS:
            raise BrokenConnectionError(f"a HEADERS frame with flags {flags:#x}")
        headers = self._decoder.headers(block)
        if flags & _END_STREAM:
            message = self._messages.pop(stream, b"")[5:]
            status = headers.get(b"grpc-status", b"none")
            replies.append(Reply(stream=stream, message=message, status=status))

    def _control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _WINDOW_UPDATE and stream == 0:
            self._window += _NUMBER.unpack(payload)[0]
        elif kind == _SETTINGS and not flags & _ACK:
            self.socket.sendall(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            self.socket.sendall(_frame(_PING, _ACK, 0, payload))
        elif kind in (_RST_STREAM, _GOAWAY):
            raise BrokenConnectionError(f"frame {kind} with {payload!r}")
