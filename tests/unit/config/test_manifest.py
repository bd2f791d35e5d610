"""A manifest that a user already has is read for its trigger."""

from pathlib import Path

import pytest

from carbon_scaler.config.manifest import MOST_BYTES, ManifestError, read_manifest

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


def read_trigger(path: Path) -> tuple[str, str, dict[str, str]]:
    manifest = read_manifest(path)
    return manifest.namespace, manifest.name, manifest.metadata


def test_the_first_external_trigger_is_taken_with_the_names_of_its_object(tmp_path: Path):
    trigger = read_trigger(written(tmp_path, SCALED_JOB))

    assert trigger == (
        "batch",
        "nightly",
        {"region": "us-west-1", "threshold": "250", "requireMix": "true"},
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


# Which object, which trigger, which values

TWO = """
kind: List
items:
  - kind: ScaledJob
    metadata: {name: first, namespace: batch}
    spec: {triggers: [{type: external, metadata: {mode: brake}}]}
  - kind: ConfigMap
  - kind: ScaledObject
    metadata: {name: second}
    spec: {triggers: [{type: external, metadata: {mode: gate}}]}
---
kind: ScaledJob
metadata: {name: third}
spec: {triggers: [{type: external-push}]}
"""


def test_of_several_objects_the_first_is_taken_and_the_others_are_known(tmp_path: Path):
    manifest = read_manifest(written(tmp_path, TWO))

    assert (manifest.kind, manifest.namespace, manifest.name) == ("ScaledJob", "batch", "first")
    assert manifest.beside == ("second", "third")


def test_a_name_chooses_among_several(tmp_path: Path):
    manifest = read_manifest(written(tmp_path, TWO), "second")

    assert (manifest.kind, manifest.name, manifest.metadata) == (
        "ScaledObject",
        "second",
        {"mode": "gate"},
    )


def test_a_name_that_is_not_there_is_told_with_those_that_are(tmp_path: Path):
    with pytest.raises(ManifestError, match=r'no object "fourth" .*holds first, second, third'):
        read_manifest(written(tmp_path, TWO), "fourth")


def test_our_trigger_is_told_from_another_external_one(tmp_path: Path):
    text = """
kind: ScaledJob
spec:
  triggers:
    - {type: external, metadata: {scalerAddress: other:1, query: x}}
    - {type: external, metadata: {scalerAddress: ours:1, workloadClass: urgent}}
"""

    manifest = read_manifest(written(tmp_path, text))

    assert manifest.metadata["scalerAddress"] == "ours:1"
    assert len(manifest.triggers) == 2


FROM_ENV = """
kind: ScaledJob
spec:
  triggers:
    - type: external
      metadata: {regionFromEnv: REGION, tenantFromEnv: TENANT, backlogFromEnv: NOBODY}
  jobTargetRef:
    template:
      spec:
        containers:
          - env:
              - {name: REGION, value: us-west-1}
              - {name: TENANT, valueFrom: {secretKeyRef: {name: a, key: b}}}
"""


def test_a_value_from_the_environment_is_read_where_the_manifest_writes_it_out(tmp_path: Path):
    manifest = read_manifest(written(tmp_path, FROM_ENV))

    assert manifest.metadata == {"regionFromEnv": "us-west-1"}
    assert manifest.unresolved == ("tenantFromEnv", "backlogFromEnv")


@pytest.mark.parametrize("containers", ["3", "[]", "[3]", "[{env: 3}]", "[{env: [3]}]"])
def test_an_odd_environment_resolves_nothing(tmp_path: Path, containers: str):
    text = FROM_ENV[: FROM_ENV.index("containers:")] + f"containers: {containers}\n"

    assert read_manifest(written(tmp_path, text)).metadata == {}


def test_aliases_that_nest_without_end_are_named_and_not_written_out(tmp_path: Path):
    levels = (
        f"  l{depth}: &l{depth} [{', '.join([f'*l{depth - 1}'] * 9)}]" for depth in range(1, 30)
    )
    text = "\n".join(
        (
            "kind: ScaledJob",
            "x:",
            "  l0: &l0 [0]",
            *levels,
            "metadata: {name: *l29}",
            "spec: {triggers: [{type: external, metadata: {region: *l29, mode: {a: b}, tenant: }}]}",
        )
    )

    assert read_trigger(written(tmp_path, text)) == (
        "default",
        "a list",
        {"region": "a list", "mode": "a mapping", "tenant": ""},
    )
