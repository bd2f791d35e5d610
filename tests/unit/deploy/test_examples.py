"""The examples that users copy, without a cluster: what they say fits together."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from carbon_scaler.config.manifest import read_manifest
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.trigger import Mode, Plan
from carbon_scaler.keda.metadata import KEDA_KEYS, KNOWN_KEYS, parse_trigger

EXAMPLES = Path(__file__).parents[3] / "deploy" / "examples"
PATHS = sorted(EXAMPLES.glob("scaledjob-*.yaml"))
ADDRESS = "carbon-scaler.carbon-scaler.svc.cluster.local:6000"

Schema = dict[str, Any]


def exactly(**values: object) -> Schema:
    """An object that states these values."""
    return having(**{name: {"const": value} for name, value in values.items()})


def having(**properties: Schema) -> Schema:
    """An object that states these properties, among others."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def both(one: Schema, other: Schema) -> Schema:
    return {"allOf": [one, other]}


COUNT = {"type": "integer", "minimum": 1}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
RESTRICTED_CONTAINER = having(
    securityContext=exactly(
        allowPrivilegeEscalation=False,
        readOnlyRootFilesystem=True,
        capabilities={"drop": ["ALL"]},
    ),
    resources=having(requests=TEXTS, limits=TEXTS),
)
RESTRICTED_POD = both(
    exactly(restartPolicy="Never", automountServiceAccountToken=False),
    having(
        securityContext=exactly(runAsNonRoot=True, seccompProfile={"type": "RuntimeDefault"}),
        containers={"items": RESTRICTED_CONTAINER},
    ),
)
SCALED_JOB = both(
    exactly(apiVersion="keda.sh/v1alpha1", kind="ScaledJob"),
    having(
        metadata=exactly(namespace="teei-platform"),
        spec=having(
            pollingInterval=COUNT,
            maxReplicaCount=COUNT,
            successfulJobsHistoryLimit=COUNT,
            failedJobsHistoryLimit=COUNT,
            scalingStrategy=having(strategy={"enum": ["default", "accurate"]}),
            rollout=exactly(strategy="gradual"),
            triggers={"items": having(type={"type": "string"}, metadata=TEXTS)},
            jobTargetRef=having(template=having(spec=RESTRICTED_POD)),
        ),
    ),
)


@pytest.fixture(params=PATHS, ids=lambda path: path.name)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def spec(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())["spec"]


@pytest.fixture
def plan(path: Path) -> Plan:
    manifest = read_manifest(path)
    around = Surroundings(
        default_region=None,
        catalog=load_catalog(),
        stored_regions=(),
        backlogs={name: backlog.get("namespaces") for name, backlog in backlogs().items()},
    )
    plan = resolve(
        parse_trigger(manifest.namespace, manifest.name, manifest.metadata), BUILT_IN_POLICY, around
    )
    assert isinstance(plan, Plan), plan.text()
    return plan


def backlogs() -> dict[str, Any]:
    return yaml.safe_load((EXAMPLES / "policy" / "backlogs.yaml").read_text())["backlogs"]


def test_the_names_that_users_of_the_older_platform_look_for_are_there():
    names = {read_manifest(path).name for path in PATHS}

    assert names == {
        "carbon-aware-q2q-embeddings",
        "carbon-aware-report-generation",
        "carbon-aware-analytics-backfill",
    }


def test_an_example_states_what_a_scaled_job_should_state(path: Path):
    manifest = yaml.safe_load(path.read_text())

    jsonschema.Draft202012Validator(SCALED_JOB).validate(manifest)


def test_an_example_names_the_default_address_and_known_keys_only(path: Path):
    metadata = read_manifest(path).metadata

    assert metadata["scalerAddress"] == ADDRESS
    assert metadata.keys() <= KNOWN_KEYS | KEDA_KEYS


def test_an_example_resolves_to_a_plan_without_a_warning(plan: Plan):
    assert plan.warnings == ()


def test_the_strategy_fits_what_the_backlog_knows(plan: Plan, spec: dict[str, Any]):
    strategy = spec["scalingStrategy"]
    if plan.mode is Mode.BRAKE:
        assert strategy["multipleScalersCalculation"] == "min"
        assert len(spec["triggers"]) > 1
    else:
        knows_started = "started_at" in backlogs()[plan.backlog]["query"]
        assert strategy["strategy"] == ("default" if knows_started else "accurate")
        assert len(spec["triggers"]) == 1


def test_keda_asks_more_often_than_work_is_released_early(plan: Plan, spec: dict[str, Any]):
    room = plan.settings.release if plan.mode is Mode.BRAKE else plan.settings.lead

    assert timedelta(seconds=spec["pollingInterval"]) < room
