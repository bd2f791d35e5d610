"""The commands as people and scripts run them: data on stdout, words on stderr, a code that tells."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import typer.main

from carbon_scaler import __version__
from carbon_scaler.cli.app import program
from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import finished
from tests.e2e.serving import grid_value
from tests.peers.neso import NesoPeer
from tests.peers.server import Peer

EXAMPLES = Path(__file__).resolve().parents[2] / "deploy" / "examples"
NOBODY = "postgresql://user:secret@127.0.0.1:1/carbon"
BRAKE = ("region=us-west-1", "mode=brake", "workloadClass=deferrable")
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> str:
    """A dirty us-west-1 and a clean us-east-1."""
    made = postgres.database()
    postgres.execute(made, grid_value(900), grid_value(40, region="us-east-1"))
    return made


def told(*arguments: str, code: int = 0, **settings: str) -> Any:
    """The one JSON document of a command that ends with this code."""
    done = finished(*arguments, "--json", settings=settings)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def complaint(*arguments: str, code: int = 1, **settings: str) -> str:
    """The one line of a command that refuses with this code and says nothing else."""
    done = finished(*arguments, settings=settings)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("carbon-scaler: ")
    assert "secret" not in lines[0]
    return lines[0]


# Help and usage


def commands(group: Any = None, path: str = "carbon-scaler") -> Iterator[tuple[str, Any]]:
    command = group or typer.main.get_command(program())
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, f"{path} {name}")


@pytest.mark.parametrize(("path", "command"), [pytest.param(*c, id=c[0]) for c in commands()])
def test_the_help_of_each_command_and_option_teaches(path: str, command: Any):
    assert re.match(r"[A-Z].{20,}[.:`]", command.help or "", re.DOTALL), path
    options = [each for each in command.params if each.name != "help"]
    assert [each.name for each in options if len(each.help or "") < 10] == []


def test_whatever_gives_data_gives_them_as_json_too():
    data = {
        path.removeprefix("carbon-scaler "): any("--json" in each.opts for each in command.params)
        for path, command in commands()
        if not hasattr(command, "commands")
    }

    without = {path for path, as_json in data.items() if not as_json}
    # A schema is JSON in any case.
    assert without == {"run", "serve", "db psql", "policy schema"}


def test_the_program_names_its_version():
    done = finished("--version", settings={})

    assert (done.returncode, done.stdout) == (0, f"carbon-scaler {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("srve",), "Did you mean 'serve'?"),
        (("explain", "region"), "'region' is no metadata; write key=value"),
        (("explain", "--at", "2026-03-01T12:00", *BRAKE), "no instant with its offset"),
        (("regions", "list", "--provider", "awss"), 'did you mean "aws"?'),
    ],
    ids=["command", "metadata", "naive-instant", "choice"],
)
def test_a_usage_error_is_one_line_and_exit_1(arguments: tuple[str, ...], said: str):
    assert said in complaint(*arguments)


# Settings


def test_an_unknown_setting_is_warned_of_and_what_kubernetes_injects_is_not():
    done = finished(
        "regions",
        "list",
        "--json",
        settings={
            "CARBON_SCALER_POLICYDIR": "/etc/carbon-scaler",
            "CARBON_SCALER_GRPC_PORT": "tcp://10.0.0.1:6000",
            "CARBON_SCALER_SERVICE_HOST": "10.0.0.1",
            "CARBON_SCALER_PORT_6000_TCP_ADDR": "10.0.0.1",
        },
    )

    (warning,) = map(json.loads, done.stderr.splitlines())
    assert warning["text"] == (
        "CARBON_SCALER_POLICYDIR: unknown setting; did you mean CARBON_SCALER_POLICY_DIR?"
    )
    assert done.returncode == 0
    regions = json.loads(done.stdout)
    assert len(regions) == 147
    assert {"name", "provider", "zone", "country", "eu_eea"} <= set(regions[0])


def test_dot_env_is_read_and_the_environment_stands_above_it(tmp_path: Path):
    (tmp_path / ".env").write_text(f"DATABASE_URL={NOBODY}\nCARBON_SCALER_LOG_LEVEL=loud\n")

    done = finished(
        "db", "url", "--json", settings={"CARBON_SCALER_LOG_LEVEL": "error"}, cwd=tmp_path
    )

    assert json.loads(done.stdout) == {"url": NOBODY}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "the policy directory does not exist"),
        ("backlogs:\n  orders:\n    kind: kafka\n", 'backlogs.yaml:3: backlogs.orders.kind: "kafka"'),
    ],
    ids=["no-directory", "value"],
)  # fmt: skip
def test_a_mistake_in_the_policy_refuses_the_start(tmp_path: Path, text: str | None, said: str):
    directory = tmp_path / "policy"
    if text is not None:
        directory.mkdir()
        (directory / "backlogs.yaml").write_text(text)

    line = complaint("serve", "--policy-dir", str(directory), DATABASE_URL=NOBODY)

    assert str(directory) in line
    assert said in line


# The database


def test_the_schema_is_applied_once_and_listed(postgres: Postgres):
    empty = postgres.database(migrated=False)

    first = told("migrate", "up", DATABASE_URL=empty)
    again = told("migrate", "up", DATABASE_URL=empty)
    listed = told("migrate", "status", DATABASE_URL=empty)

    assert [name for name in first["applied"] if "initial" in name]
    assert again == {"applied": []}
    assert {each["state"] for each in listed} == {"applied"}
    assert {(each["version"], each["kind"]) for each in listed} >= {(1, "pre")}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("migrate", "up"), 1, "DATABASE_URL is not set; migrate needs one, like postgresql://"),
        (("explain", *BRAKE), 3, "start `carbon-scaler run`, or set DATABASE_URL"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_without_a_database_a_command_says_what_it_needs(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
):
    assert said in complaint(*arguments, code=code, CARBON_SCALER_DATA_DIR=str(tmp_path))


def test_a_database_that_does_not_answer_is_exit_3():
    line = complaint(
        "ingest", "--once", code=3, DATABASE_URL=NOBODY, CARBON_SCALER_SOURCES="replay"
    )

    assert "the database at 127.0.0.1:1 does not answer: Connection refused" in line


def test_a_schema_that_is_missing_is_exit_3_with_what_to_do(postgres: Postgres):
    empty = postgres.database(migrated=False)

    line = complaint("explain", *BRAKE, code=3, DATABASE_URL=empty)

    assert "run carbon-scaler migrate up" in line


def test_the_printed_url_is_one_for_clients_and_psql_goes_there(url: str):
    printed = finished("db", "url", settings={"DATABASE_URL": url})
    count = finished(
        "db", "psql", "-Atc", "SELECT count(*) FROM co2e_emissions", settings={"DATABASE_URL": url}
    )

    async def counted() -> int:
        connection = await asyncpg.connect(printed.stdout.strip())
        try:
            return await connection.fetchval("SELECT count(*) FROM co2e_emissions")
        finally:
            await connection.close()

    assert asyncio.run(counted()) == 2
    assert count.stdout == "2\n", count.stderr


# explain


def test_explain_answers_with_every_documented_key(url: str):
    document = told("explain", *BRAKE, DATABASE_URL=url)

    assert (document["verdict"], document["reason"]) == ("closed", "above_threshold")
    assert (document["level"], document["admitted"]) == (0.0, 0)
    assert (document["metric_value"], document["target"]) == (0.001, 0.0)
    assert document["policy_version"] == "built-in"
    assert document["changes_at"] > document["decided_at"]
    assert [(rule["rule"], rule["outcome"]) for rule in document["rules"]] == [
        ("class", "passed"),
        ("deadline", "passed"),
        ("blind", "passed"),
        ("threshold", "closed"),
    ]
    assert document["rules"][-1]["text"].startswith("900 g/kWh is not below the limit of 250")
    assert (
        document["intensity"].items()
        >= {
            "grams_per_kwh": 900.0,
            "source": "manual",
            "signal": "average",
            "kind": "manual",
        }.items()
    )
    assert document["settings"]["maxDelay"] == {"value": "12h", "origin": "class deferrable"}
    assert document["settings"]["lead"] == {"value": "1m", "origin": "default"}


def test_explain_speaks_to_people_as_well(url: str):
    done = finished("explain", "region=us-east-1", "mode=brake", settings={"DATABASE_URL": url})

    assert done.returncode == 0, done.stderr
    assert "open (below_threshold)" in done.stdout
    assert "40 g/kWh is below the limit of 400" in done.stdout
    assert "KEDA gets" in done.stdout
    assert "inactive" in done.stdout


def test_explain_of_an_instant_tells_what_was_known_then(url: str):
    document = told("explain", *BRAKE, "--at", "2020-02-29T12:00+01:00", DATABASE_URL=url)

    assert document["decided_at"] == "2020-02-29T11:00:00Z"
    assert (document["verdict"], document["reason"]) == ("closed", "blind_closed")
    assert document["intensity"] is None


def test_bad_metadata_are_the_verdict_error_and_exit_1(url: str):
    document = told(
        "explain", "region=us-wset-1", "mode=brake", "treshold=3", code=1, DATABASE_URL=url
    )

    assert (document["verdict"], document["reason"]) == ("error", "bad_metadata")
    (rule,) = document["rules"]
    assert rule["text"].startswith('region: "us-wset-1" is not allowed; did you mean "us-west-1"?')
    assert document["warnings"] == ['treshold: unknown key; did you mean "threshold"?']


def test_explain_takes_the_trigger_of_a_manifest_with_its_backlog(url: str, postgres: Postgres):
    queue = postgres.database(migrated=False)
    postgres.execute(
        queue,
        (EXAMPLES / "worker" / "queue.sql").read_text(),
        "INSERT INTO q2q_embedding_queue (enqueued_at)"
        " VALUES (now()), (now()), (now() - interval '1 day')",
        "CREATE TABLE analytics_backfill_queue (enqueued_at timestamptz)",
    )
    document = told(
        "explain",
        "--scaledjob",
        str(EXAMPLES / "scaledjob-queue.yaml"),
        "--policy-dir",
        str(EXAMPLES / "policy"),
        DATABASE_URL=url,
        QUEUE_DATABASE_URL=queue,
    )

    assert (
        document["trigger"].items()
        >= {
            "namespace": "teei-platform",
            "name": "carbon-aware-q2q-embeddings",
            "mode": "queue",
        }.items()
    )
    assert document["backlog"].items() >= {"waiting": 3, "in_progress": 0, "overdue": 1}.items()
    assert (document["verdict"], document["admitted"]) == ("open", 3), "us-east-1 is clean"


def test_a_manifest_without_our_trigger_is_one_line_and_exit_1(tmp_path: Path):
    file = tmp_path / "job.yaml"
    file.write_text("kind: ScaledJob\nspec: 3\n")

    line = complaint("explain", "--scaledjob", str(file), DATABASE_URL=NOBODY)

    assert f"{file}: holds no ScaledJob or ScaledObject with a trigger of type external" in line


# doctor


def test_doctor_finds_what_is_good_and_what_is_missing(url: str):
    with Peer(NesoPeer()) as neso:
        live = {
            "CARBON_SCALER_NESO_URL": neso.url,
            "CARBON_SCALER_SOURCES": "neso,static",
            "CARBON_SCALER_REGION": "eu-west-2",
        }
        good = told("doctor", DATABASE_URL=url, **live)
        bad = told("doctor", code=3, DATABASE_URL=NOBODY, **live)
    away = told("doctor", code=1, DATABASE_URL=url, **live)

    found = {each["check"]: each for each in good["findings"]}
    assert found["database"]["state"] == found["schema"]["state"] == "good"
    assert found["data us-west-1"]["text"].startswith("900 g/kWh (manual) from manual")
    assert found["ingest"]["text"].startswith("nothing was ever ingested here")
    assert found["past us-west-1"]["text"] == "less than 24 hours are stored yet"
    assert found["neso network"]["state"] == found["neso eu-west-2"]["state"] == "good"
    failed = {each["check"]: each for each in bad["findings"]}
    assert failed["database"]["state"] == "bad"
    assert "secret" not in str(bad)
    assert "127.0.0.1:1" in failed["database"]["text"]
    assert failed["neso eu-west-2"]["state"] == "good", "a source is tried without a database too"
    missing = {each["check"]: each for each in away["findings"]}["neso network"]
    assert missing["state"] == "bad"
    assert "TCP: Connection refused" in missing["text"]


# ingest


def test_ingest_once_fills_the_database_and_a_second_run_changes_nothing(postgres: Postgres):
    settings = {
        "DATABASE_URL": postgres.database(),
        "CARBON_SCALER_SOURCES": "replay",
        # One whose recorded year has no gap.
        "CARBON_SCALER_REGIONS": "eu-south-2",
    }
    began = datetime.now(UTC)

    (first,) = told("ingest", "--once", **settings)["sources"]
    (again,) = told("ingest", "--once", **settings)["sources"]

    assert (first["source"], first["failure"]) == ("replay", None)
    assert first["regions"] == first["usable_regions"] == ["eu-south-2"]
    assert first["changed"] > 8000
    new_slots = slot_of(datetime.now(UTC)) - slot_of(began)
    # When an hour ends between the two, history brings the value that was the present one.
    assert 0 <= first["rows"] - first["changed"] <= new_slots
    assert 0 <= again["changed"] <= new_slots


def slot_of(instant: datetime) -> int:
    return int(instant.timestamp()) // 3600


def test_ingest_never_chooses_replay_by_itself(postgres: Postgres):
    made = postgres.database()

    done = finished(
        *("ingest", "--once", "--json"),
        settings={"DATABASE_URL": made, "CARBON_SCALER_NESO_URL": "http://127.0.0.1:1"},
    )

    assert done.returncode == 2, done.stderr
    (tried,) = json.loads(done.stdout)["sources"]
    assert (tried["source"], tried["rows"]) == ("neso", 0)
    assert "no region got a usable value:\n  neso: cannot be reached" in done.stderr
    assert postgres.value(made, "SELECT count(*) FROM co2e_emissions") == 0


def replay_file(path: Path, header: str, *rows: str) -> Path:
    file = path / "grid.csv"
    file.write_text("\n".join((header, *rows)) + "\n")
    return file


def rows_around_now(values: str) -> list[str]:
    """Rows of the same values for the present hour and its neighbours."""
    present = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [present + number * HOUR for number in (-1, 0, 1)]
    return [f"{hour.isoformat()},{values}" for hour in hours]


def test_a_gap_at_the_present_hour_in_every_region_is_exit_2(tmp_path: Path, postgres: Postgres):
    elsewhen = (datetime.now(UTC) - timedelta(days=40)).replace(minute=0, second=0, microsecond=0)
    file = replay_file(tmp_path, "at,us-west-1,us-east-1", f"{elsewhen.isoformat()},300,400")

    document = told(
        "ingest",
        "--once",
        "--replay",
        str(file),
        code=2,
        DATABASE_URL=postgres.database(),
        CARBON_SCALER_SOURCES="replay",
    )

    (source,) = document["sources"]
    assert source["usable_regions"] == []


def test_absurd_values_are_stored_flagged_and_decide_nothing(tmp_path: Path, postgres: Postgres):
    url = postgres.database()
    file = replay_file(
        tmp_path, "at,us-west-1,us-east-1,eu-west-1", *rows_around_now("-5,99999,250")
    )

    document = told(
        "ingest",
        "--once",
        "--replay",
        str(file),
        DATABASE_URL=url,
        CARBON_SCALER_SOURCES="replay",
    )

    (source,) = document["sources"]
    assert source["usable_regions"] == ["eu-west-1"]
    flags = "SELECT string_agg(DISTINCT region || ' ' || flagged, ', ') FROM co2e_emissions"
    assert postgres.value(url, flags) == "us-east-1 above_2000, us-west-1 negative"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (("2022-01-01T00:00Z,300", "2022-01-01T01:00Z,dirty"), 'line 3, column "us-west-1": "dirty"'),
        (("2022-01-01T00:00,300",), 'line 2, column "at": "2022-01-01T00:00": an instant with its offset'),
        (("2022-01-01T00:00Z,300", "2022-01-01T01:00+01:00,200"), "the instant is on line 2 already"),
    ],
    ids=["text", "naive", "duplicate"],
)  # fmt: skip
def test_a_mistake_in_a_replay_file_names_file_line_and_column(
    tmp_path: Path, rows: tuple[str, ...], said: str
):
    file = replay_file(tmp_path, "at,us-west-1", *rows)

    line = complaint(
        "ingest",
        "--once",
        "--replay",
        str(file),
        DATABASE_URL=NOBODY,
        CARBON_SCALER_SOURCES="replay",
    )

    assert str(file) in line
    assert said in line
