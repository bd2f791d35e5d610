"""A Deployment whose workers follow a queue multiplied by the grid's level."""

from collections.abc import Awaitable, Callable
from copy import deepcopy

import pytest

from tests.cluster.conftest import CLEAN, DIRTY, Grid
from tests.cluster.kubernetes import Manifest, Namespace, until
from tests.cluster.manifests import GATE, NOBODY, example
from tests.cluster.scaler import LOOPBACK, Scaler
from tests.cluster.world import World

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(150)]

TABLE = "CREATE TABLE thumbnail_requests (done_at timestamptz)"


def workers(name: str, database_url: str) -> Manifest:
    """The Deployment that the ScaledObject is about; its pods run nowhere."""
    labels = {"app": name}
    container = {
        "name": "worker",
        "image": "thumbnails:1",
        "env": [{"name": "DATABASE_URL", "value": database_url}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"schedulerName": NOBODY, "containers": [container]},
            },
        },
    }


@pytest.fixture
async def replicas(
    *,
    namespace: Namespace,
    scaler: Scaler,
    world: World,
    grid: Grid,
    database_url: str,
    scaler_host: str,
) -> Callable[[], Awaitable[int]]:
    """The example applied on a dirty grid, asked every second; how many workers KEDA wants."""
    if scaler_host != LOOPBACK and "host=/" in database_url.replace("%2F", "/"):
        pytest.skip("KEDA is elsewhere: name a database that it reaches in TEST_POSTGRES_DSN")
    await world.execute(TABLE)
    await grid(DIRTY)
    manifest = deepcopy(example(GATE))
    manifest["metadata"]["namespace"] = namespace.name
    manifest["spec"] |= {"pollingInterval": 1, "cooldownPeriod": 1}
    manifest["spec"]["triggers"][1]["metadata"]["scalerAddress"] = scaler.address
    target = manifest["spec"]["scaleTargetRef"]["name"]
    await namespace.create(workers(target, database_url))
    await namespace.create(manifest)

    async def replicas() -> int:
        [deployment] = await namespace.listed("Deployment")
        return int(deployment["spec"]["replicas"])

    async def polled() -> bool:
        return await scaler.polled_at(namespace.name, manifest["metadata"]["name"]) is not None

    await until(polled, "KEDA asks for the gate")
    return replicas


async def test_workers_come_with_work_on_a_clean_grid_and_go_when_it_gets_dirty(
    world: World, grid: Grid, replicas: Callable[[], Awaitable[int]]
):
    await world.execute("INSERT INTO thumbnail_requests SELECT NULL FROM generate_series(1, 20)")
    for _ in range(20):
        assert await replicas() == 0, "there is work, and the grid is dirty"

    await grid(CLEAN)
    await until(lambda: is_at_least(replicas, 1), "workers on a clean grid", within_seconds=60)

    await grid(DIRTY)
    await until(lambda: is_none(replicas), "no workers on a dirty grid", within_seconds=60)


async def is_at_least(replicas: Callable[[], Awaitable[int]], count: int) -> bool:
    return await replicas() >= count


async def is_none(replicas: Callable[[], Awaitable[int]]) -> bool:
    return await replicas() == 0
