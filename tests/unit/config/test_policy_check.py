"""A policy directory is checked where its secrets are not."""

from pathlib import Path

import pytest

from carbon_scaler.config.policy_check import CheckedPolicy, check_policy
from carbon_scaler.config.yaml_document import PolicyFileError

BACKLOGS = """\
backlogs:
  orders: {kind: postgres, url_env: ORDERS_URL, query: SELECT 1}
"""
SOURCES = """\
sources:
  roof:
    url: "http://meter.example/now"
    zones: {eu-west-1: roof}
    value: /v
    time: /t
    unit: g_per_kwh
    interval: 15m
    headers_env: {Authorization: ROOF_TOKEN}
"""
UNSET = "is not set here; the server needs it"


def checked(directory: Path, **environment: str) -> CheckedPolicy:
    (directory / "backlogs.yaml").write_text(BACKLOGS)
    (directory / "sources.yaml").write_text(SOURCES)
    return check_policy(directory, environment)


def test_what_is_not_set_is_a_warning(tmp_path: Path):
    found = checked(tmp_path)

    assert (found.backlogs, found.sources) == (("orders",), ("roof",))
    assert found.warnings == (
        f"backlogs.yaml: the environment variable ORDERS_URL {UNSET}",
        f"sources.yaml: the environment variable ROOF_TOKEN {UNSET}",
    )


def test_what_is_set_is_none(tmp_path: Path):
    secret = tmp_path / "token"
    secret.write_text("abc")

    found = checked(tmp_path, ORDERS_URL="postgresql://h/d", ROOF_TOKEN_FILE=str(secret))

    assert found.warnings == ()


def test_what_is_set_and_wrong_is_refused(tmp_path: Path):
    with pytest.raises(PolicyFileError, match="ORDERS_URL does not begin with postgresql://"):
        checked(tmp_path, ORDERS_URL="mysql://h/d")


def test_a_shape_that_is_wrong_is_refused_without_the_secrets(tmp_path: Path):
    (tmp_path / "backlogs.yaml").write_text("backlogs: {orders: {kind: postgres}}")

    with pytest.raises(PolicyFileError, match="url_env"):
        check_policy(tmp_path, {})


def test_the_warnings_of_the_documents_are_told_first(tmp_path: Path):
    (tmp_path / "region-profiles.yaml").write_text("regions: {eu-west-2: {zone: UK}}")

    found = checked(tmp_path)

    assert len(found.warnings) > 2
    assert found.warnings[0].startswith("region-profiles.yaml: ")
