"""A second opinion from h2load: one trigger in one byte order, and no look at the answers."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from statistics import median
from typing import Any

from tests.bench import world
from tests.bench.compare import Contestant
from tests.bench.connection import METHOD
from tests.bench.load import IN_FLIGHT
from tests.bench.scale import Scale

MISSING = (
    "h2load is not installed, so its second opinion is left out "
    "(Debian, Ubuntu: apt-get install nghttp2-client)"
)
LIMIT_SECONDS = 60
_RATE = re.compile(r"finished in \S+, ([\d.]+) req/s")
_SUCCEEDED = re.compile(r"(\d+) succeeded")


def rounds_of_h2load(contestants: Sequence[Contestant], scale: Scale) -> dict[str, Any]:
    """The servers' CPU per answer and rate, in turns, the first one's as measure; else nothing."""
    program = shutil.which("h2load")
    if program is None:
        print(MISSING, file=sys.stderr)
        return {}
    message = world.triggers(1, regions=scale.regions)[0].request(0)
    rounds: dict[str, list[tuple[float, float]]] = {one.name: [] for one in contestants}
    with tempfile.NamedTemporaryFile() as body:
        body.write(b"\0" + len(message).to_bytes(4, "big") + message)
        body.flush()
        for number in range(scale.rounds // 2):
            for one in contestants if number % 2 else reversed(contestants):
                rounds[one.name].append(_round(program, body.name, one, scale.calls))
    base = rounds[contestants[0].name]
    return {
        name: {
            "cpu_us_per_answer": round(median(cpu for cpu, _ in turns), 1),
            "answers_per_second": round(median(rate for _, rate in turns)),
            "cpu_to_first": round(
                median(mine[0] / its[0] for mine, its in zip(turns, base, strict=True)), 3
            ),
        }
        for name, turns in rounds.items()
    }


def _round(program: str, body: str, contestant: Contestant, calls: int) -> tuple[float, float]:
    headers = ("-Hcontent-type: application/grpc", "-Hte: trailers")
    url = f"http://127.0.0.1:{contestant.served.port}{METHOD}"
    command = [program, f"-n{calls}", "-c1", f"-m{IN_FLIGHT}", *headers, f"-d{body}", url]
    before = contestant.served.cpu_seconds()
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=LIMIT_SECONDS
    )
    cpu = contestant.served.cpu_seconds() - before
    rate, succeeded = _RATE.search(done.stdout), _SUCCEEDED.search(done.stdout)
    if rate is None or succeeded is None or int(succeeded[1]) != calls:
        raise RuntimeError(f"h2load: {done.stdout}")
    return cpu / calls * 1e6, float(rate[1])
