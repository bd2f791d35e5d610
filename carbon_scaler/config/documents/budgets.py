"""carbon-budgets.yaml: what a service may emit in a month, and what follows."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from carbon_scaler.config.documents.words import check_name, check_words, refusal
from carbon_scaler.config.yaml_document import YamlDocument
from carbon_scaler.config.yaml_schema import Number, StatingModel, read_whole
from carbon_scaler.domain.budget import Budget, BudgetAction
from carbon_scaler.domain.suggestions import allowed_names

USUAL_THROTTLE_PERCENT = 50.0

_PERCENT_ALLOWED = "a number above 0, at most 100"
# The older platform's words.
_FORMERLY = {"advisory": BudgetAction.WARN, "block": BudgetAction.DEFER}

Percent = Annotated[Number, Field(gt=0, le=100)]


class BudgetModel(StatingModel):
    """One service's budget as it is written."""

    monthly_kg: Annotated[Number, Field(gt=0)]
    alert_percent: Percent = 80.0
    action: Literal["warn", "throttle", "defer"] = "warn"
    throttle_percent: Percent | None = None
    exempt_classes: list[str] = Field(default_factory=list)


class BudgetsModel(StatingModel):
    """The whole document."""

    services: dict[str, BudgetModel] = Field(default_factory=dict)


ALLOWED: Mapping[str, str] = {
    "services": "a mapping of NAME: {monthly_kg: …}",
    "monthly_kg": "kilograms of CO2e in a calendar month, above 0",
    "alert_percent": _PERCENT_ALLOWED,
    "action": "one of warn, throttle, defer",
    "throttle_percent": _PERCENT_ALLOWED,
    "exempt_classes": "a list of classes of workload-policies.yaml, like [urgent]",
}


def read_budgets(document: YamlDocument, classes: Collection[str]) -> Mapping[str, Budget]:
    """All budgets by service; only classes that exist may be exempt."""
    _check_former_words(document)
    check_words(document, "services", {"action": list(BudgetAction)})
    written = read_whole(BudgetsModel, document, allowed=ALLOWED)
    for service, each in written.services.items():
        _check(document, ("services", service), each, classes)
    return MappingProxyType({name: _budget(name, each) for name, each in written.services.items()})


def _check_former_words(document: YamlDocument) -> None:
    services = document.value.get("services") if isinstance(document.value, dict) else None
    for name, value in services.items() if isinstance(services, dict) else ():
        said = value.get("action") if isinstance(value, dict) else None
        if isinstance(said, str) and said in _FORMERLY:
            allowed = f'did you mean "{_FORMERLY[said]}"? {ALLOWED["action"]}'
            raise refusal(document, ("services", name, "action"), said, allowed)


def _check(
    document: YamlDocument, path: tuple[str, str], written: BudgetModel, classes: Collection[str]
) -> None:
    check_name(document, path)
    if written.throttle_percent is not None and written.action != "throttle":
        said = f"{written.throttle_percent:g}"
        allowed = f"it counts with action: throttle only, and this action is {written.action}"
        raise refusal(document, (*path, "throttle_percent"), said, allowed)
    for index, exempt in enumerate(written.exempt_classes):
        if exempt not in classes:
            where = (*path, "exempt_classes", index)
            raise refusal(document, where, exempt, allowed_names(exempt, classes))


def _budget(service: str, written: BudgetModel) -> Budget:
    return Budget(
        service=service,
        monthly_kg=written.monthly_kg,
        alert_percent=written.alert_percent,
        action=BudgetAction(written.action),
        throttle_percent=written.throttle_percent or USUAL_THROTTLE_PERCENT,
        exempt_classes=frozenset(written.exempt_classes),
    )
