"""A line to the server that can go bad, for tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest


class Line:
    """A TCP port in front of the server that can be cut, frozen and mended."""

    def __init__(self, url: str, *, changed: Callable[[bytes], bytes] = bytes) -> None:
        """What the server sends is `changed` on its way."""
        self._changed = changed
        self._parts = urlsplit(url)
        self._query = {name: values[-1] for name, values in parse_qs(self._parts.query).items()}
        self._carrying: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._listening: asyncio.Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        user = self._parts.netloc.rpartition("@")[0]
        kept = {k: v for k, v in self._query.items() if k not in ("host", "port")}
        return urlunsplit(
            self._parts._replace(netloc=f"{user}@127.0.0.1:{self._port}", query=urlencode(kept))
        )

    async def mend(self) -> None:
        self._listening = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._listening.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        if self._listening is not None:
            self._listening.close()
        await self.freeze()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def freeze(self) -> None:
        """What is open stays open and carries nothing any more."""
        carrying = list(self._carrying)
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await self._connect()
        self._writers |= {writer, server_writer}
        for source, sink, changed in (
            (reader, server_writer, bytes),
            (server_reader, writer, self._changed),
        ):
            task = asyncio.create_task(_carry(source, sink, changed))
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host = self._query.get("host", self._parts.hostname or "localhost")
        port = int(self._query.get("port", self._parts.port or 5432))
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)


async def _carry(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, changed: Callable[[bytes], bytes]
) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(changed(data))
            await sink.drain()
        sink.close()


@pytest.fixture
async def line(database_url: str) -> AsyncIterator[Line]:
    line = Line(database_url)
    await line.mend()
    yield line
    await line.cut()
