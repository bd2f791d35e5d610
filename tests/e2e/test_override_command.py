"""Operators hold and release work from a terminal; what is refused is said in one line."""

import getpass
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import finished

NOBODY = "postgresql://user:secret@127.0.0.1:1/carbon"
REGION = ("--region", "us-west-1")
REASON = ("--reason", "ledger is being moved")
FOR_2H = ("--for", "2h")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.database()


def told(url: str, *arguments: str) -> Any:
    done = finished("override", *arguments, "--json", settings={"DATABASE_URL": url})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def complaint(url: str, *arguments: str, code: int = 1) -> str:
    done = finished("override", *arguments, settings={"DATABASE_URL": url})
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert "secret" not in lines[0]
    return lines[0]


def test_a_hold_is_stated_listed_and_ended(url: str):
    done = finished(
        "override", "hold", *REGION, *FOR_2H, *REASON, "--by", "maria",
        settings={"DATABASE_URL": url},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("override 1: maria holds region us-west-1 until 20")
    assert done.stdout.endswith(": ledger is being moved\n")
    (warning,) = done.stderr.splitlines()
    assert "deadlines do not open a hold" in warning

    (listed,) = told(url, "list")["overrides"]
    assert (listed["id"], listed["action"], listed["region"]) == (1, "hold", "us-west-1")
    assert (listed["by"], listed["state"]) == ("maria", "in force")
    lasts = datetime.fromisoformat(listed["until"]) - datetime.fromisoformat(listed["created_at"])
    assert abs(lasts - timedelta(hours=2)) < timedelta(minutes=5)

    ended = finished("override", "end", "1", "--by", "jonas", settings={"DATABASE_URL": url})
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("override 1 is ended: maria holds region us-west-1")
    assert told(url, "list") == {"overrides": []}
    (former,) = told(url, "list", "--all")["overrides"]
    assert (former["state"], former["ended_by"]) == ("ended", "jonas")
    assert "is not in force" in complaint(url, "end", "1")


def test_a_release_of_an_object_until_an_instant_is_by_the_user_of_the_machine(url: str):
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    local = until.astimezone(datetime.now().astimezone().tzinfo).isoformat()

    stated = told(url, "release", "--object", "batch/embeddings", "--until", local, *REASON)

    assert (stated["action"], stated["by"]) == ("release", getpass.getuser())
    assert (stated["namespace"], stated["name"]) == ("batch", "embeddings")
    assert (stated["workload_class"], stated["region"]) == (None, None)
    assert datetime.fromisoformat(stated["until"]) == until


def test_the_table_for_people_tells_all_that_an_operator_needs(url: str):
    told(url, "hold", "--class", "deferrable", *FOR_2H, *REASON, "--by", "maria")
    told(url, "hold", "--region", "aws:us-west-1", *FOR_2H, *REASON, "--by", "maria")

    done = finished("override", "list", settings={"DATABASE_URL": url})

    heading, newest, oldest = done.stdout.splitlines()
    assert heading.split() == ["id", "state", "action", "subject", "until", "by", "reason"]
    assert "2   in force  hold    region us-west-1" in newest
    assert "class deferrable" in oldest
    assert newest.endswith("ledger is being moved")


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (
            ("--class", "deferable"),
            "no class 'deferable' is known here, did you mean \"deferrable\"?",
        ),
        (("--region", "us-west-9"), "no region 'us-west-9' is known here, did you mean \"us-west-"),
    ],
)
def test_a_subject_that_may_be_a_slip_is_stated_and_warned_of(
    url: str, subject: tuple[str, str], said: str
):
    done = finished(
        "override", "release", *subject, *FOR_2H, *REASON, settings={"DATABASE_URL": url}
    )

    assert done.returncode == 0
    assert said in done.stderr
    assert done.stderr.endswith("if that is a slip, end override 1\n")
    assert len(told(url, "list")["overrides"]) == 1


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hold", *FOR_2H, *REASON), "it is about nothing; name exactly one of --object"),
        (("hold", *REGION, "--class", "urgent", *FOR_2H, *REASON), "it is about 2 subjects"),
        (("hold", "--object", "embeddings", *FOR_2H, *REASON), "write NAMESPACE/NAME"),
        (("hold", *REGION, "--until", in_days(-1), *REASON), "which is past"),
        (("hold", *REGION, "--until", in_days(91), *REASON), "at most 90 days ahead"),
        (("hold", *REGION, "--until", "2026-03-01T12:00", *REASON), "like 2026-03-01T12:00Z"),
        (("hold", *REGION, "--for", "soon", *REASON), "write it like 12h"),
        (("hold", *REGION, *REASON), "one of --until INSTANT and --for DURATION"),
        (("hold", *REGION, *FOR_2H, "--until", in_days(1), *REASON), "one of --until"),
        (("hold", *REGION, *FOR_2H, "--reason", " "), "--reason is empty"),
        (("hold", *REGION, *FOR_2H), "Missing option '--reason'"),
        (("release", *REGION, *FOR_2H, *REASON, "--by", ""), "--by is empty"),
        (("end", "7"), "override 7 is not in force; `carbon-scaler override list` shows"),
        (("end", "0"), "greater than or equal to 1"),
    ],
)
def test_what_is_refused_is_one_line_and_exit_1(
    postgres: Postgres, url: str, arguments: tuple[str, ...], said: str
):
    assert said in complaint(url, *arguments)
    assert postgres.value(url, "SELECT count(*) FROM operator_overrides") == 0


@pytest.mark.parametrize("arguments", [("list",), ("hold", *REGION, *FOR_2H, *REASON)])
def test_a_database_that_is_away_is_exit_3(arguments: tuple[str, ...]):
    assert "does not answer" in complaint(NOBODY, *arguments, code=3)


def test_a_database_without_the_schema_is_exit_3_and_names_the_command(postgres: Postgres):
    bare = postgres.database(migrated=False)

    assert "run carbon-scaler migrate up" in complaint(bare, "list", code=3)
