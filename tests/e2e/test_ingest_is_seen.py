"""What ingest commits is seen by every `carbon-scaler serve` on the same database."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.ingesting import DONE, REGION, one_cycle, provider, settings_of
from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.serving import HARDLY_EVER_RELEASED, Client, grid_value, serving, wait_until

SERVERS = 3
# The peer's values are between 100 and 400, and a blind brake of this class is on.
BRAKE = {
    "region": REGION,
    "mode": "brake",
    "workloadClass": "deferrable",
    "strategy": "threshold",
    "threshold": "500",
    "minRenewablePercent": "0",
    **HARDLY_EVER_RELEASED,
}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


def test_three_servers_see_what_is_committed_within_a_second_and_two_when_one_is_gone(
    postgres: Postgres,
):
    url = postgres.database()
    with ExitStack() as stack, provider() as peer:
        servers = [stack.enter_context(serving({"DATABASE_URL": url})) for _ in range(SERVERS)]
        for each in servers:
            each.program.wait_ready()
            assert each.is_active(BRAKE), "blind"

        assert one_cycle(settings_of(url, peer))[0] == DONE
        wait_until(lambda: not any(each.is_active(BRAKE) for each in servers))
        for each in servers:
            assert each.program.get("/status")["regions"][REGION]["source"] == "electricity_maps"

        took = [seconds_until_seen(postgres, url, servers, grams) for grams in (900, 90, 901)]
        print(f"{SERVERS} servers saw a typed row after {', '.join(f'{s:.3f}' for s in took)} s")

        servers.pop().program.process.kill()
        seconds_until_seen(postgres, url, servers, 91)


def seconds_until_seen(postgres: Postgres, url: str, servers: list[Client], grams: int) -> float:
    """From before the statement until the last server answers by it."""
    before = time.monotonic()
    postgres.execute(url, grid_value(grams, at="clock_timestamp()", region=REGION))
    is_dirty = grams > 500
    # Less than the slow poll that would find it without a notification.
    wait_until(lambda: all(each.is_active(BRAKE) == is_dirty for each in servers), seconds=20)
    return time.monotonic() - before
