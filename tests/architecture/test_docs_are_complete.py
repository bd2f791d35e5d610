"""Every setting, metric, route and metadata key is documented."""

import re
from pathlib import Path

import pytest

from carbon_scaler.application.grid_sources import ErrorKind
from carbon_scaler.config.region_profiles import ALLOWED
from carbon_scaler.config.settings import SECRETS, Settings, variable_of
from carbon_scaler.keda.metadata import KNOWN_KEYS

ROOT = Path(__file__).resolve().parents[2]


def documented(page: str) -> set[str]:
    text = (ROOT / "docs" / page).read_text()
    return set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


@pytest.mark.parametrize("field", sorted(Settings.model_fields))
def test_a_setting_is_documented(field: str):
    assert variable_of(field) in documented("configuration.md")


@pytest.mark.parametrize("variable", sorted(SECRETS.values()))
def test_a_secret_from_a_file_is_documented(variable: str):
    assert variable in documented("secrets.md")


@pytest.mark.parametrize("key", sorted(ALLOWED))
def test_a_key_of_a_region_profile_is_documented(key: str):
    assert key in documented("regions.md")


@pytest.mark.parametrize("kind", ErrorKind)
def test_a_way_in_which_a_source_fails_is_documented(kind: ErrorKind):
    assert kind in documented("metrics.md")


@pytest.mark.parametrize("key", sorted(KNOWN_KEYS))
def test_a_metadata_key_is_documented(key: str):
    assert key in documented("metadata.md")


def test_every_metric_is_documented_and_every_documented_one_exists():
    modules = sorted((ROOT / "carbon_scaler" / "web").glob("*metrics*.py"))
    code = "".join(module.read_text() for module in modules)
    counters = re.findall(r'\bcounter\(\s*"(\w+)"', code)
    others = set(re.findall(r'"(carbon_scaler_\w+)"', code)) - set(counters)

    shown = {name for name in documented("metrics.md") if name.startswith("carbon_scaler_")}

    assert shown == others | {f"{name}_total" for name in counters}


def test_every_route_is_documented():
    code = (ROOT / "carbon_scaler" / "web" / "app.py").read_text()

    routes = set(re.findall(r'@app\.get\("([^"]+)"', code))

    assert routes
    assert routes <= documented("http.md")
