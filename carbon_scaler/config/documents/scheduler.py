"""scheduler-config.yaml: the switch, the settings for all, and what counts between regions."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose

from carbon_scaler.config.documents.bands import BandsDocument
from carbon_scaler.config.documents.settings_schema import ALLOWED as SETTINGS_ALLOWED
from carbon_scaler.config.documents.settings_schema import SettingsModel, Share, stated_settings
from carbon_scaler.config.yaml_document import YamlDocument
from carbon_scaler.config.yaml_schema import StatingModel, read_whole
from carbon_scaler.domain.policy import BUILT_IN_POLICY, StatedSettings, Weights


class WeightsModel(StatingModel):
    """What counts when regions are compared."""

    carbon: Share
    cost: Share


class SchedulerModel(StatingModel):
    """The whole document."""

    enabled: bool | None = None
    defaults: SettingsModel | None = None
    weights: WeightsModel | None = None


_SHARE = "a number from 0 to 1; carbon and cost are 1 together"
ALLOWED: Mapping[str, str] = {
    **SETTINGS_ALLOWED,
    "enabled": "true or false",
    "defaults": "a mapping of settings, like {max_delay: 4h}",
    "weights": "a mapping of both, like {carbon: 0.7, cost: 0.3}",
    "carbon": _SHARE,
    "cost": _SHARE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerDocument:
    """All that the document says, over what is built in."""

    enabled: bool
    defaults: StatedSettings
    weights: Weights


def read_scheduler(document: YamlDocument, bands: BandsDocument) -> SchedulerDocument:
    """The document over the built-in policy, key by key."""
    written = read_whole(SchedulerModel, document, allowed=ALLOWED)
    return SchedulerDocument(
        enabled=BUILT_IN_POLICY.enabled if written.enabled is None else written.enabled,
        defaults=stated_settings(
            written.defaults or SettingsModel(),
            BUILT_IN_POLICY.defaults,
            bands=bands,
            document=document,
            path=("defaults",),
        ),
        weights=_weights(written.weights, document),
    )


def _weights(written: WeightsModel | None, document: YamlDocument) -> Weights:
    if written is None:
        return BUILT_IN_POLICY.weights
    total = written.carbon + written.cost
    if not isclose(total, 1, abs_tol=1e-6):
        raise document.error(
            ("weights",), f"weights: carbon and cost are {total:g} together; make it 1"
        )
    return Weights(carbon=written.carbon, cost=written.cost)
