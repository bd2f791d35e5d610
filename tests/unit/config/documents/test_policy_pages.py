"""The pages on the policy documents name every key, and what they show can be used."""

import re
from pathlib import Path

import pytest

from carbon_scaler.config.documents.bands import BandModel, BandsModel
from carbon_scaler.config.documents.classes import ClassModel
from carbon_scaler.config.documents.scheduler import SchedulerModel, WeightsModel
from carbon_scaler.config.documents.settings_schema import SettingsModel
from carbon_scaler.config.policy_files import read_policy
from carbon_scaler.domain.policy import BUILT_IN_POLICY, Policy

PAGES = Path(__file__).parents[4] / "docs" / "policy"
MODELS = {
    "carbon-thresholds": (BandsModel, BandModel),
    "workload-policies": (ClassModel,),
    "scheduler-config": (SchedulerModel, SettingsModel, WeightsModel),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_page_names_every_key(name: str):
    page = (PAGES / f"{name}.md").read_text()

    keys = {key for model in MODELS[name] for key in model.model_fields}
    assert {key for key in keys if f"`{key}`" not in page} == set()


def shown_policy(directory: Path, name: str) -> Policy:
    (example,) = re.findall(r"```yaml\n(.*?)```", (PAGES / f"{name}.md").read_text(), re.DOTALL)
    (directory / f"{name}.yaml").write_text(example)
    return read_policy(directory).policy


@pytest.mark.parametrize("name", MODELS)
def test_the_document_on_the_page_can_be_used(tmp_path: Path, name: str):
    assert shown_policy(tmp_path, name).version != BUILT_IN_POLICY.version


def test_the_page_on_classes_gives_them_the_regions_of_the_older_platform(tmp_path: Path):
    classes = shown_policy(tmp_path, "workload-policies").classes

    assert classes["standard"].preferred_regions == ("eu-central-1",)
    assert classes["deferrable"].preferred_regions == ("eu-central-1", "us-west-2")
    assert classes["deferrable"].fallback_regions == ("us-east-1",)
    assert classes["deferrable"].stated == BUILT_IN_POLICY.classes["deferrable"].stated
