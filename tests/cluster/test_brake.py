"""A brake beside the queue trigger that a ScaledJob already has."""

import pytest

from tests.cluster.conftest import CLEAN, DIRTY, Apply, Grid
from tests.cluster.manifests import BRAKE, example
from tests.cluster.scaler import LOOPBACK
from tests.cluster.world import World

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]


@pytest.mark.parametrize("first", ["queue", "brake"])
async def test_a_brake_holds_the_jobs_of_the_trigger_beside_it_whichever_comes_first(
    *, first: str, world: World, grid: Grid, apply: Apply, database_url: str, scaler_host: str
):
    if scaler_host != LOOPBACK and "host=/" in database_url.replace("%2F", "/"):
        pytest.skip("KEDA is elsewhere: name a database that it reaches in TEST_POSTGRES_DSN")
    manifest = example(BRAKE)
    queue, brake = manifest["spec"]["triggers"]
    triggers = [queue, brake] if first == "queue" else [brake, queue]
    await grid(DIRTY)
    scaled_job = await apply(manifest, triggers=triggers)

    await world.request_reports(4)
    await scaled_job.stays(0)

    await grid(CLEAN)
    await scaled_job.reaches(4)

    await grid(DIRTY)
    await scaled_job.polled(2)
    await world.request_reports(3)
    await scaled_job.stays(4)
