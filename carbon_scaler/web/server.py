"""The HTTP server, on the same event loop as everything else."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from fastapi import FastAPI

KEEP_ALIVE_SECONDS = 5
DRAIN_SECONDS = 1


class HttpServer(uvicorn.Server):
    """uvicorn that leaves the process's signals to whoever runs it."""

    def __init__(self, app: FastAPI, listening: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )
        self._listening = listening
        self._done = asyncio.Event()
        self.port: int = listening.getsockname()[1]

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    async def run_until_stopped(self) -> None:
        """Serve until `should_exit` is set."""
        try:
            await self.serve(sockets=[self._listening])
        finally:
            self._done.set()

    async def stopped(self) -> None:
        """Until `should_exit` was obeyed, not for ever."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), DRAIN_SECONDS + 1)
