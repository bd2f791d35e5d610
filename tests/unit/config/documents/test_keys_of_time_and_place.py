"""Every key of windows, tenants, budgets and region profiles changes a decision or what it tells."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from carbon_scaler.config.documents.adequacy import AdequacyModel
from carbon_scaler.config.documents.budgets import BudgetModel, BudgetsModel
from carbon_scaler.config.documents.residency import ResidencyModel, TenantModel
from carbon_scaler.config.documents.windows import TimeShiftModel, WindowModel
from carbon_scaler.config.policy_files import PolicyFiles, read_policy
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.decisions.windows import window_at
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.residency import CarbonHint
from carbon_scaler.domain.trigger import Mode, Plan
from carbon_scaler.providers.static import static_average
from tests.builders import NOW, a_backlog, a_budget_use, a_series, a_trigger, an_item

WINDOWS = "time-shift-policies.yaml"
TENANTS = "gdpr-residency-overrides.yaml"
BUDGETS = "carbon-budgets.yaml"
PROFILES = "region-profiles.yaml"
FORBIDDEN = {"name": "noon", "hours": "11:00-13:00", "effect": "forbid"}
PREFERRED = {"name": "noon", "hours": "11:00-13:00", "effect": "prefer"}


def written(directory: Path, **documents: object) -> PolicyFiles:
    names = {"windows": WINDOWS, "tenants": TENANTS, "budgets": BUDGETS, "profiles": PROFILES}
    for key, content in documents.items():
        (directory / names[key]).write_text(json.dumps(content))
    return read_policy(directory)


def plan_of(files: PolicyFiles, **stated: object) -> Plan:
    trigger = a_trigger(
        **{"region": "us-west-1", "mode": Mode.QUEUE, "backlog": "orders", **stated}
    )
    around = Surroundings(
        default_region=None, catalog=files.catalog, stored_regions=(), backlogs={"orders": None}
    )
    plan = resolve(trigger, files.policy, around)
    assert isinstance(plan, Plan), plan
    return plan


def decided(
    files: PolicyFiles, *, grams: float = 300.0, spent_kg: float = 0.0, **stated: object
) -> Decision:
    inputs = Inputs(
        series=a_series(grams),
        demand=a_backlog(an_item(), an_item(), an_item(), an_item()),
        budget_use=a_budget_use(spent_kg),
    )
    return decide(plan_of(files, **stated), inputs, NOW)


def told(decision: Decision, rule: str) -> str:
    return next(ruling.reason for ruling in decision.rulings if ruling.rule == rule)


def test_every_key_has_its_test():
    assert set(TimeShiftModel.model_fields) == {"enabled", "windows"}
    assert set(WindowModel.model_fields) == {*WINDOW_KEYS, "name"}
    assert set(ResidencyModel.model_fields) == {"tenants", "adequacy"}
    assert set(TenantModel.model_fields) == {*TENANT_KEYS, "namespaces"}
    assert set(AdequacyModel.model_fields) == {"region", "until"}
    assert set(BudgetsModel.model_fields) == {"services"}
    assert set(BudgetModel.model_fields) == set(BUDGET_KEYS)


WINDOW_KEYS: Mapping[str, tuple[dict[str, Any], object, str, str, float]] = {
    "hours": (FORBIDDEN, "13:00-14:00", "forbidden_hours", "below_threshold", 300.0),
    "timezone": (FORBIDDEN, "region", "forbidden_hours", "below_threshold", 300.0),
    "regions": (FORBIDDEN, ["us-east-1"], "forbidden_hours", "below_threshold", 300.0),
    "effect": (FORBIDDEN, "prefer", "forbidden_hours", "below_threshold", 420.0),
    "priority": (FORBIDDEN, 3, "forbidden_hours", "below_threshold", 300.0),
    "bonus_percent": (PREFERRED, 1, "below_threshold", "above_threshold", 420.0),
}


@pytest.mark.parametrize("key", WINDOW_KEYS)
def test_a_key_of_a_window_changes_what_is_decided(tmp_path: Path, key: str):
    window, said, before, after, grams = WINDOW_KEYS[key]
    second = {"name": "second", "hours": "10:00-14:00", "effect": "prefer", "priority": 2}

    def with_window(**stated: object) -> str:
        others = [second] if key == "priority" else []
        files = written(tmp_path, windows={"windows": [{**window, **stated}, *others]})
        return decided(files, grams=grams).reason

    assert with_window() == before
    assert with_window(**{key: said}) == after


def test_the_name_of_a_window_is_told(tmp_path: Path):
    decision = decided(written(tmp_path, windows={"windows": [{**FORBIDDEN, "name": "Siesta"}]}))

    assert "Siesta" in decision.decisive.text


@pytest.mark.parametrize(
    ("enabled", "reason"), [(True, "forbidden_hours"), (False, "below_threshold")]
)
def test_switched_off_no_window_counts(tmp_path: Path, enabled: bool, reason: str):
    files = written(tmp_path, windows={"enabled": enabled, "windows": [FORBIDDEN]})

    assert decided(files).reason == reason


TENANT_KEYS: Mapping[str, tuple[dict[str, Any], object, str, str]] = {
    "level": ({"level": "GLOBAL"}, "EU_STRICT", "residency_allowed", "residency_denied"),
    "mode": ({"level": "EU_STRICT"}, "ADVISORY", "residency_denied", "residency_advisory"),
    "primary_region": (
        {"level": "EU_STRICT"},
        "eu-west-1",
        "residency_denied",
        "residency_redirect",
    ),
    "allowed_regions": (
        {"level": "GLOBAL"},
        ["eu-west-1"],
        "residency_allowed",
        "residency_denied",
    ),
}


@pytest.mark.parametrize("key", TENANT_KEYS)
def test_a_key_of_a_tenant_changes_what_is_decided(tmp_path: Path, key: str):
    tenant, said, before, after = TENANT_KEYS[key]

    def with_tenant(**stated: object) -> str:
        files = written(tmp_path, tenants={"tenants": {"acme": {**tenant, **stated}}})
        return told(decided(files, tenant="acme"), "residency")

    assert with_tenant() == before
    assert with_tenant(**{key: said}) == after


def test_a_bound_namespace_makes_its_work_the_tenants(tmp_path: Path):
    def with_tenant(**stated: object) -> str:
        tenant = {"level": "EU_STRICT", **stated}
        return decided(written(tmp_path, tenants={"tenants": {"acme": tenant}})).reason

    assert with_tenant() == "below_threshold"
    assert with_tenant(namespaces=["batch"]) == "residency_denied"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"region": "eu-west-2", "until": "2026-03-03"}, "residency_allowed"),
        ({"region": "eu-west-2", "until": "2026-03-02"}, "residency_denied"),
        ({"region": "eu-central-2", "until": "2026-03-03"}, "residency_denied"),
    ],
)
def test_an_adequacy_entry_opens_its_region_until_its_date(
    tmp_path: Path, entry: Mapping[str, str], reason: str
):
    files = written(
        tmp_path, tenants={"tenants": {"acme": {"level": "EU_ADEQUATE"}}, "adequacy": [entry]}
    )

    assert told(decided(files, tenant="acme", region="eu-west-2"), "residency") == reason


BUDGET_KEYS: Mapping[str, tuple[dict[str, Any], object, float, object, object]] = {
    "monthly_kg": ({"action": "defer"}, 200, 120, "budget_deferred", "within_budget"),
    "alert_percent": ({}, 90, 85, "budget_alert", "within_budget"),
    "action": ({}, "defer", 120, "budget_spent", "budget_deferred"),
    "throttle_percent": ({"action": "throttle"}, 25, 120, 2, 1),
    "exempt_classes": ({"action": "defer"}, ["standard"], 120, "budget_deferred", "budget_exempt"),
}


@pytest.mark.parametrize("key", BUDGET_KEYS)
def test_a_key_of_a_budget_changes_what_is_decided(tmp_path: Path, key: str):
    given, said, spent_kg, before, after = BUDGET_KEYS[key]

    def with_budget(**stated: object) -> object:
        budget = {"monthly_kg": 100, **given, **stated}
        files = written(tmp_path, budgets={"services": {"search": budget}})
        decision = decided(files, spent_kg=spent_kg, service="search")
        return decision.admitted if key == "throttle_percent" else told(decision, "budget")

    assert with_budget() == before
    assert with_budget(**{key: said}) == after


def test_clean_hours_make_the_grid_count_cleaner_by_the_regions_own_clock(tmp_path: Path):
    """It is noon in UTC and four in the morning in California."""

    def with_profile(**stated: object) -> str:
        files = written(tmp_path, profiles={"regions": {"us-west-1": stated}})
        return decided(files, grams=420).reason

    assert with_profile(range=[0, 900]) == "above_threshold"
    assert with_profile(clean_hours="11:00-13:00") == "above_threshold"
    assert with_profile(clean_hours="11:00-13:00", timezone="UTC") == "below_threshold"
    assert with_profile(clean_hours=["20:00-21:00", "03:00-05:00"]) == "below_threshold"


def test_a_stated_window_counts_before_clean_hours(tmp_path: Path):
    files = written(
        tmp_path,
        profiles={"regions": {"us-west-1": {"clean_hours": "03:00-05:00"}}},
        windows={"windows": [{**FORBIDDEN, "priority": 9}]},
    )

    assert decided(files).reason == "forbidden_hours"


@pytest.mark.parametrize(
    ("stated", "level", "reason"),
    [
        ({"residency": "eea"}, "EU_STRICT", "residency_allowed"),
        ({"residency": "no"}, "EU_STRICT", "residency_denied"),
        ({"country": "US"}, "US_ONLY", "residency_allowed"),
        ({"country": "CA"}, "US_ONLY", "residency_denied"),
    ],
)
def test_the_law_of_a_region_of_ones_own_decides(
    tmp_path: Path, stated: Mapping[str, str], level: str, reason: str
):
    files = written(
        tmp_path,
        profiles={"regions": {"basement": {"zone": "SE-SE3", **stated}}},
        tenants={"tenants": {"acme": {"level": level}}},
    )

    assert told(decided(files, tenant="acme", region="basement"), "residency") == reason


@pytest.mark.parametrize(
    ("month", "new_york", "los_angeles"), [(1, (16, 20), (19, 23)), (7, (15, 19), (18, 22))]
)
def test_hours_of_the_region_follow_its_clock_and_its_summer(
    tmp_path: Path, month: int, new_york: tuple[int, int], los_angeles: tuple[int, int]
):
    solar = {**PREFERRED, "hours": "11:00-15:00", "timezone": "region"}
    files = written(tmp_path, windows={"windows": [solar]})

    for region, (begins, ends) in (("us-east-1", new_york), ("us-west-2", los_angeles)):
        windows = plan_of(files, region=region).windows
        on = [
            hour
            for hour in range(24)
            if window_at(windows, datetime(2026, month, 15, hour, tzinfo=UTC)) is not None
        ]
        assert on == list(range(begins, ends)), region


def test_the_first_instant_of_a_window_is_in_it_and_the_last_is_not(tmp_path: Path):
    night = {"name": "Night Low Demand", "hours": "02:00-06:00", "effect": "prefer"}
    windows = plan_of(written(tmp_path, windows={"windows": [night]})).windows

    assert window_at(windows, datetime(2026, 3, 2, 2, tzinfo=UTC)) is not None
    assert window_at(windows, datetime(2026, 3, 2, 6, tzinfo=UTC)) is None


SEED_PROFILES = {
    "us-east-1": {
        "average": 450,
        "range": [350, 550],
        "clean_hours": "11:00-14:00",
        "mix": {"coal": 35, "gas": 40, "nuclear": 15, "renewable": 10},
        "cost_multiplier": 1.0,
    },
    "us-west-2": {
        "average": 280,
        "range": [180, 380],
        "clean_hours": "18:00-21:00",
        "mix": {"hydro": 50, "gas": 25, "wind": 15, "solar": 5, "coal": 5},
        "cost_multiplier": 1.05,
    },
    "eu-central-1": {
        "average": 320,
        "range": [200, 450],
        "clean_hours": "10:00-14:00",
        "mix": {"wind": 25, "solar": 10, "coal": 30, "gas": 20, "nuclear": 10, "hydro": 5},
        "residency": "eu",
        "cost_multiplier": 1.10,
    },
}


@pytest.mark.parametrize(
    ("region", "figures", "cleaner"),
    [
        ("us-east-1", (450.0, 10.0), 0.0),
        ("us-west-2", (280.0, 70.0), 37.8),
        ("eu-central-1", (320.0, 40.0), 28.9),
    ],
)
def test_the_figures_of_the_older_platform_are_labels_and_compare_as_it_said(
    tmp_path: Path, region: str, figures: tuple[float, float], cleaner: float
):
    files = written(tmp_path, profiles={"regions": SEED_PROFILES})
    average = static_average(files.catalog[region], Basis(), present_year=2026)

    assert average is not None
    assert (average.grams_per_kwh, average.reading(region).renewable.known) == figures
    hint = CarbonHint(
        suggested_region=region, current_grams_per_kwh=450.0, suggested_grams_per_kwh=figures[0]
    )
    assert round(hint.savings_percent, 1) == cleaner
