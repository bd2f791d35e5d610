"""The pages on windows, tenants, budgets and regions name every key; what they show is read."""

import re
from pathlib import Path

import pytest

from carbon_scaler.config.documents.adequacy import AdequacyModel
from carbon_scaler.config.documents.budgets import BudgetModel, BudgetsModel
from carbon_scaler.config.documents.residency import ResidencyModel, TenantModel
from carbon_scaler.config.documents.windows import TimeShiftModel, WindowModel
from carbon_scaler.config.policy_files import PolicyFiles, read_policy
from carbon_scaler.config.profile_schema import ProfileModel
from carbon_scaler.domain.budget import BudgetAction
from carbon_scaler.domain.policy import BUILT_IN_POLICY

ROOT = Path(__file__).parents[4]
PAGES = {
    "time-shift-policies": "policy/time-shift-policies.md",
    "gdpr-residency-overrides": "policy/gdpr-residency-overrides.md",
    "carbon-budgets": "policy/carbon-budgets.md",
    "region-profiles": "regions.md",
}
MODELS = {
    "time-shift-policies": (TimeShiftModel, WindowModel),
    "gdpr-residency-overrides": (ResidencyModel, TenantModel, AdequacyModel),
    "carbon-budgets": (BudgetsModel, BudgetModel),
    "region-profiles": (ProfileModel,),
}


def page(name: str) -> str:
    return (ROOT / "docs" / PAGES[name]).read_text()


def shown(directory: Path, name: str) -> PolicyFiles:
    (example,) = re.findall(r"```yaml\n(.*?)```", page(name), re.DOTALL)
    (directory / f"{name}.yaml").write_text(example)
    return read_policy(directory)


@pytest.mark.parametrize("name", PAGES)
def test_the_page_names_every_key(name: str):
    keys = {key for model in MODELS[name] for key in model.model_fields}

    assert {key for key in keys if f"`{key}`" not in page(name)} == set()


@pytest.mark.parametrize("name", PAGES)
def test_the_document_on_the_page_can_be_used(tmp_path: Path, name: str):
    files = shown(tmp_path, name)

    assert files.policy.version != BUILT_IN_POLICY.version
    assert files.warnings == ()


def test_the_pages_say_what_their_documents_mean(tmp_path: Path):
    for name in PAGES:
        files = shown(tmp_path, name)

    policy = files.policy
    assert [window.priority for window in policy.time_shift.windows] == [2, 1, 1]
    assert policy.residency.bound["acme-batch"] == "acme"
    assert policy.residency.tenants["vault"].primary_region == "europe-west3"
    assert policy.budgets["report-generation"].action is BudgetAction.WARN
    assert files.catalog["us-west-2"].stated_renewable_percent == 70.0


def test_the_example_of_region_profiles_is_read(tmp_path: Path):
    example = ROOT / "deploy" / "examples" / "policy" / "region-profiles.yaml"
    (tmp_path / "region-profiles.yaml").write_text(example.read_text())
    files = read_policy(tmp_path)

    assert files.warnings == ()
    assert files.catalog["us-west-2"].stated_renewable_percent == 87.0
    assert len(files.catalog["us-west-2"].clean_hours) == 2
    assert files.catalog["basement"].eu_eea == "eu"
