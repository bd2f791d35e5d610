"""Every key of a class, of the defaults, of the bands and of the scheduler changes a decision."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from carbon_scaler.application.explain import explain
from carbon_scaler.config.documents.bands import BandModel, BandsModel
from carbon_scaler.config.documents.classes import ClassModel
from carbon_scaler.config.documents.scheduler import SchedulerModel, WeightsModel
from carbon_scaler.config.policy_files import PolicyFiles, read_policy
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.domain.backlog import Item
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.policy import SETTING_NAMES
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import HOME, HOUR, MINUTE, NOW, Share, a_backlog, a_series, a_trigger, an_item

ELSEWHERE = "us-west-2"
TENANTS = {
    "tenants": {"acme": {"level": "SINGLE_REGION", "primary_region": HOME, "namespaces": ["batch"]}}
}
JUST_COME = an_item()
Shown = Callable[[Decision], object]


def reason(decision: Decision) -> object:
    return decision.reason


def suggestion(decision: Decision) -> object:
    return decision.hint and decision.hint.hint.suggested_region


def penalty(decision: Decision) -> object:
    return decision.hint and decision.hint.penalty_grams


def share(decision: Decision) -> object:
    return decision.share


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One key, the world that it is read in, and what is shown without it and with it."""

    said: object
    before: object
    after: object
    given: Mapping[str, object] = field(default_factory=dict)
    shown: Shown = reason
    grams: Sequence[float] = (300.0,)
    renewable: Share = None
    item: Item = JUST_COME
    mode: Mode = Mode.QUEUE
    first_at: datetime | None = None
    elsewhere: float | None = None
    documents: Mapping[str, object] = field(default_factory=dict)


WEEK_AND_A_DAY = 8 * 24
CLEANER_NEXT_DOOR: Mapping[str, Any] = {"elsewhere": 250.0, "shown": suggestion}

SETTINGS: Mapping[str, Change] = {
    "threshold": Change(said=290, before="below_threshold", after="above_threshold"),
    "min_renewable_percent": Change(
        said=30, renewable=20.0, before="below_threshold", after="renewables_below_minimum"
    ),
    "require_mix": Change(
        said=True,
        given={"min_renewable_percent": 30},
        before="below_threshold",
        after="renewables_below_minimum",
    ),
    "max_delay": Change(
        said="10m",
        grams=[900],
        item=an_item(30 * MINUTE),
        before="above_threshold",
        after="deadline",
    ),
    "min_savings_percent": Change(
        said=50,
        given={"preferred_regions": [ELSEWHERE]},
        before=ELSEWHERE,
        after=None,
        **CLEANER_NEXT_DOOR,
    ),
    "job_duration": Change(
        said="2h",
        given={"max_delay": "12h"},
        grams=[900],
        item=an_item(due_in=90 * MINUTE),
        before="above_threshold",
        after="deadline",
    ),
    "strategy": Change(
        said="quantile",
        grams=[*[900.0] * 48, 500.0],
        before="above_threshold",
        after="within_quantile",
    ),
    "lead": Change(
        said="45m",
        grams=[900],
        item=an_item(30 * MINUTE),
        before="above_threshold",
        after="deadline",
    ),
    "release": Change(
        said="30m",
        grams=[900],
        mode=Mode.BRAKE,
        first_at=NOW - 40 * MINUTE,
        before="above_threshold",
        after="pulse",
    ),
    "when_blind": Change(said="closed", grams=[], before="blind_open", after="blind_closed"),
    "quantile_percent": Change(
        said=80,
        given={"strategy": "quantile"},
        grams=[*[300.0] * 24, *[900.0] * 24, 500.0],
        before="above_quantile",
        after="within_quantile",
    ),
    "quantile_window": Change(
        said="1d",
        given={"strategy": "quantile"},
        grams=[*[300.0] * (WEEK_AND_A_DAY - 48), *[900.0] * 48, 500.0],
        before="above_quantile",
        after="within_quantile",
    ),
    "curve": Change(
        said="300:1,400:0", given={"strategy": "curve"}, shown=share, before=0.5, after=1.0
    ),
    "spread": Change(
        said="1h",
        grams=[900, 900, 100],
        item=an_item(30 * MINUTE),
        before="below_threshold",
        after="spread",
    ),
    "job_energy_kwh": Change(
        said=2,
        given={"preferred_regions": [ELSEWHERE]},
        elsewhere=250.0,
        shown=penalty,
        documents={"gdpr-residency-overrides.yaml": TENANTS},
        before=25.0,
        after=100.0,
    ),
}
CLASS_KEYS: Mapping[str, Change] = {
    **SETTINGS,
    "urgent": Change(said=True, grams=[900], before="above_threshold", after="urgent"),
    "preferred_regions": Change(
        said=[ELSEWHERE], before=None, after=ELSEWHERE, **CLEANER_NEXT_DOOR
    ),
    "fallback_regions": Change(said=[ELSEWHERE], before=None, after=ELSEWHERE, **CLEANER_NEXT_DOOR),
}


def policy_of(directory: Path, documents: Mapping[str, object]) -> PolicyFiles:
    for name, content in documents.items():
        (directory / name).write_text(json.dumps(content))
    return read_policy(directory)


def plan_of(files: PolicyFiles, mode: Mode = Mode.QUEUE) -> Plan:
    trigger = a_trigger(
        region=HOME,
        workload_class="training",
        mode=mode,
        backlog="orders" if mode is Mode.QUEUE else None,
    )
    around = Surroundings(
        default_region=None, catalog=files.catalog, stored_regions=(), backlogs={"orders": None}
    )
    plan = resolve(trigger, files.policy, around)
    assert isinstance(plan, Plan), plan
    return plan


def decided(directory: Path, change: Change, documents: Mapping[str, object]) -> object:
    files = policy_of(directory, {**change.documents, **documents})
    series = a_series(*change.grams, renewable=change.renewable, first_at=change.first_at)
    others = {}
    if change.elsewhere is not None:
        others[ELSEWHERE] = replace(a_series(change.elsewhere), region=ELSEWHERE)
    inputs = Inputs(series=series, demand=a_backlog(change.item), others=others)
    return change.shown(decide(plan_of(files, change.mode), inputs, NOW))


def test_there_is_a_change_for_every_key():
    assert set(SETTINGS) == set(SETTING_NAMES)
    assert set(CLASS_KEYS) == set(ClassModel.model_fields)
    assert set(SchedulerModel.model_fields) == {"enabled", "defaults", "weights"}
    assert set(WeightsModel.model_fields) == {"carbon", "cost"}
    assert set(BandsModel.model_fields) == {"bands", "classification"}
    assert set(BandModel.model_fields) == {"name", "below", "min_renewable_percent"}


@pytest.mark.parametrize("key", CLASS_KEYS)
def test_a_key_of_a_class_changes_what_is_decided(tmp_path: Path, key: str):
    change = CLASS_KEYS[key]

    def with_class(**stated: object) -> object:
        training = {**change.given, **stated}
        documents = {"workload-policies.yaml": {"classes": {"training": training}}}
        return decided(tmp_path, change, documents)

    assert with_class() == change.before
    assert with_class(**{key: change.said}) == change.after


@pytest.mark.parametrize("key", SETTINGS)
def test_a_default_changes_what_is_decided_where_the_class_does_not_state_it(
    tmp_path: Path, key: str
):
    change = SETTINGS[key]

    def with_defaults(**stated: object) -> object:
        documents = {
            "workload-policies.yaml": {"classes": {"training": dict(change.given)}},
            "scheduler-config.yaml": {"defaults": stated},
        }
        return decided(tmp_path, change, documents)

    assert with_defaults() == change.before
    assert with_defaults(**{key: change.said}) == change.after


@pytest.mark.parametrize("key", SETTINGS)
def test_what_a_class_states_stands_above_the_default(tmp_path: Path, key: str):
    change = SETTINGS[key]
    documents = {
        "workload-policies.yaml": {"classes": {"training": {**change.given, key: change.said}}}
    }
    alone = policy_of(tmp_path, documents)
    opposed = policy_of(tmp_path, {"scheduler-config.yaml": {"defaults": OPPOSED}})

    assert getattr(plan_of(opposed).settings, key) == getattr(plan_of(alone).settings, key)
    assert plan_of(opposed).origins[key] == "class training"


# Each other than what the changes above say.
OPPOSED = {
    "threshold": 1,
    "min_renewable_percent": 1,
    "require_mix": False,
    "max_delay": "1m",
    "min_savings_percent": 1,
    "job_duration": "1m",
    "strategy": "curve",
    "lead": "1s",
    "release": "1s",
    "when_blind": "error",
    "quantile_percent": 1,
    "quantile_window": "8d",
    "curve": "1:1,2:0",
    "job_energy_kwh": 1,
    "spread": "1m",
}

TRAINING = {"workload-policies.yaml": {"classes": {"training": {}}}}


def test_switched_off_everything_may_start(tmp_path: Path):
    dirty = Change(said=None, before=None, after=None, grams=[900])

    def with_enabled(enabled: bool) -> object:
        return decided(tmp_path, dirty, {**TRAINING, "scheduler-config.yaml": {"enabled": enabled}})

    assert with_enabled(True) == "above_threshold"
    assert with_enabled(False) == "disabled"


@pytest.mark.parametrize(
    ("weights", "suggested"),
    [({"carbon": 1, "cost": 0}, ELSEWHERE), ({"carbon": 0.1, "cost": 0.9}, None)],
)
def test_the_weights_decide_whether_a_cleaner_and_dearer_region_is_suggested(
    tmp_path: Path, weights: Mapping[str, float], suggested: str | None
):
    change = Change(
        said=None,
        before=None,
        after=None,
        **CLEANER_NEXT_DOOR,
        documents={
            "region-profiles.yaml": {"regions": {ELSEWHERE: {"cost_multiplier": 1.5}}},
            "workload-policies.yaml": {"classes": {"training": {"preferred_regions": [ELSEWHERE]}}},
        },
    )

    assert decided(tmp_path, change, {"scheduler-config.yaml": {"weights": weights}}) == suggested


@pytest.mark.parametrize("table", ["bands", "classification"])
def test_a_band_is_a_limit_under_its_name(tmp_path: Path, table: str):
    at_300 = Change(said=None, before=None, after=None)
    classes = {"workload-policies.yaml": {"classes": {"training": {"threshold": "mine"}}}}

    def with_limit(below: float) -> object:
        bands = [{"name": "mine", "below": below}, {"name": "rest"}]
        return decided(tmp_path, at_300, {"carbon-thresholds.yaml": {table: bands}, **classes})

    assert with_limit(300) == "above_threshold"
    assert with_limit(300.5) == "below_threshold"


@pytest.mark.parametrize(("expects", "told"), [(25, False), (15, True), (None, None)])
def test_a_band_is_told_with_the_mix_that_its_author_expects(
    tmp_path: Path, expects: float | None, told: bool | None
):
    mine: dict[str, object] = {"name": "mine", "below": 350}
    if expects is not None:
        mine["min_renewable_percent"] = expects
    document = {
        "bands": [mine, {"name": "rest"}],
        "classification": [{"name": "theirs", "below": 350}, {"name": "rest"}],
    }
    plan = plan_of(policy_of(tmp_path, {"carbon-thresholds.yaml": document, **TRAINING}))
    series = a_series(300.0, renewable=20.0)

    decision = decide(plan, Inputs(series=series, demand=a_backlog(an_item())), NOW)

    intensity = explain(plan, decision, series)["intensity"]
    assert (intensity["band"], intensity["classification"]) == ("mine", "theirs")
    assert intensity["renewables_as_expected"] is told


@pytest.mark.parametrize(
    ("grams", "expected"), [(249.9, "below_threshold"), (250.0, "above_threshold")]
)
def test_the_built_in_deferrable_class_opens_strictly_below_250(grams: float, expected: str):
    files = read_policy(None)
    deferrable = files.policy.classes["deferrable"]

    assert deferrable.stated.max_delay == timedelta(minutes=720)
    policy = replace(files.policy, classes={"training": deferrable})
    plan = plan_of(replace(files, policy=policy))
    inputs = Inputs(series=a_series(grams), demand=a_backlog(an_item()))
    assert decide(plan, inputs, NOW + HOUR / 60).reason == expected
