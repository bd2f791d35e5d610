"""What an operator or an account says counts on every server at once."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import finished
from tests.e2e.serving import Client, grid_value, metric, serving, wait_until

REGION = "us-west-1"
# Released by its budget and its class alone: no pulse for a week.
GATE = {
    "region": REGION,
    "workloadClass": "standard",
    "mode": "gate",
    "service": "reports",
    "maxDelay": "7d",
}
BUDGETS = "services: {reports: {monthly_kg: 10, action: defer, exempt_classes: [deferrable]}}\n"
SPEND = """
INSERT INTO budget_use (service, month, spent_kg)
VALUES ('reports', date_trunc('month', now() AT TIME ZONE 'UTC')::date, {kilograms})
ON CONFLICT (service, month) DO UPDATE SET spent_kg = excluded.spent_kg
"""
# What the issue calls "at once"; a test only times out.
AT_ONCE_SECONDS = 5.0


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as running:
        running.start()
        yield running


@pytest.fixture(scope="module")
def settings(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    url, policy = server.database(), tmp_path_factory.mktemp("policy")
    (policy / "carbon-budgets.yaml").write_text(BUDGETS)
    server.execute(url, grid_value(100))
    return {"DATABASE_URL": url, "CARBON_SCALER_POLICY_DIR": str(policy)}


@pytest.fixture(scope="module")
def clients(settings: dict[str, str]) -> Iterator[list[Client]]:
    with ExitStack() as stack:
        clients = [stack.enter_context(serving(settings)) for _ in range(2)]
        for client in clients:
            client.program.wait_ready()
        yield clients


def told(settings: dict[str, str], *arguments: str) -> dict[str, object]:
    done = finished(*arguments, "--json", settings=settings)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


def all_say(clients: list[Client], value: float) -> None:
    wait_until(
        lambda: all(client.value(GATE) == value for client in clients), seconds=AT_ONCE_SECONDS
    )


def test_a_hold_and_its_end_count_on_both(clients: list[Client], settings: dict[str, str]):
    all_say(clients, 1)

    said = ("--region", REGION, "--for", "10m", "--reason", "maintenance", "--by", "ada")
    hold = told(settings, "override", "hold", *said)
    all_say(clients, 0)
    explained = told(settings, "explain", *(f"{key}={value}" for key, value in GATE.items()))
    assert explained["reason"] == "held"
    assert "ada holds region us-west-1" in str(explained["why"])
    for client in clients:
        assert client.samples()[metric("carbon_scaler_overrides", action="hold")] == 1

    told(settings, "override", "end", str(hold["id"]))
    all_say(clients, 1)


def test_an_override_expires_by_itself(clients: list[Client], settings: dict[str, str]):
    said = ("--object", "batch/nightly", "--for", "10s", "--reason", "a moment")
    told(settings, "override", "hold", *said)
    all_say(clients, 0)
    wait_until(lambda: all(client.value(GATE) == 1 for client in clients), seconds=30)


def test_a_spent_budget_defers_on_both_until_it_is_not_spent(
    clients: list[Client], settings: dict[str, str], server: Postgres
):
    url = settings["DATABASE_URL"]
    server.execute(url, SPEND.format(kilograms=10.5))
    all_say(clients, 0)
    exempt = GATE | {"workloadClass": "deferrable", "minRenewablePercent": "0"}
    assert clients[0].value(exempt, name="exempt") == 1

    server.execute(url, SPEND.format(kilograms=9))
    all_say(clients, 1)


def test_what_was_answered_is_recorded_and_shown(
    clients: list[Client], settings: dict[str, str], tmp_path: Path
):
    assert clients[0].value(GATE, name="recorded") == 1
    asked = ("explain", "--recorded", "--namespace", "batch", "--name", "recorded", "--json")

    def is_recorded() -> bool:
        return finished(*asked, settings=settings, cwd=tmp_path).returncode == 0

    wait_until(is_recorded, seconds=15)
    document = told(settings, *asked[:-1])
    assert (document["verdict"], document["level"]) == ("open", 1.0)
    assert isinstance(document["recorded"], dict)
    assert document["recorded"]["trigger"]["service"] == "reports"
