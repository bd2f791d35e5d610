"""Forecasts made in a process of their own, because they would hold the event loop."""

import asyncio
import pickle
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired

import structlog

from carbon_scaler.application.own_forecasts import ForecastingFailedError
from carbon_scaler.application.own_issue import Lesson, OwnIssue
from carbon_scaler.wiring import forecast_worker
from carbon_scaler.wiring.forecast_worker import LENGTH_BYTES, Answer, framed

log = structlog.get_logger()

# -P: a file in the working directory never stands in for a module.
PROGRAM = (sys.executable, "-P", "-m", forecast_worker.__name__)
ENDS_WITHIN_SECONDS = 1.0
# One thread: the sums are small, and several threads only wait for one another.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@asynccontextmanager
async def forecasting_apart(environment: Mapping[str, str]) -> AsyncIterator["ForecastProcess"]:
    """A process for as long as it is needed; it ends when its stdin does, so never outlives us."""
    process = ForecastProcess(environment)
    try:
        yield process
    finally:
        await process.end()


class ForecastProcess:
    """Started by the first lesson; one that crashed or hangs is replaced by the next lesson.

    Through threads: the event loop's own way to start a process forks, and so runs what gRPC does
    at each fork.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        # No secret goes there: only what Python needs to find its modules.
        needed = {
            name: value
            for name, value in environment.items()
            if name == "PATH" or name.startswith(("PYTHON", "LD_", "COVERAGE"))
        }
        self._environment = {**needed, **ONE_THREAD}
        self._process: Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """None: none is needed yet."""
        return None if self._process is None else self._process.pid

    async def issue(self, lesson: Lesson) -> OwnIssue | None:
        """What is expected; None: nothing is known. Raises ForecastingFailedError."""
        try:
            process = self._process or await self._started()
            answer = await asyncio.to_thread(_asked, process, lesson)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            code = await self.end()
            log.warning("forecast.process_ended", region=lesson.region, code=code)
            raise ForecastingFailedError(
                f"the process that makes forecasts ended with code {code}"
            ) from error
        except BaseException:
            await self.end()
            raise
        if isinstance(answer, str):
            raise ForecastingFailedError(answer)
        return answer

    async def end(self) -> int | None:
        """Its exit code; None: none was running."""
        process, self._process = self._process, None
        return None if process is None else await asyncio.to_thread(_ended, process)

    async def _started(self) -> Popen[bytes]:
        starting = asyncio.ensure_future(asyncio.to_thread(_new_process, self._environment))
        try:
            self._process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._process = await starting  # so that it can be ended
            raise
        return self._process


def _new_process(environment: Mapping[str, str]) -> Popen[bytes]:
    return Popen(  # noqa: S603  our own program
        PROGRAM, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment
    )


def _asked(process: Popen[bytes], lesson: Lesson) -> Answer:
    if process.stdin is None or process.stdout is None:
        raise BrokenPipeError
    process.stdin.write(framed(lesson))
    process.stdin.flush()
    length = process.stdout.read(LENGTH_BYTES)
    if len(length) < LENGTH_BYTES:
        raise EOFError
    answer: Answer = pickle.loads(process.stdout.read(int.from_bytes(length, "big")))  # noqa: S301  our own child wrote it
    return answer


def _ended(process: Popen[bytes]) -> int | None:
    process.kill()
    with suppress(TimeoutExpired):
        process.wait(ENDS_WITHIN_SECONDS)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what was not sent goes nowhere
                pipe.close()
    return process.returncode
