"""What `policy init` writes states nothing, and means what it says once it is uncommented."""

import re
from collections.abc import Iterable
from pathlib import Path

import jsonschema
import pytest

from carbon_scaler.config.policy_directory import DOCUMENTS
from carbon_scaler.config.policy_schema import policy_schema
from carbon_scaler.config.starting_files import (
    StartingFilesError,
    starting_files,
    write_starting_files,
)
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.windows import WindowEffect
from tests.unit.config.policy_texts import as_editors_see, read_all

BUILT_IN = BUILT_IN_POLICY


def uncommented(text: str) -> str:
    """As the files say: the first # of each line is taken away."""
    return re.sub(r"^#", "", text, flags=re.MULTILINE)


def uncomment(directory: Path, names: Iterable[str]) -> None:
    for name in names:
        file = directory / name
        file.write_text(uncommented(file.read_text("utf-8")), "utf-8")


def test_there_is_one_for_every_document(tmp_path: Path):
    written = write_starting_files(tmp_path / "new" / "policy")

    assert {file.name for file in written} == DOCUMENTS
    assert {file.name for file in (tmp_path / "new" / "policy").iterdir()} == DOCUMENTS


def test_nothing_counts_until_it_is_uncommented(tmp_path: Path):
    write_starting_files(tmp_path)

    files = read_all(tmp_path, variables={})

    assert files.policy.version == "built-in"
    assert files.policy == BUILT_IN
    assert files.warnings == ()


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_each_reads_without_complaint_once_it_is_uncommented(tmp_path: Path, name: str):
    write_starting_files(tmp_path)
    uncomment(tmp_path, [name])

    assert read_all(tmp_path).warnings == ()


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_each_is_taken_by_its_schema_with_and_without_comments(name: str):
    validator = jsonschema.Draft202012Validator(policy_schema(name))
    text = starting_files()[name]

    assert as_editors_see(text) is None
    assert as_editors_see(uncommented(text)) is not None
    validator.validate(as_editors_see(text))
    validator.validate(as_editors_see(uncommented(text)))


def test_all_read_together(tmp_path: Path):
    write_starting_files(tmp_path)
    uncomment(tmp_path, DOCUMENTS)

    policy = read_all(tmp_path).policy

    assert policy.version not in ("", "built-in")
    assert set(policy.residency.tenants) == {"acme-eu", "acme-uk", "acme-us", "acme-global"}
    assert policy.budgets["q2q-embeddings"].throttle_percent == 50


def test_what_is_said_to_be_built_in_is(tmp_path: Path):
    write_starting_files(tmp_path)
    uncomment(tmp_path, ["carbon-thresholds.yaml", "scheduler-config.yaml"])

    assert read_all(tmp_path).policy == BUILT_IN


def test_the_classes_are_the_built_in_ones_with_the_older_platforms_regions(tmp_path: Path):
    write_starting_files(tmp_path)
    uncomment(tmp_path, ["workload-policies.yaml"])

    classes = read_all(tmp_path).policy.classes

    assert {name: each.stated for name, each in classes.items()} == {
        name: each.stated for name, each in BUILT_IN.classes.items()
    }
    assert classes["urgent"].urgent
    assert classes["standard"].preferred_regions == ("eu-central-1",)
    assert classes["deferrable"].preferred_regions == ("eu-central-1", "us-west-2")
    assert classes["deferrable"].fallback_regions == ("us-east-1",)


def test_the_windows_are_in_each_regions_own_time(tmp_path: Path):
    write_starting_files(tmp_path)
    uncomment(tmp_path, ["time-shift-policies.yaml"])

    windows = {each.name: each for each in read_all(tmp_path).policy.time_shift.windows}

    assert {each.timezone for each in windows.values()} == {None}
    assert {each.effect for each in windows.values()} == {WindowEffect.PREFER}
    assert {name: each.priority for name, each in windows.items()} == {
        "Night Low Demand": 2,
        "Solar Peak": 1,
        "Wind Peak": 1,
    }
    assert windows["Solar Peak"].regions == {"us-east-1", "us-west-2", "eu-central-1"}


def test_the_demo_figures_say_that_they_are(tmp_path: Path):
    text = starting_files()["region-profiles.yaml"]

    assert "DEMO" in text.partition("#regions:")[0]
    assert set(as_editors_see(uncommented(text))["regions"]) == {
        "us-east-1",
        "us-west-2",
        "eu-central-1",
    }


def test_nothing_is_overwritten(tmp_path: Path):
    kept = tmp_path / "scheduler-config.yaml"
    kept.write_text("enabled: false\n")

    with pytest.raises(StartingFilesError) as raised:
        write_starting_files(tmp_path)

    assert "holds scheduler-config.yaml already; nothing was written" in str(raised.value)
    assert [file.name for file in tmp_path.iterdir()] == [kept.name]
    assert kept.read_text() == "enabled: false\n"


def test_a_file_in_the_place_of_the_directory_is_said(tmp_path: Path):
    (tmp_path / "policy").write_text("")

    with pytest.raises(StartingFilesError) as raised:
        write_starting_files(tmp_path / "policy")

    assert "cannot be written" in str(raised.value)
