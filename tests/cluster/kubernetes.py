"""The Kubernetes API as these tests need it, over `kubectl proxy`: any kubeconfig works, exec plugins too."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx

Manifest = dict[str, Any]

COLLECTIONS = {
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "Event": "/api/v1/namespaces/{namespace}/events",
    "Job": "/apis/batch/v1/namespaces/{namespace}/jobs",
    "Pod": "/api/v1/namespaces/{namespace}/pods",
    "ScaledJob": "/apis/keda.sh/v1alpha1/namespaces/{namespace}/scaledjobs",
    "ScaledObject": "/apis/keda.sh/v1alpha1/namespaces/{namespace}/scaledobjects",
    "Secret": "/api/v1/namespaces/{namespace}/secrets",
}
NAMESPACES = "/api/v1/namespaces"
LOOK_AGAIN_SECONDS = 0.1


class ApiRefusedError(Exception):
    """The API server said no; the text is its own."""


async def until(
    condition: Callable[[], Awaitable[bool]], what: str, *, within_seconds: float = 30
) -> None:
    """Ask again and again until it is so."""
    try:
        async with asyncio.timeout(within_seconds):
            while True:
                if await condition():
                    return
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
    except TimeoutError:
        raise AssertionError(f"not within {within_seconds:g} s: {what}") from None


@contextmanager
def kubectl_proxy(socket: Path) -> Iterator[Path]:
    """The API without credentials, on a socket that only its directory's owner reaches."""
    command = ["kubectl", "proxy", f"--unix-socket={socket}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            assert proxy.stdout is not None
            line = proxy.stdout.readline()
            if not line.startswith("Starting to serve"):
                raise ApiRefusedError(f"kubectl proxy did not start: {line}")
            yield socket
        finally:
            proxy.terminate()


class Namespace:
    """The objects of one namespace."""

    def __init__(self, name: str, http: httpx.AsyncClient) -> None:
        self.name = name
        self._http = http

    async def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Create it; unknown and doubled fields are refused."""
        query = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry_run else {})
        path = self._collection(manifest["kind"])
        return await answered(self._http.post(path, json=manifest, params=query))

    async def patch(self, kind: str, name: str, change: Manifest, *, part: str = "") -> Manifest:
        """Merge a change into an object, or into a part of it such as `status`."""
        path = f"{self._collection(kind)}/{name}" + (f"/{part}" if part else "")
        headers = {"Content-Type": "application/merge-patch+json"}
        return await answered(self._http.patch(path, content=json.dumps(change), headers=headers))

    async def listed(self, kind: str, **selectors: str) -> list[Manifest]:
        """The objects of a kind; `labelSelector`, `fieldSelector` narrow it."""
        answer = await answered(self._http.get(self._collection(kind), params=selectors))
        return list(answer["items"])

    def _collection(self, kind: str) -> str:
        return COLLECTIONS[kind].format(namespace=self.name)


@asynccontextmanager
async def api(socket: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API behind the proxy's socket."""
    transport = httpx.AsyncHTTPTransport(uds=str(socket))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", timeout=30
    ) as http:
        yield http


async def answered(request: Awaitable[httpx.Response]) -> Manifest:
    """The body of a granted request."""
    response = await request
    body: Manifest = response.json()
    if response.is_error:
        raise ApiRefusedError(body.get("message", response.text))
    return body


@asynccontextmanager
async def own_namespace(http: httpx.AsyncClient, name: str) -> AsyncIterator[Namespace]:
    """A new namespace that admits restricted pods only; its removal is begun on leaving."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {
                "app.kubernetes.io/part-of": "carbon-scaler",
                "pod-security.kubernetes.io/enforce": "restricted",
            },
        },
    }
    await answered(http.post(NAMESPACES, json=manifest))
    try:
        yield Namespace(name, http)
    finally:
        await answered(http.delete(f"{NAMESPACES}/{name}"))
