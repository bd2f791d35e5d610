"""carbon-budgets.yaml becomes budgets by service, or one line that says what is wrong."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from carbon_scaler.config.documents.budgets import read_budgets
from carbon_scaler.config.yaml_document import PolicyFileError, read_yaml
from carbon_scaler.domain.budget import Budget, BudgetAction

FILE = "carbon-budgets.yaml"
CLASSES = ("deferrable", "standard", "urgent")


def read(directory: Path, text: str) -> Mapping[str, Budget]:
    (directory / FILE).write_text(text)
    return read_budgets(read_yaml(directory / FILE), CLASSES)


def refusal(directory: Path, text: str) -> str:
    with pytest.raises(PolicyFileError) as raised:
        read(directory, text)
    return str(raised.value).removeprefix(f"{directory}/{FILE}:")


@pytest.mark.parametrize("text", ["", "# nothing\n", "services:\n", "services: {}\n"])
def test_a_document_without_services_has_no_budgets(tmp_path: Path, text: str):
    assert read(tmp_path, text) == {}


def test_a_budget_states_its_kilograms_and_the_rest_has_a_default(tmp_path: Path):
    assert read(tmp_path, "services: {api: {monthly_kg: 120}}") == {
        "api": Budget(
            service="api",
            monthly_kg=120.0,
            alert_percent=80.0,
            action=BudgetAction.WARN,
            throttle_percent=50.0,
            exempt_classes=frozenset(),
        )
    }


def test_a_budget_may_state_everything(tmp_path: Path):
    text = """\
services:
  analytics.v2:
    monthly_kg: 0.5
    alert_percent: 100
    action: throttle
    throttle_percent: 12.5
    exempt_classes: [urgent, standard]
"""

    assert read(tmp_path, text) == {
        "analytics.v2": Budget(
            service="analytics.v2",
            monthly_kg=0.5,
            alert_percent=100.0,
            action=BudgetAction.THROTTLE,
            throttle_percent=12.5,
            exempt_classes=frozenset({"urgent", "standard"}),
        )
    }


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("monthly_kg: 0", '3: services.api.monthly_kg: "0" is not allowed; kilograms of CO2e'),
        ("monthly_kg: 5kg", '3: services.api.monthly_kg: "5kg" is not allowed; kilograms of CO2e'),
        ("monthly_kg:", '3: services.api.monthly_kg: "" is not allowed; kilograms of CO2e'),
        ("action: block", '3: services.api.action: "block" is not allowed; did you mean "defer"?'),
        (
            "action: advisory",
            '3: services.api.action: "advisory" is not allowed; did you mean "warn"?',
        ),
        (
            "action: throtle",
            '3: services.api.action: "throtle" is not allowed; did you mean "throttle"?',
        ),
        ("action: stop", '3: services.api.action: "stop" is not allowed; one of defer, throttle'),
        ("alert_percent: 0", '3: services.api.alert_percent: "0" is not allowed; a number above 0'),
        ("alert_percent: 101", '3: services.api.alert_percent: "101" is not allowed; a number'),
        (
            "throttle_percent: 40",
            '3: services.api.throttle_percent: "40" is not allowed; it counts with action: '
            "throttle only, and this action is warn",
        ),
        (
            "exempt_classes: [urgnt]",
            '3: services.api.exempt_classes.0: "urgnt" is not allowed; did you mean "urgent"? one '
            "of deferrable, standard, urgent",
        ),
        (
            "exempt_classes: urgent",
            '3: services.api.exempt_classes: "urgent" is not allowed; a list of classes',
        ),
        ("monthly_kgs: 3", '3: services.api.monthly_kgs: unknown key; did you mean "monthly_kg"?'),
    ],
)
def test_a_refusal_names_file_line_and_what_would_be_right(tmp_path: Path, lines: str, said: str):
    needed = "" if lines.startswith("monthly_kg:") else "    monthly_kg: 5\n"

    assert refusal(tmp_path, f"services:\n  api:\n    {lines}\n{needed}").startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: {api: {}}", "1: services.api.monthly_kg: is missing; kilograms of CO2e in a"),
        ("services: {api: }", '1: services.api: "" is not allowed; a mapping of NAME'),
        ("services: {a b: {monthly_kg: 1}}", '1: services: "a b" is not a name of letters'),
        ("services: [api]", '1: services: "a list" is not allowed; a mapping of NAME'),
        ("service: {}", '1: service: unknown key; did you mean "services"? one of services'),
        ("text", " is not a mapping; begin it with services:"),
    ],
)
def test_a_document_of_another_shape_is_refused(tmp_path: Path, text: str, said: str):
    assert refusal(tmp_path, text).startswith(said)
