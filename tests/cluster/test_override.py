"""An operator's word, typed while KEDA polls."""

import json

import pytest

from tests.cluster.conftest import CLEAN, DIRTY, Apply, Grid
from tests.cluster.kubernetes import Namespace
from tests.cluster.manifests import QUEUE, example
from tests.cluster.scaler import Scaler
from tests.cluster.world import World

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(150)]

BACKLOG = "q2q-embeddings"


async def test_a_hold_stops_all_and_its_end_and_a_release_start_it(
    *, world: World, grid: Grid, scaler: Scaler, apply: Apply, namespace: Namespace
):
    manifest = example(QUEUE)
    subject = f"{namespace.name}/{manifest['metadata']['name']}"
    await grid(CLEAN)
    scaled_job = await apply(manifest)
    said = ("--for", "10m", "--reason", "maintenance", "--json")
    hold = json.loads(await scaler.run("override", "hold", "--object", subject, *said))
    await scaled_job.polled(2)

    await world.enqueue(5)
    await world.make_overdue(2)
    await scaler.reads(BACKLOG, waiting=5)
    await scaled_job.stays(0)

    await scaler.run("override", "end", str(hold["id"]))
    await scaled_job.reaches(5)

    await grid(DIRTY)
    await scaled_job.polled(2)
    await world.enqueue(4)
    await scaler.reads(BACKLOG, waiting=9)
    await scaler.run("override", "release", "--class", "deferrable", *said)
    await scaled_job.reaches(9)
