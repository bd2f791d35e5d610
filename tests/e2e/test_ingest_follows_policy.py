"""`carbon-scaler ingest` when region-profiles.yaml changes while it runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.ingesting import REGION, provider, settings_of
from tests.e2e.postgres import running_postgres
from tests.e2e.program import started
from tests.e2e.serving import wait_until
from tests.peers.server import Peer

PROFILES = "region-profiles.yaml"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_postgres() as server:
        server.start()
        yield server.database()


def zones_of(peer: Peer) -> set[str]:
    return {request.query["zone"] for request in list(peer.requests) if "zone" in request.query}


def test_another_zone_is_asked_for_and_a_bad_document_leaves_the_last_good_one(
    url: str, tmp_path: Path
):
    with provider() as peer:
        settings = settings_of(url, peer, CARBON_SCALER_POLICY_DIR=str(tmp_path))
        with started("ingest", settings=settings) as program:
            program.wait_event("ingest.history_loaded", seconds=60)
            assert zones_of(peer) == {"US-CAL-CISO"}

            (tmp_path / PROFILES).write_text(f"regions: {{{REGION}: {{zoen: DE}}}}\n")
            refused = program.wait_event("ingest.policy_refused")
            assert f"{PROFILES}:1" in refused["cause"]
            assert program.process.poll() is None

            (tmp_path / PROFILES).write_text(f"regions: {{{REGION}: {{zone: DE}}}}\n")
            program.wait_event("ingest.policy_reloaded")
            wait_until(lambda: "DE" in zones_of(peer), seconds=30)
