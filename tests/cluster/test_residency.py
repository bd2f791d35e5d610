"""Work whose data may not be processed where this cluster runs: no Job, and no error either."""

import pytest

from tests.cluster.conftest import CLEAN, Apply, Grid
from tests.cluster.kubernetes import Namespace
from tests.cluster.manifests import BRAKE, QUEUE, example
from tests.cluster.scaler import LOOPBACK, Scaler
from tests.cluster.world import World

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(150)]

BACKLOG = "q2q-embeddings"
DOCUMENT = "gdpr-residency-overrides.yaml"


def a_tenant_of(namespace: Namespace, mode: str) -> dict[str, str]:
    """The cluster runs in us-east-1; this tenant's work belongs into the EU."""
    return {
        DOCUMENT: f"""
tenants:
  acme:
    level: EU_STRICT
    mode: {mode}
    namespaces: [{namespace.name}]
    primary_region: eu-central-1
"""
    }


async def test_in_a_queue_nothing_starts_not_even_what_is_overdue_until_the_law_changes(
    *, world: World, grid: Grid, scaler: Scaler, apply: Apply, namespace: Namespace
):
    await grid(CLEAN)
    await scaler.obeys(a_tenant_of(namespace, "STRICT"), tenants=1)
    scaled_job = await apply(example(QUEUE))
    await world.enqueue(6)
    await world.make_overdue(2)
    await scaler.reads(BACKLOG, waiting=6)

    await scaled_job.stays(0)
    assert await scaled_job.warnings() == [], "a refusal is an answer, not an error"

    await scaler.obeys(a_tenant_of(namespace, "ADVISORY"))
    await scaled_job.reaches(6)


async def test_a_brake_holds_the_queue_beside_it_on_a_clean_grid(
    *,
    world: World,
    grid: Grid,
    scaler: Scaler,
    apply: Apply,
    namespace: Namespace,
    database_url: str,
    scaler_host: str,
):
    if scaler_host != LOOPBACK and "host=/" in database_url.replace("%2F", "/"):
        pytest.skip("KEDA is elsewhere: name a database that it reaches in TEST_POSTGRES_DSN")
    await grid(CLEAN)
    await scaler.obeys(a_tenant_of(namespace, "STRICT"), tenants=1)
    scaled_job = await apply(example(BRAKE))
    await world.request_reports(4)

    await scaled_job.stays(0)
    assert await scaled_job.warnings() == []

    await scaler.obeys(a_tenant_of(namespace, "DISABLED"))
    await scaled_job.reaches(4)
