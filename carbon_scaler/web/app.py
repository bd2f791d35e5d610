"""The HTTP routes: is it alive, is it ready, what does it know."""

import asyncio
from typing import Any

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from carbon_scaler.application.backlogs import Backlogs
from carbon_scaler.application.ports import Clock
from carbon_scaler.application.rulebook import Rules
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.application.status import Server, status_document


def build_app(
    *,
    server: Server,
    snapshots: Snapshots,
    backlogs: Backlogs,
    rules: Rules,
    clock: Clock,
    registry: CollectorRegistry,
) -> FastAPI:
    """The application over a running server's parts."""
    app = FastAPI(title="carbon-scaler", version=server.version, docs_url=None, redoc_url=None)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        """The process answers."""
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz(response: Response) -> dict[str, Any]:
        """Whether calls should come here, and if not, why not."""
        reasons = server.not_ready_because(snapshots)
        response.status_code = 503 if reasons else 200
        return {"status": "not ready" if reasons else "ready", "reasons": reasons}

    @app.get("/status")
    async def status() -> dict[str, Any]:
        """What the server knows and how fresh it is."""
        return status_document(
            server=server, snapshots=snapshots, backlogs=backlogs, rules=rules, clock=clock
        )

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Prometheus' text format."""
        # In a thread: with 100,000 triggers it would hold the loop.
        text = await asyncio.to_thread(generate_latest, registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return app
