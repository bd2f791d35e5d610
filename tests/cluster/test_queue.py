"""Jobs for a queue that the scaler reads itself."""

import pytest

from tests.cluster.conftest import CLEAN, DIRTY, Apply, Grid
from tests.cluster.manifests import QUEUE, QUEUE_ACCURATE, example
from tests.cluster.scaler import Scaler
from tests.cluster.world import World

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(150)]

BACKLOG = "q2q-embeddings"


async def test_a_dirty_grid_holds_all_but_the_overdue_and_a_clean_one_fills_up_to_the_ceiling(
    world: World, grid: Grid, scaler: Scaler, apply: Apply
):
    manifest = example(QUEUE)
    ceiling = manifest["spec"]["maxReplicaCount"]
    await grid(DIRTY)
    scaled_job = await apply(manifest)

    await world.enqueue(50)
    await scaler.reads(BACKLOG, waiting=50)
    await scaled_job.stays(0)

    await world.make_overdue(3)
    await scaled_job.reaches(3)
    await scaled_job.stays(3)

    await grid(CLEAN)
    await scaled_job.reaches(ceiling)
    await scaled_job.stays(ceiling)

    await world.empty()
    await scaled_job.told(0)
    await scaled_job.finish(await scaled_job.unfinished())
    await scaled_job.stays(ceiling)


async def test_overdue_items_start_beside_jobs_in_progress_and_nothing_else_does(
    world: World, grid: Grid, scaler: Scaler, apply: Apply
):
    await grid(CLEAN)
    scaled_job = await apply(example(QUEUE), maxReplicaCount=40)
    await world.enqueue(20)
    await scaled_job.reaches(20)
    await world.start(20)
    await scaled_job.run(await scaled_job.unfinished())

    await grid(DIRTY)
    await world.enqueue(30)
    await scaler.reads(BACKLOG, waiting=30, in_progress=20)
    await scaled_job.stays(20)

    await world.make_overdue(3)
    await scaled_job.reaches(23)
    await scaled_job.stays(23)


async def test_a_queue_of_waiting_items_only_gets_a_job_for_each_and_none_for_what_runs(
    world: World, grid: Grid, scaler: Scaler, apply: Apply
):
    await grid(CLEAN)
    scaled_job = await apply(example(QUEUE_ACCURATE))
    await world.await_analysis(3)
    await scaled_job.reaches(3)

    first, second, _ = await scaled_job.unfinished()
    await world.take_analyses(2)
    await scaled_job.told(1)
    await scaled_job.run([first, second])
    await scaled_job.stays(3)

    await world.await_analysis(1)
    await scaled_job.reaches(4)
    await scaled_job.stays(4)
