"""What keeps a trigger from doing what its author wants is found in the manifest."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from carbon_scaler.config.manifest import Manifest, read_manifest
from carbon_scaler.config.manifest_findings import Severity
from carbon_scaler.config.manifest_lint import lint
from carbon_scaler.domain.backlog import Items
from carbon_scaler.domain.policy import SETTING_NAMES
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import HOUR, MINUTE, a_plan, a_queue_plan

EXAMPLES = Path(__file__).resolve().parents[3] / "deploy" / "examples"
OURS = {"scalerAddress": "carbon-scaler:6000", "region": "us-west-1"}
COUNTING = Items.of([])
WAITING_ONLY = replace(COUNTING, counts_in_progress=False)


def a_trigger(mode: Mode = Mode.QUEUE, **stated: Any) -> dict[str, Any]:
    return {"type": "external", "metadata": {**OURS, "mode": mode.value}, **stated}


QUEUE_TRIGGER = {"type": "aws-sqs-queue", "metadata": {}}


def a_manifest(kind: str = "ScaledJob", *triggers: dict[str, Any], **spec: Any) -> Manifest:
    listed = triggers or (a_trigger(),)
    ours = next(each for each in listed if "scalerAddress" in each["metadata"])
    return Manifest(
        kind=kind, namespace="batch", name="job", spec=spec, trigger=ours, triggers=listed
    )


def a_brake_manifest(**spec: Any) -> Manifest:
    said = {"scalingStrategy": {"multipleScalersCalculation": "min"}, **spec}
    return a_manifest("ScaledJob", QUEUE_TRIGGER, a_trigger(Mode.BRAKE), **said)


def a_gate_manifest(formula: str = "carbon * queue", **stated: Any) -> Manifest:
    said = {"name": "carbon", **stated}
    advanced = {"scalingModifiers": {"formula": formula}}
    trigger = a_trigger(Mode.GATE, **said)
    return a_manifest("ScaledObject", QUEUE_TRIGGER, trigger, advanced=advanced)


def found(
    manifest: Manifest, plan: Plan | None = None, items: Items | None = None
) -> list[tuple[Severity, str]]:
    return [(each.severity, each.key) for each in lint(manifest, plan, items)]


def the_text(manifest: Manifest, plan: Plan | None = None, items: Items | None = None) -> str:
    (finding,) = lint(manifest, plan, items)
    return finding.text


ERROR, WARNING = Severity.ERROR, Severity.WARNING
GATE = a_plan(Mode.GATE)


@pytest.mark.parametrize(
    ("manifest", "plan"),
    [(a_manifest(), a_queue_plan()), (a_brake_manifest(), a_plan()), (a_gate_manifest(), GATE)],
    ids=["queue", "brake", "gate"],
)
def test_in_a_good_manifest_nothing_is_found(manifest: Manifest, plan: Plan):
    assert found(manifest, plan, COUNTING) == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("scaled*.yaml")), ids=lambda each: each.stem)
def test_in_the_examples_nothing_is_found(path: Path):
    manifest = read_manifest(path)
    mode = Mode(manifest.metadata["mode"])
    # As their own triggers and comments say.
    items = WAITING_ONLY if "accurate" in path.stem else COUNTING
    lead = 3 * MINUTE if "accurate" in path.stem else MINUTE
    origins = dict.fromkeys(SETTING_NAMES, "default")

    assert found(manifest, replace(a_plan(mode, lead=lead), origins=origins), items) == []


# Demand and strategy


@pytest.mark.parametrize("stated", ["default", None])
def test_default_starves_a_backlog_that_tells_waiting_items_only(stated: str | None):
    strategy = {} if stated is None else {"scalingStrategy": {"strategy": stated}}

    said = the_text(a_manifest(**strategy), a_queue_plan(), WAITING_ONLY)

    assert said.startswith("default: the backlog's query yields no started_at")
    assert said.endswith("write accurate")


@pytest.mark.parametrize("stated", ["accurate", "eager", "custom"])
def test_another_strategy_doubles_a_backlog_that_counts_what_is_in_progress(stated: str):
    said = the_text(a_manifest(scalingStrategy={"strategy": stated}), a_queue_plan(), COUNTING)

    assert said.startswith(f"{stated}: the backlog's query yields started_at")
    assert said.endswith("write default")


def test_accurate_fits_a_backlog_that_tells_waiting_items_only():
    manifest = a_manifest(scalingStrategy={"strategy": "accurate"})

    assert found(manifest, a_queue_plan(), WAITING_ONLY) == []


def test_of_a_backlog_that_is_unknown_nothing_is_said():
    assert found(a_manifest(scalingStrategy={"strategy": "accurate"}), a_queue_plan()) == []


# Brake


@pytest.mark.parametrize(
    "strategy",
    [{}, {"scalingStrategy": 3}, {"scalingStrategy": {"multipleScalersCalculation": "max"}}],
)
def test_a_brake_without_min_holds_nothing(strategy: dict[str, Any]):
    manifest = a_manifest("ScaledJob", QUEUE_TRIGGER, a_trigger(Mode.BRAKE), **strategy)

    assert found(manifest, a_plan()) == [(ERROR, "spec.scalingStrategy.multipleScalersCalculation")]


def test_a_brake_alone_starts_nothing():
    manifest = replace(a_brake_manifest(), triggers=(a_trigger(Mode.BRAKE),))

    assert "use mode queue" in the_text(manifest, a_plan())


def test_a_brake_does_not_work_on_a_scaled_object():
    manifest = a_manifest("ScaledObject", QUEUE_TRIGGER, a_trigger(Mode.BRAKE))

    assert "the HPA of a ScaledObject refuses" in the_text(manifest, a_plan())


# Gate


def test_a_gate_needs_a_formula():
    assert the_text(a_gate_manifest(""), GATE).startswith("missing: the HPA would take the larger")


def test_a_formula_knows_triggers_by_name():
    assert found(a_gate_manifest(name=None), GATE) == [(ERROR, "spec.triggers.name")]


def test_a_formula_that_leaves_the_gate_out_is_noticed():
    assert "the gate has no effect" in the_text(a_gate_manifest("queue"), GATE)


def test_a_gate_does_not_work_on_a_scaled_job():
    manifest = a_manifest("ScaledJob", QUEUE_TRIGGER, a_trigger(Mode.GATE, name="carbon"))

    assert found(manifest, GATE) == [(ERROR, "spec.triggers.metadata.mode")]


def test_a_queue_on_a_scaled_object_is_warned_of():
    assert found(a_manifest("ScaledObject"), a_queue_plan()) == [
        (WARNING, "spec.triggers.metadata.mode")
    ]


# Replicas and times


@pytest.mark.parametrize(
    ("manifest", "plan", "what"),
    [
        (a_manifest(minReplicaCount=2), a_queue_plan(), "2 Jobs"),
        (a_brake_manifest(minReplicaCount=1), a_plan(), "1 Jobs"),
        (replace(a_gate_manifest(), spec={**a_gate_manifest().spec, "minReplicaCount": 3}), GATE,
         "3 replicas"),
    ],
)  # fmt: skip
def test_what_keda_always_keeps_is_not_gated(manifest: Manifest, plan: Plan, what: str):
    assert the_text(manifest, plan).startswith(f"KEDA keeps {what} whatever")


def test_no_replicas_at_least_is_good():
    assert found(a_manifest(minReplicaCount=0), a_queue_plan()) == []


@pytest.mark.parametrize(
    ("polling", "lead", "complains"),
    [(None, 29, True), (None, 30, False), (60, 59, True), (60, 60, False), ("often", 29, True)],
)
def test_a_lead_below_the_polling_interval_is_warned_of(
    polling: object, lead: int, complains: bool
):
    spec = {} if polling is None else {"pollingInterval": polling}

    keys = found(a_manifest(**spec), a_queue_plan(lead=timedelta(seconds=lead)))

    assert keys == ([(WARNING, "spec.pollingInterval")] if complains else [])


@pytest.mark.parametrize(("seconds", "complains"), [(3599, True), (3600, False), ("1h", False)])
def test_a_job_that_is_ended_before_it_is_done_is_warned_of(seconds: object, complains: bool):
    manifest = a_manifest(jobTargetRef={"activeDeadlineSeconds": seconds})

    keys = found(manifest, a_queue_plan(job_duration=HOUR))

    assert keys == ([(WARNING, "spec.jobTargetRef.activeDeadlineSeconds")] if complains else [])


def test_a_brake_that_says_nothing_of_the_duration_may_end_its_jobs_early():
    manifest = a_brake_manifest(jobTargetRef={"activeDeadlineSeconds": 60})
    by_default = replace(a_plan(), origins={"job_duration": "default"})
    stated = replace(a_plan(), origins={"job_duration": "trigger"})

    assert found(manifest, by_default) == []
    assert len(found(manifest, stated)) == 1


# The trigger itself


def test_a_trigger_without_an_address_is_refused_by_keda():
    trigger = {"type": "external", "metadata": {"region": "us-west-1", "mode": "queue"}}
    manifest = replace(a_manifest(), trigger=trigger, triggers=(trigger,))

    assert found(manifest, a_queue_plan()) == [(ERROR, "spec.triggers.metadata.scalerAddress")]


def test_an_address_from_the_environment_is_one_too_and_other_values_are_missed():
    metadata = {"scalerAddressFromEnv": "ADDRESS", "mode": "queue", "tenantFromEnv": "TENANT"}
    trigger = {"type": "external", "metadata": metadata}
    manifest = replace(a_manifest(), trigger=trigger, triggers=(trigger,))

    assert found(manifest, a_queue_plan()) == [(WARNING, "spec.triggers.metadata.tenantFromEnv")]


def test_a_value_that_is_no_text_is_refused_by_kubernetes():
    trigger = a_trigger()
    trigger = {**trigger, "metadata": {**trigger["metadata"], "threshold": 250}}
    manifest = replace(a_manifest(), trigger=trigger, triggers=(trigger,))

    assert "250 is no text" in the_text(manifest, a_queue_plan())


@pytest.mark.parametrize(
    ("manifest", "plan", "because"),
    [
        (a_manifest("ScaledJob", a_trigger(type="external-push")), a_queue_plan(), "throws"),
        (a_gate_manifest(type="external-push"), GATE, "jumps the formula"),
    ],
)
def test_a_pushing_trigger_is_warned_of(manifest: Manifest, plan: Plan, because: str):
    assert because in the_text(manifest, plan)


def test_several_triggers_of_ours_are_warned_of():
    manifest = a_manifest("ScaledJob", a_trigger(), a_trigger())

    assert the_text(manifest, a_queue_plan()).startswith("2 triggers of ours")


def test_several_objects_in_a_file_are_told():
    manifest = replace(a_manifest(), beside=("weekly",))

    assert "(weekly)" in the_text(manifest, a_queue_plan())


@pytest.mark.parametrize(
    ("manifest", "key", "hint"),
    [
        (a_manifest(polingInterval=30), "spec.polingInterval", 'mean "pollingInterval"?'),
        (a_manifest("ScaledObject", cooldownPeriod=3, rollout={}), "spec.rollout", "known: "),
        (a_manifest("ScaledJob", a_trigger(metadat={})), "spec.triggers.metadat", '"metadata"?'),
    ],
)
def test_an_unknown_key_is_told_with_the_likely_one(manifest: Manifest, key: str, hint: str):
    (finding,) = lint(manifest, None)

    assert (finding.severity, finding.key) == (WARNING, key)
    assert hint in finding.text


def test_without_a_plan_what_the_manifest_shows_is_still_found():
    manifest = a_manifest(polingInterval=30, minReplicaCount=1)

    assert [key for _, key in found(manifest)] == ["spec.minReplicaCount", "spec.polingInterval"]


def test_errors_stand_first():
    manifest = replace(a_brake_manifest(pollInterval=3), triggers=(a_trigger(Mode.BRAKE),))

    assert [severity for severity, _ in found(manifest, a_plan())] == [ERROR, WARNING]


def test_every_finding_of_a_bad_manifest_says_what_would_be_right():
    trigger = {"type": "external-push", "metadata": {"mode": "brake", "threshold": 3}}
    spec = yaml.safe_load("{pollingInterval: 300, minReplicaCount: 1, scalingStrategy: {}}")
    manifest = Manifest(
        kind="ScaledJob", namespace="a", name="b", spec=spec, trigger=trigger, triggers=(trigger,)
    )

    findings = lint(manifest, a_plan())

    assert len(findings) == 7
    right = re.compile(r"; (write|use|keep|put|leave|did|the first alone)|leave it out")
    assert [each.text for each in findings if not right.search(each.text)] == []


@pytest.mark.parametrize("odd", [None, 3, [], {}, "x", True])
@pytest.mark.parametrize(
    "key", ["pollingInterval", "minReplicaCount", "scalingStrategy", "jobTargetRef", "advanced"]
)
def test_whatever_a_key_holds_is_linted_without_a_failure(key: str, odd: object):
    for kind, mode in (("ScaledJob", Mode.BRAKE), ("ScaledObject", Mode.GATE)):
        manifest = a_manifest(kind, a_trigger(mode, name=odd), **{key: odd})

        assert all(finding.text for finding in lint(manifest, a_plan(mode), COUNTING))
