"""A manifest that a user already has is read for its trigger."""

from pathlib import Path

import pytest

from carbon_scaler.config.manifest import MOST_BYTES, ManifestError, read_trigger

SCALED_JOB = """
apiVersion: v1
kind: Service
metadata: {name: beside-it}
---
kind: ScaledJob
metadata: {name: nightly, namespace: batch}
spec:
  triggers:
    - type: cron
      metadata: {start: 0 1 * * *}
    - type: external
      metadata: {region: us-west-1, threshold: 250, requireMix: true}
"""


def written(directory: Path, text: str) -> Path:
    file = directory / "job.yaml"
    file.write_text(text)
    return file


def test_the_first_external_trigger_is_taken_with_the_names_of_its_object(tmp_path: Path):
    trigger = read_trigger(written(tmp_path, SCALED_JOB))

    assert trigger == (
        "batch",
        "nightly",
        {"region": "us-west-1", "threshold": "250", "requireMix": "True"},
    )


def test_an_object_without_a_namespace_is_in_the_default_one(tmp_path: Path):
    text = "kind: ScaledObject\nspec: {triggers: [{type: external}]}"

    assert read_trigger(written(tmp_path, text)) == ("default", "", {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kind: Deployment",
        "kind: ScaledJob",
        "kind: [ScaledJob]",
        "kind: ScaledJob\nspec: 3",
        "kind: ScaledJob\nspec: {triggers: external}",
        "kind: ScaledJob\nspec: {triggers: [external, [], {type: cron}]}",
        "- kind: ScaledJob",
    ],
)
def test_a_manifest_without_our_trigger_is_named(tmp_path: Path, text: str):
    file = written(tmp_path, text)

    with pytest.raises(ManifestError, match="holds no ScaledJob or ScaledObject with a trigger"):
        read_trigger(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: [", "cannot be read"),
        ("at: 2022-13-01", "cannot be read"),
        ("[" * 1000, "cannot be read"),
        ("#" * (MOST_BYTES + 1), "is larger than"),
    ],
    ids=["no-yaml", "no-date", "too-deep", "too-large"],
)
def test_what_cannot_be_read_is_one_line_that_names_the_file(tmp_path: Path, text: str, said: str):
    file = written(tmp_path, text)

    with pytest.raises(ManifestError) as refused:
        read_trigger(file)

    assert str(refused.value).startswith(f"{file}: {said}")
    assert "\n" not in str(refused.value)


def test_a_manifest_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ManifestError, match=r"nowhere\.yaml: cannot be read"):
        read_trigger(tmp_path / "nowhere.yaml")
