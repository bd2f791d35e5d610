"""No secret is told: not in logs, answers or documents, and not in the database."""

import json
import threading
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from carbon_scaler.config.settings import SECRETS as SETTINGS
from tests.e2e.ingesting import DONE, NO_DATA, REGION, provider, settings_of
from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import finished, started
from tests.e2e.serving import serving
from tests.peers.electricity_maps import LIVE_TOKEN, ElectricityMapsPeer
from tests.peers.server import Fault, Handler, Peer, Reply, Request
from tests.secret_scan import Leak, leaks

# None is part of anything else that is printed.
API_KEY = "em-Key/9+zQ7=xW2"
USERNAME = "wt-user-kx41"
PASSWORD = "wt-Pa&s:w0rd<4k>"
HOOK = "B0kT7hook3xQz"
ALERT_PASSWORD = "al-3rt-Pq9zT"
DATABASE_PASSWORD = "db-Zx81-pass"
SECRETS = {
    "api key": API_KEY,
    "username": USERNAME,
    "password": PASSWORD,
    "webhook": HOOK,
    "alert URL": ALERT_PASSWORD,
    "database": DATABASE_PASSWORD,
}
TABLES = """
SELECT string_agg(quote_ident(table_name), ' ' ORDER BY table_name)
FROM information_schema.tables WHERE table_schema = 'public'
"""


def everything_sent(request: Request) -> str:
    """Headers as they came, and what is encoded in them."""
    headers = dict(request.headers)
    scheme, _, value = headers.get("authorization", "").partition(" ")
    decoded = b64decode(value).decode() if scheme == "Basic" else ""
    return " ".join([*headers.values(), decoded, request.path, request.body.decode()])


def refused(request: Request) -> Reply:
    return Reply(status=401, body={"error": f"who is {everything_sent(request)}?"})


def failed(request: Request) -> Reply:
    return Reply(status=500, body={"error": everything_sent(request)})


def page(request: Request) -> Reply:
    words = f"<html>{everything_sent(request)}</html>"
    return Reply(status=403, body=words, content_type="text/html")


def wrong_document(request: Request) -> Reply:
    sent = everything_sent(request)
    return Reply(body={"zone": sent, "token": "", "error": sent, "carbonIntensity": sent})


def redirected(request: Request) -> Reply:
    sent = everything_sent(request).replace("\n", " ")
    return Reply(status=302, headers={"Location": f"http://127.0.0.1:1/{sent}"})


def cut(_: Request) -> Reply:
    return Reply().broken(Fault.CUT_BEFORE)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.database().replace("carbon@", f"carbon:{DATABASE_PASSWORD}@")


def with_secrets(url: str, grid: Peer, messages: Peer) -> dict[str, str]:
    """Every secret there is, all asked for by peers that repeat them."""
    return settings_of(
        url,
        grid,
        CARBON_SCALER_SOURCES="electricity_maps,watttime",
        CARBON_SCALER_WATTTIME_URL=grid.url,
        CARBON_SCALER_LOG_LEVEL="debug",
        ELECTRICITY_MAPS_API_KEY=API_KEY,
        WATTTIME_USERNAME=USERNAME,
        WATTTIME_PASSWORD=PASSWORD,
        SLACK_WEBHOOK_URL=f"{messages.url}/services/T0/{HOOK}",
        CARBON_SCALER_ALERT_URLS=f"json://someone:{ALERT_PASSWORD}@127.0.0.1:{messages.port}/x",
    )


def from_files(settings: Mapping[str, str], directory: Path) -> dict[str, str]:
    """The same with every secret in a file of its own."""
    moved = dict(settings)
    for name in SETTINGS.values():
        (directory / name).write_text(moved.pop(name) + "\n")
        moved[f"{name}_FILE"] = str(directory / name)
    return moved


def told(*arguments: str, settings: Mapping[str, str]) -> dict[str, str]:
    """What a command says, by where it says it."""
    done = finished(*arguments, settings=settings, seconds=120)
    name = " ".join(arguments[:2])
    return {f"{name} stdout": done.stdout, f"{name} stderr": done.stderr}


def dump(postgres: Postgres, url: str) -> dict[str, str]:
    """Every table as text."""
    tables = postgres.value(url, TABLES).split()
    return {
        f"table {table}": str(
            postgres.value(url, f"SELECT string_agg(t::text, ' ') FROM {table} t")
        )
        for table in tables
    }


def found(texts: Mapping[str, str]) -> list[Leak]:
    return leaks(SECRETS, texts)


@pytest.mark.parametrize(
    "answer",
    [failed, page, wrong_document, redirected, cut],
    ids=lambda answer: answer.__name__,
)
def test_a_cycle_tells_no_secret_whatever_it_is_answered(
    postgres: Postgres, url: str, answer: Handler
):
    with Peer(answer) as grid, Peer(failed) as messages:
        settings = with_secrets(url, grid, messages)
        done = finished("ingest", "--once", "--json", settings=settings, seconds=120)

        assert done.returncode == NO_DATA, done.stderr
        assert any(HOOK in request.path for request in messages.requests)
        assert API_KEY in str([request.headers for request in grid.requests])
    texts = {"stdout": done.stdout, "stderr": done.stderr, **dump(postgres, url)}
    assert "electricity_maps" in texts["table ingest_feeds"]
    assert found(texts) == []


def test_no_output_of_a_running_system_tells_a_secret(postgres: Postgres, url: str, tmp_path: Path):
    with Peer(refused) as grid, Peer(failed) as messages:
        settings = from_files(with_secrets(url, grid, messages), tmp_path)
        texts: dict[str, str] = {}
        with started("ingest", settings=settings) as loop, serving(settings) as server:
            loop.wait_event("ingest.cycle_finished", seconds=60)
            server.program.wait_ready()
            metadata = {"region": REGION, "workloadClass": "standard", "whenBlind": "error"}
            texts["grpc error"] = str(server.refusal({**metadata, "mode": "gate"}))
            for path in ("/status", "/metrics", "/readyz"):
                texts[path] = server.program.text(path)
            pairs = [f"{key}={value}" for key, value in metadata.items()]
            texts |= told("explain", *pairs, "mode=gate", "--json", settings=settings)
            texts |= told("doctor", "--json", settings=settings)
            texts |= told("alerts", "test", "--json", settings=settings)
            texts |= told("alerts", "list", "--json", settings=settings)
            for program in (loop, server.program):
                program.stop()
                name = program.process.pid
                texts[f"log of {name}"] = json.dumps(program.log)
                texts[f"lines of {name}"] = "".join([*program.other_lines, *program.output])
        assert API_KEY in str([request.headers for request in grid.requests])
        assert any(HOOK in request.path for request in messages.requests)
    texts |= dump(postgres, url)
    assert found(texts) == []


def test_a_wrong_configuration_is_refused_without_telling_a_secret(url: str, tmp_path: Path):
    with Peer(refused) as grid:
        settings = from_files(with_secrets(url, grid, grid), tmp_path)
        texts = told("ingest", settings={**settings, "CARBON_SCALER_REGIONS": "nowhere"})
        texts |= told("serve", settings={**settings, "CARBON_SCALER_ALERT_URLS": API_KEY})
        texts |= told("migrate", "up", settings={**settings, "CARBON_SCALER_SOURCES": "nobody"})
        away = url.partition("@")[0] + "@127.0.0.1:1/x"
        texts |= told("ingest", "--once", settings={**settings, "DATABASE_URL": away})
    assert found(texts) == []


def test_a_key_that_is_replaced_in_its_file_is_used_by_the_next_request(url: str, tmp_path: Path):
    key, swapped = mounted(tmp_path, "the-first-key"), threading.Event()
    faithful = ElectricityMapsPeer(tokens={"the-first-key", LIVE_TOKEN})

    def answer(request: Request) -> Reply:
        assert swapped.wait(60)
        return faithful(request)

    with provider(answer) as peer:
        settings = settings_of(url, peer)
        settings["ELECTRICITY_MAPS_API_KEY_FILE"] = str(key)
        del settings["ELECTRICITY_MAPS_API_KEY"]
        with started("ingest", "--once", settings=settings) as program:
            program.wait_event("ingest.started")
            while not peer.requests:
                assert program.process.poll() is None, program.log
            swap(tmp_path, LIVE_TOKEN)
            swapped.set()
            assert program.process.wait(60) == DONE, program.log

        used = [request.headers["auth-token"] for request in peer.requests]
    assert used[0] == "the-first-key"
    assert set(used[1:]) == {LIVE_TOKEN}


def mounted(directory: Path, secret: str) -> Path:
    """A file as Kubernetes mounts it: behind a link to a directory behind a link."""
    (directory / "..first").mkdir()
    (directory / "..first" / "key").write_text(secret)
    (directory / "..data").symlink_to("..first")
    (directory / "key").symlink_to("..data/key")
    return directory / "key"


def swap(directory: Path, secret: str) -> None:
    """All files of the mount at once, by renaming a link."""
    (directory / "..second").mkdir()
    (directory / "..second" / "key").write_text(secret)
    (directory / "..link").symlink_to("..second")
    (directory / "..link").rename(directory / "..data")
