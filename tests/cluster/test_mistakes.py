"""What the author of a ScaledJob sees of a mistake in it."""

from copy import deepcopy

import pytest

from tests.cluster.conftest import CLEAN, Apply, Grid
from tests.cluster.kubernetes import until
from tests.cluster.manifests import QUEUE, example, trigger_of
from tests.cluster.world import World

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]


async def test_a_typo_is_an_event_that_names_key_value_and_what_is_allowed_until_it_is_mended(
    world: World, grid: Grid, apply: Apply
):
    manifest = example(QUEUE)
    mistaken = deepcopy(manifest)
    trigger = mistaken["spec"]["triggers"][0]["metadata"]
    trigger |= {"workloadClass": "deferable", "maxDelay": "tomorrow"}
    await grid(CLEAN)
    scaled_job = await apply(mistaken)

    events: list[str] = []

    async def told() -> bool:
        events[:] = await scaled_job.warnings()
        return any(event.startswith("KEDAScalerFailed") for event in events)

    await until(told, "a warning event")
    text = "\n".join(events)
    for word in ("workloadClass", '"deferable"', "deferrable", "urgent", "standard"):
        assert word in text
    for word in ("maxDelay", '"tomorrow"', "12h"):
        assert word in text

    await world.enqueue(2)
    await scaled_job.stays(0)
    address = {"scalerAddress": trigger_of(scaled_job.manifest)["scalerAddress"]}
    mended = {"type": "external", "metadata": trigger_of(manifest) | address}
    await scaled_job.change({"triggers": [mended]})
    await scaled_job.reaches(2)
    await scaled_job.stays(2)
