"""`carbon-scaler run` for a region that has live values without a key, and for one that has none."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import grpc

from tests.e2e.program import finished, started
from tests.e2e.serving import HARDLY_EVER_RELEASED, Client
from tests.peers.neso import RENEWABLE_PERCENT, NesoPeer
from tests.peers.server import Peer

GB = "eu-west-2"
BLIND = {"region": GB, "mode": "brake", "workloadClass": "deferrable", **HARDLY_EVER_RELEASED}
# The peer's values are between 60 and 310, and a blind brake of this class is on.
OPEN = {**BLIND, "threshold": "1000", "minRenewablePercent": "0"}
BRAKED = {**OPEN, "threshold": "50"}


@contextmanager
def running(directory: Path, **settings: str) -> Iterator[Client]:
    given = {"CARBON_SCALER_DATA_DIR": str(directory), **settings}
    with started("run", settings=given, cwd=directory) as program:
        program.wait_ready()
        with grpc.insecure_channel(program.grpc_address) as channel:
            yield Client(program, channel)


def nobody_listens() -> str:
    """An address that refuses connections."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def explained(directory: Path, metadata: Mapping[str, str]) -> dict[str, object]:
    pairs = [f"{key}={value}" for key, value in metadata.items()]
    settings = {"CARBON_SCALER_DATA_DIR": str(directory)}
    done = finished("explain", *pairs, "--json", settings=settings)
    assert done.returncode == 0, done.stderr
    document: dict[str, object] = json.loads(done.stdout)
    return document


def test_great_britain_is_live_without_a_key(tmp_path: Path):
    with (
        Peer(NesoPeer()) as peer,
        running(tmp_path, CARBON_SCALER_REGION=GB, CARBON_SCALER_NESO_URL=peer.url) as client,
    ):
        banner = client.program.wait_output("/status")
        status = client.program.get("/status")
        value = status["regions"][GB]

        assert "live: neso" in banner
        assert "replay" not in banner
        assert status["replay"] is None
        assert status["database"]["url"].partition("?")[0].endswith("/carbon")
        assert (value["source"], value["kind"]) == ("neso", "measured")
        assert (value["signal"], value["factors"]) == ("average", "direct")
        assert value["usable"]
        assert value["renewable_percent"] == RENEWABLE_PERCENT
        assert 60 <= value["grams_per_kwh"] <= 310

        assert not client.is_active(OPEN)
        assert client.is_active(BRAKED)
        assert status["leader"]["holder"].endswith(f":{client.program.process.pid}")
        assert [feed["source"] for feed in status["feeds"]] == ["neso"]


def test_a_second_start_is_ready_with_what_the_first_one_stored(tmp_path: Path):
    with Peer(NesoPeer()) as peer:
        settings = {"CARBON_SCALER_REGION": GB, "CARBON_SCALER_NESO_URL": peer.url}
        with running(tmp_path, **settings) as client:
            client.program.wait_event("ingest.history_loaded")
        with running(tmp_path, **settings) as client:
            assert not client.is_active(OPEN)
            assert client.program.get("/status")["regions"][GB]["usable"]


def test_without_a_network_great_britain_is_replayed_and_everything_says_so_and_why(
    tmp_path: Path,
):
    settings = {"CARBON_SCALER_REGION": GB, "CARBON_SCALER_NESO_URL": nobody_listens()}
    with running(tmp_path, **settings) as client:
        banner = client.program.wait_output("/status")
        status = client.program.get("/status")

        for said in (banner, status["replay"]):
            assert "replayed data, not live" in said
            assert "neso: cannot be reached" in said
        assert status["sources"] == ["replay"]
        assert status["regions"][GB]["source"] == "replay"
        assert status["database"]["url"].partition("?")[0].endswith("/carbon_replay")


def test_a_source_that_was_asked_for_is_never_replaced_by_replayed_data(tmp_path: Path):
    settings = {
        "CARBON_SCALER_REGION": GB,
        "CARBON_SCALER_NESO_URL": nobody_listens(),
        "CARBON_SCALER_SOURCES": "neso",
    }
    with running(tmp_path, **settings) as client:
        banner = client.program.wait_output("/status")
        status = client.program.get("/status")

        assert "replay" not in banner
        assert "no usable value yet" in banner
        assert status["replay"] is None
        assert status["regions"][GB]["usable"] is False
        assert client.is_active(OPEN), "blind, and this class is closed then"
        assert not client.is_active({**OPEN, "workloadClass": "standard"})
        document = explained(tmp_path, OPEN)
        assert document["reason"] == "blind_closed"
        assert "no usable data for eu-west-2" in json.dumps(document["rules"])


def test_a_yearly_average_labels_a_region_and_decides_nothing(tmp_path: Path):
    settings = {"CARBON_SCALER_REGION": "us-east-1", "CARBON_SCALER_SOURCES": "static"}
    with running(tmp_path, **settings) as client:
        assert "yearly averages only, which never decide" in client.program.wait_output("/status")
        value = client.program.get("/status")["regions"]["us-east-1"]
        brake = {**OPEN, "region": "us-east-1"}

        assert (value["source"], value["kind"], value["usable"]) == ("static", "static", False)
        assert client.is_active(brake), "blind"
        assert "(static), does not decide" in json.dumps(explained(tmp_path, brake)["rules"])


def test_a_region_that_no_keyless_source_has_is_replayed_and_the_reason_is_said(tmp_path: Path):
    with running(tmp_path, CARBON_SCALER_REGION="us-east-1") as client:
        banner = client.program.wait_output("/status")
        status = client.program.get("/status")

        for said in (banner, status["replay"]):
            assert "replayed data, not live" in said
            assert "no source without a key has us-east-1" in said
        assert status["regions"]["us-east-1"]["source"] == "replay"
