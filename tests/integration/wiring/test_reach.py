"""How far a connection gets is told by its step, with what to do about it."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from carbon_scaler.wiring.doctor.reach import Stage, reach


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Somebody listens there and says nothing that is TLS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_port_that_answers_is_reached(port: int):
    found = await reach(f"http://127.0.0.1:{port}")

    assert (found.place, found.stage, found.trouble) == (f"127.0.0.1:{port}", Stage.TCP, None)


async def test_a_name_that_nobody_knows_stops_at_dns():
    found = await reach("https://carbon-scaler.invalid")

    assert found.place == "carbon-scaler.invalid:443"
    assert found.stage is Stage.DNS
    assert "name is not known" in str(found.trouble)


async def test_a_closed_port_stops_at_tcp():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = await reach(f"http://127.0.0.1:{taken.getsockname()[1]}")

    assert found.stage is Stage.TCP
    assert "refused" in str(found.trouble)


async def test_a_port_without_tls_stops_there(port: int):
    found = await reach(f"https://127.0.0.1:{port}")

    assert found.stage is Stage.TLS
    assert "http instead of https?" in str(found.trouble)


async def test_a_port_that_says_nothing_is_not_waited_for_for_ever():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        found = await reach(f"https://127.0.0.1:{silent.getsockname()[1]}", seconds=0.2)

    assert found.stage is Stage.TLS
    assert "no answer in time" in str(found.trouble)
