"""The manifests of deploy/examples, as a test cluster needs them."""

from copy import deepcopy
from pathlib import Path

import yaml

from tests.cluster.kubernetes import Manifest

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
QUEUE = "scaledjob-queue.yaml"
QUEUE_ACCURATE = "scaledjob-queue-accurate.yaml"
BRAKE = "scaledjob-brake.yaml"
GATE = "scaledobject-gate.yaml"

# No scheduler has this name: in every cluster a Job's pod waits until the test plays the kubelet.
NOBODY = "carbon-scaler-e2e-nobody"


def example(name: str) -> Manifest:
    """One example as it is written."""
    manifest: Manifest = yaml.safe_load((EXAMPLES / name).read_text())
    return manifest


def adapted(manifest: Manifest, *, namespace: str, address: str, **spec: object) -> Manifest:
    """The same for this cluster: asked every second, pods that nobody runs, and `spec` over its own."""
    changed = deepcopy(manifest)
    changed["metadata"]["namespace"] = namespace
    changed["spec"] |= {"pollingInterval": 1} | spec
    changed["spec"]["jobTargetRef"]["template"]["spec"]["schedulerName"] = NOBODY
    for trigger in changed["spec"]["triggers"]:
        if trigger["type"] == "external":
            trigger["metadata"]["scalerAddress"] = address
    return changed


def trigger_of(manifest: Manifest) -> dict[str, str]:
    """The metadata of the trigger that is ours."""
    triggers = manifest["spec"]["triggers"]
    return dict(next(each["metadata"] for each in triggers if each["type"] == "external"))


def secrets_of(manifest: Manifest, value: str) -> list[Manifest]:
    """The Secrets that the containers refer to, each key with this value."""
    keys: dict[str, dict[str, str]] = {}
    for container in manifest["spec"]["jobTargetRef"]["template"]["spec"]["containers"]:
        for variable in container.get("env", ()):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                keys.setdefault(reference["name"], {})[reference["key"]] = value
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
        for name, data in keys.items()
    ]


def policy_directory(target: Path, *, namespace: str) -> Path:
    """The example policy for one namespace, its backlogs read every second."""
    target.mkdir()
    for source in (EXAMPLES / "policy").iterdir():
        (target / source.name).write_text(source.read_text())
    backlogs = yaml.safe_load((target / "backlogs.yaml").read_text())
    for backlog in backlogs["backlogs"].values():
        backlog |= {"refresh": "1s", "namespaces": [namespace], "url_env": "DATABASE_URL"}
    (target / "backlogs.yaml").write_text(yaml.safe_dump(backlogs))
    return target
