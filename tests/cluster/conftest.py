"""A real cluster with KEDA from KUBECONFIG, and a scaler of our own for each test."""

import os
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.cluster.kubernetes import (
    NAMESPACES,
    Manifest,
    Namespace,
    api,
    kubectl_proxy,
    own_namespace,
    until,
)
from tests.cluster.manifests import adapted, policy_directory, secrets_of
from tests.cluster.scaled_job import AppliedScaledJob
from tests.cluster.scaler import LOOPBACK, Scaler
from tests.cluster.world import World
from tests.integration.conftest import database_url, embedded_server, postgres

__all__ = ["database_url", "embedded_server", "postgres"]  # fixtures too

Apply = Callable[..., Awaitable[AppliedScaledJob]]
Grid = Callable[[float], Awaitable[None]]

REGION = "us-east-1"  # of all examples
DIRTY, CLEAN = 480.0, 90.0  # g/kWh

KEDA = "/apis/keda.sh/v1alpha1"


@pytest.fixture(scope="session")
def scaler_host() -> str:
    """Where KEDA reaches what runs on this machine."""
    return os.environ.get("CARBON_SCALER_E2E_ADDRESS", LOOPBACK)


@pytest.fixture(scope="session")
def api_socket() -> Iterator[Path]:
    """The cluster's API, for as long as the tests run."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG is not set: these tests need a cluster with KEDA (make e2e-keda)")
    with (
        tempfile.TemporaryDirectory() as directory,
        kubectl_proxy(Path(directory) / "api.sock") as socket,
    ):
        yield socket


@pytest.fixture(scope="session")
def namespace_names(api_socket: Path) -> Iterator[list[str]]:
    """The namespaces that were made; in the end they are gone."""
    transport = httpx.HTTPTransport(uds=str(api_socket))
    with httpx.Client(transport=transport, base_url="http://localhost", timeout=30) as http:
        if http.get(KEDA).is_error:
            pytest.exit(f"the cluster in KUBECONFIG has no KEDA: it does not serve {KEDA}", 1)
        names: list[str] = []
        yield names
        give_up_at = time.monotonic() + 90
        while any(http.get(f"{NAMESPACES}/{name}").is_success for name in names):
            assert time.monotonic() < give_up_at, f"still there: {names}"
            time.sleep(0.2)


@pytest.fixture
async def namespace(api_socket: Path, namespace_names: list[str]) -> AsyncIterator[Namespace]:
    """A namespace of the test's own."""
    name = f"carbon-scaler-e2e-{uuid.uuid4().hex[:8]}"
    namespace_names.append(name)
    async with api(api_socket) as http, own_namespace(http, name) as namespace:
        yield namespace


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """The grid and the queues."""
    connection = await asyncpg.connect(database_url)
    world = World(connection)
    await world.prepare()
    yield world
    await connection.close()


@pytest.fixture
async def scaler(
    *, world: World, namespace: Namespace, database_url: str, scaler_host: str, tmp_path: Path
) -> AsyncIterator[Scaler]:
    """The installed program, serving."""
    scaler = Scaler(
        database_url=database_url,
        policy=policy_directory(tmp_path / "policy", namespace=namespace.name),
        directory=tmp_path,
        host=scaler_host,
    )
    try:
        await scaler.start()
        yield scaler
    finally:
        await scaler.stop()
        print(scaler.log)


@pytest.fixture
def grid(world: World, scaler: Scaler) -> Grid:
    """A new value, and wait until the scaler knows it."""

    async def grid(grams_per_kwh: float) -> None:
        await world.grid(REGION, grams_per_kwh)

        async def known() -> bool:
            return await scaler.intensity(REGION) == grams_per_kwh

        await until(known, f"the scaler knows of {grams_per_kwh:g} g/kWh")

    return grid


@pytest.fixture
def apply(namespace: Namespace, scaler: Scaler, database_url: str) -> Apply:
    """Create a ScaledJob from a manifest, and the Secrets that it refers to."""

    async def apply(manifest: Manifest, **spec: object) -> AppliedScaledJob:
        for secret in secrets_of(manifest, database_url):
            await namespace.create(secret)
        here = adapted(manifest, namespace=namespace.name, address=scaler.address, **spec)
        await namespace.create(here)
        scaled_job = AppliedScaledJob(here, namespace, scaler)
        await scaled_job.settled()
        return scaled_job

    return apply
