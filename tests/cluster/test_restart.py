"""The scaler dies in the middle."""

import pytest

from tests.cluster.conftest import CLEAN, Apply, Grid
from tests.cluster.manifests import QUEUE, example
from tests.cluster.scaler import Scaler
from tests.cluster.world import World

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


async def test_a_scaler_killed_and_restarted_in_the_middle_loses_nothing_and_starts_nothing_twice(
    world: World, grid: Grid, scaler: Scaler, apply: Apply
):
    items, ceiling = 12, 6
    await grid(CLEAN)
    scaled_job = await apply(example(QUEUE), maxReplicaCount=ceiling)
    await world.enqueue(items)
    await scaled_job.reaches(ceiling)

    # Six items are being worked on when it dies; three are done before it is back.
    await world.start(ceiling)
    await scaler.kill()
    await world.finish(3)
    await scaled_job.finish((await scaled_job.unfinished())[:3])
    await scaler.start()

    await scaled_job.reaches(ceiling + 3, within_seconds=60)
    await world.start(3)
    await scaled_job.stays(ceiling + 3)

    # And once more, right after it let the last three start.
    await world.finish(ceiling)
    await scaled_job.told(items - ceiling - 3)
    await scaled_job.finish(await scaled_job.unfinished())
    await scaled_job.reaches(items)
    await scaler.kill()
    await world.start(3)
    await scaler.start()
    await scaled_job.stays(items)

    await world.finish(3)
    await scaled_job.told(0)
    await scaled_job.finish(await scaled_job.unfinished())
    await scaled_job.stays(items)
