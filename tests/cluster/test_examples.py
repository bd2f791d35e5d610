"""The manifests that users copy, as the cluster's own KEDA and Kubernetes see them."""

import pytest

from tests.cluster.kubernetes import ApiRefusedError, Manifest, Namespace
from tests.cluster.manifests import EXAMPLES, GATE, example

pytestmark = pytest.mark.cluster

NAMES = sorted(path.name for path in EXAMPLES.glob("scaledjob-*.yaml"))


@pytest.fixture(params=NAMES)
def manifest(request: pytest.FixtureRequest, namespace: Namespace) -> Manifest:
    """One of them, moved to the test's namespace and otherwise as written."""
    manifest = example(request.param)
    manifest["metadata"]["namespace"] = namespace.name
    return manifest


async def test_the_cluster_accepts_the_gate_as_it_is_written(namespace: Namespace):
    manifest = example(GATE)
    manifest["metadata"]["namespace"] = namespace.name

    accepted = await namespace.create(manifest, dry_run=True)

    assert accepted["spec"]["advanced"] == manifest["spec"]["advanced"]


async def test_the_cluster_accepts_an_example_as_it_is_written(
    manifest: Manifest, namespace: Namespace
):
    accepted = await namespace.create(manifest, dry_run=True)

    assert accepted["spec"]["jobTargetRef"] == manifest["spec"]["jobTargetRef"]


async def test_the_cluster_refuses_an_example_with_a_misspelt_field(
    manifest: Manifest, namespace: Namespace
):
    manifest["spec"]["pollInterval"] = 30

    with pytest.raises(ApiRefusedError, match="pollInterval"):
        await namespace.create(manifest, dry_run=True)


async def test_the_pods_of_an_example_meet_the_restricted_profile(
    manifest: Manifest, namespace: Namespace
):
    pod = manifest["spec"]["jobTargetRef"]["template"] | {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] |= {"name": "as-the-job-makes-it", "namespace": namespace.name}

    await namespace.create(pod, dry_run=True)

    del pod["spec"]["securityContext"]["seccompProfile"]
    with pytest.raises(ApiRefusedError, match="seccompProfile"):
        await namespace.create(pod, dry_run=True)
