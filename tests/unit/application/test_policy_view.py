"""The merged policy as it is shown: every part with the document that it comes from."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from carbon_scaler.application.policy_view import policy_view
from carbon_scaler.domain.bands import Band
from carbon_scaler.domain.budget import Budget
from carbon_scaler.domain.policy import (
    BUILT_IN_POLICY,
    Policy,
    StatedSettings,
    Strategy,
    TimeShift,
    Weights,
    WorkloadClass,
)
from carbon_scaler.domain.residency import Level, Residency, Tenant
from carbon_scaler.domain.windows import TimeWindow, WindowEffect
from tests.builders import HOUR, a_region

CATALOG = {"us-west-1": a_region()}


def viewed(**changed: Any) -> dict[str, Any]:
    return policy_view(replace(BUILT_IN_POLICY, **changed), CATALOG)


def with_classes(**classes: WorkloadClass) -> Policy:
    return replace(BUILT_IN_POLICY, classes={**BUILT_IN_POLICY.classes, **classes})


def a_class(**stated: Any) -> WorkloadClass:
    return WorkloadClass(stated=StatedSettings(**stated))


def origins(view: Any) -> set[str]:
    """All that are named anywhere in it."""
    if isinstance(view, dict):
        own = {view["origin"]} if "origin" in view else set()
        return own.union(*(origins(each) for each in view.values()))
    if isinstance(view, list):
        return set().union(*(origins(each) for each in view))
    return set()


def test_without_documents_all_is_built_in():
    assert origins(viewed()) == {"built-in"}
    assert viewed()["version"] == "built-in"


def test_a_class_shows_the_settings_that_a_trigger_of_it_gets():
    settings = viewed()["classes"]["deferrable"]["settings"]

    assert settings["threshold"] == {"value": 250.0, "origin": "built-in"}
    assert settings["lead"]["value"] == timedelta(seconds=60)
    assert settings["release"]["value"] == timedelta(minutes=5)


def test_a_class_of_a_document_differs_key_by_key():
    before = BUILT_IN_POLICY.classes["standard"].stated
    policy = with_classes(standard=WorkloadClass(stated=replace(before, threshold=300.0)))

    shown = policy_view(policy, CATALOG)["classes"]["standard"]

    assert shown["origin"] == "workload-policies.yaml"
    assert shown["settings"]["threshold"]["origin"] == "workload-policies.yaml"
    assert shown["settings"]["max_delay"]["origin"] == "built-in"


def test_all_that_a_new_class_states_is_its_documents():
    shown = policy_view(with_classes(nightly=a_class(threshold=100.0)), CATALOG)["classes"]

    assert shown["nightly"]["settings"]["threshold"]["origin"] == "workload-policies.yaml"
    assert shown["nightly"]["settings"]["lead"]["origin"] == "built-in"
    assert shown["urgent"]["origin"] == "built-in"


def test_defaults_of_a_document_reach_the_classes_that_do_not_state_them():
    shown = viewed(defaults=replace(BUILT_IN_POLICY.defaults, lead=2 * HOUR))

    assert shown["defaults"]["lead"] == {"value": 2 * HOUR, "origin": "scheduler-config.yaml"}
    assert shown["defaults"]["threshold"]["origin"] == "built-in"
    assert shown["classes"]["urgent"]["settings"]["lead"]["origin"] == "scheduler-config.yaml"


def test_without_time_shift_the_strategy_is_that_documents():
    shown = viewed(
        time_shift=TimeShift(enabled=False),
        defaults=replace(BUILT_IN_POLICY.defaults, strategy=Strategy.QUANTILE),
    )

    assert shown["time_shift"] == {"value": False, "origin": "time-shift-policies.yaml"}
    assert shown["classes"]["standard"]["settings"]["strategy"] == {
        "value": Strategy.THRESHOLD,
        "origin": "time-shift-policies.yaml",
    }


def test_a_limit_that_makes_the_strategy_names_its_document():
    limited = with_classes(nightly=a_class(threshold=100.0), deferrable=a_class(threshold=300.0))
    for name in ("nightly", "deferrable"):
        settings = policy_view(limited, CATALOG)["classes"][name]["settings"]
        assert settings["strategy"] == {
            "value": Strategy.THRESHOLD,
            "origin": "workload-policies.yaml",
        }
    defaults = replace(BUILT_IN_POLICY.defaults, threshold=200.0)
    settings = viewed(defaults=defaults)["classes"]["standard"]["settings"]
    assert settings["strategy"]["origin"] == "scheduler-config.yaml"


def test_windows_are_told_as_they_are_written():
    def window(name: str, begins: float, ends: float) -> TimeWindow:
        return TimeWindow(
            name=name,
            begins=begins * HOUR,
            ends=ends * HOUR,
            effect=WindowEffect.FORBID,
            regions=frozenset({"b", "a"}),
        )

    windows = (window("night", 22.5, 30), window("late", 20, 24))

    night, late = viewed(time_shift=TimeShift(windows=windows))["windows"]

    assert (night["hours"], late["hours"]) == ("22:30-06:00", "20:00-24:00")
    assert (night["timezone"], night["regions"]) == ("region", ["a", "b"])
    assert night["origin"] == "time-shift-policies.yaml"


def test_everything_else_names_its_document():
    shown = viewed(
        enabled=False,
        bands=(Band(name="any", below=None),),
        residency=Residency(
            tenants={"acme": Tenant(name="acme", level=Level.GLOBAL)},
            adequacy={"eu-west-2": date(2030, 1, 1)},
        ),
        budgets={"orders": Budget(service="orders", monthly_kg=5.0)},
        weights=Weights(carbon=0.5, cost=0.5),
    )

    assert shown["enabled"] == {"value": False, "origin": "scheduler-config.yaml"}
    assert shown["bands"]["origin"] == "carbon-thresholds.yaml"
    assert shown["classification"]["origin"] == "built-in"
    assert shown["tenants"]["acme"]["origin"] == "gdpr-residency-overrides.yaml"
    assert shown["tenants"]["acme"]["allowed_regions"] is None
    assert shown["adequacy"] == {
        "value": {"eu-west-2": "2030-01-01"},
        "origin": "gdpr-residency-overrides.yaml",
    }
    assert shown["budgets"]["orders"]["origin"] == "carbon-budgets.yaml"
    assert shown["weights"]["origin"] == "scheduler-config.yaml"
