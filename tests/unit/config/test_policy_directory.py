"""Which documents there are: an unknown one is an error, because nobody would read it."""

from pathlib import Path

import pytest

from carbon_scaler.config.policy_directory import DOCUMENTS, document_of, policy_documents
from carbon_scaler.config.yaml_document import PolicyFileError

READS = (
    "this version reads backlogs.yaml, carbon-budgets.yaml, carbon-thresholds.yaml, "
    "gdpr-residency-overrides.yaml, region-profiles.yaml, scheduler-config.yaml, sources.yaml, "
    "time-shift-policies.yaml, workload-policies.yaml"
)


def refusal(directory: Path) -> str:
    with pytest.raises(PolicyFileError) as raised:
        policy_documents(directory)
    return str(raised.value).removeprefix(f"{directory}/")


def test_every_document_is_found_by_its_name(tmp_path: Path):
    for name in DOCUMENTS:
        (tmp_path / name).touch()

    assert set(policy_documents(tmp_path)) == DOCUMENTS


def test_what_is_no_yaml_is_nobodys_business(tmp_path: Path):
    for name in ("README.md", ".workload-policies.yaml.swp", ".backlogs.yaml"):
        (tmp_path / name).touch()

    assert policy_documents(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("backlog.yaml", "backlogs.yaml"),
        ("backlogs.yml", "backlogs.yaml"),
        ("Backlogs.YAML", "backlogs.yaml"),
        ("workload-policy.yaml", "workload-policies.yaml"),
        ("carbon-threshold.yaml", "carbon-thresholds.yaml"),
    ],
)
def test_an_unknown_document_asks_which_one_was_meant(tmp_path: Path, name: str, meant: str):
    (tmp_path / name).touch()

    assert refusal(tmp_path) == (
        f'{name}: is not a policy document; did you mean "{meant}"? {READS}'
    )


def test_a_document_like_no_other_gets_no_suggestion(tmp_path: Path):
    (tmp_path / "kustomization.yaml").touch()

    assert refusal(tmp_path) == f"kustomization.yaml: is not a policy document; {READS}"


def test_a_document_that_is_not_there_states_nothing():
    assert document_of({}, "backlogs.yaml").value is None


def test_a_directory_that_is_not_there_is_named(tmp_path: Path):
    assert refusal(tmp_path / "nowhere").endswith("nowhere: the policy directory does not exist")


def test_a_directory_that_is_a_file_is_named(tmp_path: Path):
    file = tmp_path / "backlogs.yaml"
    file.touch()

    assert refusal(file).endswith("backlogs.yaml: the policy directory is not a directory")


def test_a_directory_that_cannot_be_read_is_named(tmp_path: Path):
    assert "the policy directory cannot be read: File name too long" in refusal(
        tmp_path / ("x" * 300)
    )
