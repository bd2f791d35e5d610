"""A policy that changes while `carbon-scaler serve` answers: a ConfigMap, as the kubelet swaps it."""

import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.serving import Client, grid_value, metric, serving, wait_until

REGION = "us-west-1"
GATE = {"region": REGION, "workloadClass": "standard", "mode": "gate", "maxDelay": "7d"}
CLASSES = "workload-policies.yaml"
RESIDENCY = "gdpr-residency-overrides.yaml"
REFUSED = metric("carbon_scaler_policy_refused")
# Of the grid in these tests.
GRAMS = 300
STRICT = {CLASSES: "classes: {standard: {threshold: 200}}\n"}
LENIENT = {CLASSES: "classes: {standard: {threshold: 500}}\n"}
TENANT = {
    RESIDENCY: """
tenants:
  acme: {level: EU_STRICT, namespaces: [batch], primary_region: eu-central-1}
"""
}
QUEUE_TABLE = """
CREATE TABLE queue (enqueued_at timestamptz NOT NULL DEFAULT now());
INSERT INTO queue DEFAULT VALUES;
INSERT INTO queue DEFAULT VALUES;
"""
BACKLOGS = {
    "backlogs.yaml": """
backlogs:
  orders: {kind: postgres, url_env: DATABASE_URL, query: SELECT enqueued_at FROM queue, refresh: 1s}
"""
}


class ConfigMap:
    """A mounted one: its documents are links through `..data`, which is swapped as a whole."""

    def __init__(self, directory: Path, documents: Mapping[str, str]) -> None:
        self.directory = directory
        self._version = 0
        directory.mkdir()
        self.swap(documents)

    def swap(self, documents: Mapping[str, str]) -> None:
        self._version += 1
        version = self.directory / f"..{self._version}"
        version.mkdir()
        for name, text in documents.items():
            (version / name).write_text(text)
        fresh = self.directory / "..data_tmp"
        fresh.symlink_to(version.name)
        fresh.rename(self.directory / "..data")
        for name in documents:
            link = self.directory / name
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}")
        for link in self.directory.iterdir():
            if not link.name.startswith("..") and link.name not in documents:
                link.unlink()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_postgres() as server:
        server.start()
        yield prepared(server)


def prepared(server: Postgres) -> str:
    url = server.database()
    server.execute(url, grid_value(GRAMS), QUEUE_TABLE)
    return url


@pytest.fixture
def config_map(tmp_path: Path) -> ConfigMap:
    return ConfigMap(tmp_path / "policy", STRICT)


@pytest.fixture
def client(url: str, config_map: ConfigMap) -> Iterator[Client]:
    settings = {"DATABASE_URL": url, "CARBON_SCALER_POLICY_DIR": str(config_map.directory)}
    with serving(settings) as client:
        client.program.wait_ready()
        yield client


def policy_of(client: Client) -> dict[str, object]:
    told = client.program.get("/status")["policy"]
    assert isinstance(told, dict)
    return told


def test_a_swap_counts_within_ten_seconds_under_load(client: Client, config_map: ConfigMap):
    assert client.value(GATE) == 0
    before = policy_of(client)["version"]
    ended, failures = threading.Event(), []

    def load() -> None:
        while not ended.is_set():
            try:
                client.value(GATE, name="load")
            except Exception as error:  # noqa: BLE001  whatever it is, a call failed
                failures.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        config_map.swap(LENIENT)
        wait_until(lambda: client.value(GATE) == 1, seconds=10)
    finally:
        ended.set()
        thread.join(10)

    assert failures == []
    assert policy_of(client)["version"] != before
    assert metric("carbon_scaler_policy_info", version=str(policy_of(client)["version"])) in (
        client.samples()
    )


def test_a_bad_document_keeps_the_last_good_one_and_is_told(client: Client, config_map: ConfigMap):
    config_map.swap({CLASSES: "classes:\n  standard: {threshold: 200, treshold: 500}\n"})
    wait_until(lambda: policy_of(client)["failure"], seconds=10)

    failure = str(policy_of(client)["failure"])
    assert f"{CLASSES}:2" in failure
    assert 'did you mean "threshold"' in failure
    assert client.value(GATE) == 0
    assert client.samples()[REFUSED] == 1

    config_map.swap(LENIENT)
    wait_until(lambda: client.value(GATE) == 1, seconds=10)
    assert policy_of(client)["failure"] is None
    assert client.samples()[REFUSED] == 0


@pytest.mark.parametrize(
    "text",
    ["", "classes: {standard: {thresh", "classes:\n\tstandard: {}\n", "x" * 10_000_001, "\0\1\2"],
    ids=["empty", "cut", "tab", "ten megabytes", "binary"],
)
def test_whatever_a_document_becomes_answers_go_on(
    text: str, client: Client, config_map: ConfigMap
):
    config_map.swap({CLASSES: text})
    wait_until(
        lambda: policy_of(client)["failure"] or policy_of(client)["version"] == "built-in",
        seconds=10,
    )
    # An empty document states nothing: the built-in limit of 400 g/kWh.
    assert client.value(GATE) == (1 if text == "" else 0)


def test_half_a_document_is_not_taken_for_a_whole_one(client: Client, config_map: ConfigMap):
    document = config_map.directory / "..data" / CLASSES
    # The first line alone is a good document that says nothing.
    with document.open("w") as written:
        written.write("classes:\n")
        written.flush()
        for _ in range(8):
            time.sleep(0.3)
            assert client.value(GATE) == 0
            os.utime(document)
        written.write("  standard: {threshold: 500}\n")
    wait_until(lambda: client.value(GATE) == 1, seconds=10)


@pytest.mark.parametrize("vanished", [{}, {RESIDENCY: "# nothing\n"}], ids=["gone", "emptied"])
def test_residency_that_vanishes_stays_in_force(
    vanished: Mapping[str, str], client: Client, config_map: ConfigMap
):
    config_map.swap(LENIENT | TENANT)
    wait_until(lambda: policy_of(client)["tenants"] == 1, seconds=10)
    assert client.value(GATE) == 0, "us-west-1 is not in the EU"

    config_map.swap(LENIENT | vanished)
    wait_until(lambda: policy_of(client)["failure"], seconds=10)
    assert f"{RESIDENCY} is gone or empty" in str(policy_of(client)["failure"])
    assert client.value(GATE) == 0

    config_map.swap(LENIENT | {RESIDENCY: "tenants: {}\n"})
    wait_until(lambda: client.value(GATE) == 1, seconds=10)


def test_a_backlog_comes_and_goes(client: Client, config_map: ConfigMap):
    queue = {"region": REGION, "workloadClass": "standard", "backlog": "orders"}
    assert client.refusal(queue) is not None

    config_map.swap(LENIENT | BACKLOGS)
    wait_until(lambda: client.refusal(queue) is None, seconds=10)
    assert client.value(queue) == 2

    config_map.swap(LENIENT)
    wait_until(lambda: client.refusal(queue) is not None, seconds=10)
    assert "orders" not in client.program.get("/status")["backlogs"]


def test_a_directory_that_is_gone_leaves_all_in_force(client: Client, config_map: ConfigMap):
    config_map.directory.rename(config_map.directory.with_name("elsewhere"))
    wait_until(lambda: policy_of(client)["failure"], seconds=10)
    assert "does not exist" in str(policy_of(client)["failure"])
    assert client.value(GATE) == 0
