"""`carbon-scaler policy` as people and pipelines run it: without a database."""

import json
from pathlib import Path
from typing import Any

import pytest

from carbon_scaler.config.policy_directory import DOCUMENTS
from tests.e2e.program import finished

CLASSES = """\
classes:
  standard: {threshold: 300}
  nightly: {threshold: clean, max_delay: 10h}
"""
BACKLOGS = """\
backlogs:
  orders: {kind: postgres, url_env: ORDERS_URL, query: SELECT enqueued_at FROM orders}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    (tmp_path / "workload-policies.yaml").write_text(CLASSES)
    (tmp_path / "backlogs.yaml").write_text(BACKLOGS)
    return tmp_path


def document(*arguments: str, **settings: str) -> Any:
    done = finished("policy", *arguments, settings=settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_policy_is_summed_up(policy: Path):
    summary = document("check", str(policy), "--json")

    assert summary["version"].startswith("sha256:")
    assert summary["documents"] == ["backlogs.yaml", "workload-policies.yaml"]
    assert summary["classes"] == ["urgent", "standard", "deferrable", "nightly"]
    assert summary["backlogs"] == ["orders"]
    assert (summary["tenants"], summary["windows"], summary["budgets"]) == (0, 0, 0)
    assert summary["warnings"] == [
        "backlogs.yaml: the environment variable ORDERS_URL is not set here; the server needs it"
    ]


def test_the_directory_is_that_of_the_environment_where_none_is_named(policy: Path):
    environment = {"CARBON_SCALER_POLICY_DIR": str(policy)}

    done = finished("policy", "check", settings=environment)

    assert done.returncode == 0
    assert str(policy) in done.stdout
    assert "ORDERS_URL is not set here" in done.stdout


def test_without_any_directory_there_is_nothing_to_check(tmp_path: Path):
    done = finished("policy", "check", settings={}, cwd=tmp_path)

    assert done.returncode == 1
    assert "set CARBON_SCALER_POLICY_DIR" in done.stderr


def test_what_is_wrong_is_one_line_with_file_line_and_key(policy: Path):
    (policy / "workload-policies.yaml").write_text(CLASSES + "  weekly: {treshold: 5}\n")

    done = finished("policy", "check", str(policy), settings={})

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert f"{policy}/workload-policies.yaml:4: classes.weekly.treshold: unknown key" in line
    assert 'did you mean "threshold"' in line


def test_the_merged_policy_is_shown_with_the_origin_of_each_part(policy: Path):
    shown = document("show", str(policy), "--json")

    standard = shown["classes"]["standard"]["settings"]
    assert standard["threshold"] == {"value": 300.0, "origin": "workload-policies.yaml"}
    assert standard["max_delay"] == {"value": "1h", "origin": "built-in"}
    assert shown["classes"]["nightly"]["settings"]["threshold"]["value"] == 200.0
    assert shown["bands"]["origin"] == "built-in"
    assert shown["version"] == document("check", str(policy), "--json")["version"]


def test_people_see_a_row_for_each_setting(policy: Path):
    done = finished("policy", "show", str(policy), settings={})

    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["class", "standard", "threshold", "300", "workload-policies.yaml"] in rows
    assert ["class", "urgent", "urgent", "yes", "built-in"] in rows


def test_without_a_directory_the_built_in_policy_is_shown(tmp_path: Path):
    done = finished("policy", "show", "--json", settings={}, cwd=tmp_path)

    assert json.loads(done.stdout)["version"] == "built-in"


def test_editors_get_the_schema_of_one_document_or_of_all():
    every = document("schema")

    assert every.keys() == DOCUMENTS
    assert document("schema", "backlogs.yaml") == every["backlogs.yaml"]


def test_a_policy_is_started_checked_and_not_overwritten(tmp_path: Path):
    where = tmp_path / "policy"

    started = finished("policy", "init", str(where), settings={})
    assert started.returncode == 0, started.stderr
    assert {Path(line).name for line in started.stdout.splitlines()} == DOCUMENTS
    assert document("check", str(where), "--json")["version"] == "built-in"

    again = finished("policy", "init", str(where), settings={})
    assert again.returncode == 1
    assert "already; nothing was written" in again.stderr


@pytest.mark.parametrize("since", ["0m", "91d", "a while"])
def test_a_period_that_is_none_is_refused_before_anything_is_read(policy: Path, since: str):
    done = finished("policy", "diff", str(policy), str(policy), "--since", since, settings={})

    assert done.returncode == 1
    assert "a duration up to 90d" in done.stderr


def test_without_a_database_nothing_can_be_compared(policy: Path, tmp_path: Path):
    settings = {"CARBON_SCALER_DATA_DIR": str(tmp_path / "data")}

    done = finished("policy", "diff", str(policy), str(policy), settings=settings)

    assert done.returncode == 3
    assert "DATABASE_URL" in done.stderr
