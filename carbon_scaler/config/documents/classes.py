"""workload-policies.yaml: classes of work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from carbon_scaler.config.documents.bands import BandsDocument
from carbon_scaler.config.documents.settings_schema import ALLOWED as SETTINGS_ALLOWED
from carbon_scaler.config.documents.settings_schema import SettingsModel, stated_settings
from carbon_scaler.config.documents.words import NAME, check_name, region_named
from carbon_scaler.config.yaml_document import YamlDocument
from carbon_scaler.config.yaml_schema import StrictModel, entries, matching, read_as
from carbon_scaler.domain.policy import BUILT_IN_POLICY, NOTHING_STATED, WorkloadClass
from carbon_scaler.domain.regions import Catalog

_A_NEW_CLASS = WorkloadClass(stated=NOTHING_STATED)


class ClassModel(SettingsModel):
    """One class as it is written."""

    urgent: bool | None = None
    preferred_regions: list[str] | None = None
    fallback_regions: list[str] | None = None


class ClassesModel(StrictModel):
    """The whole document."""

    classes: dict[Annotated[str, matching(NAME)], ClassModel] = Field(default_factory=dict)


ALLOWED: Mapping[str, str] = {
    **SETTINGS_ALLOWED,
    "urgent": "true or false",
    "preferred_regions": "a list of cloud regions, the best one first, like [eu-central-1]",
    "fallback_regions": "a list of cloud regions, the best one first, like [us-east-1]",
}


def read_classes(
    document: YamlDocument, catalog: Catalog, bands: BandsDocument
) -> Mapping[str, WorkloadClass]:
    """All classes: those of the document over the built-in ones, key by key."""
    reader = _Reader(document=document, catalog=catalog, bands=bands)
    classes = dict(BUILT_IN_POLICY.classes)
    for name, value in entries(document, "classes"):
        classes[name] = reader.over(classes.get(name, _A_NEW_CLASS), name, value)
    return MappingProxyType(classes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Reader:
    document: YamlDocument
    catalog: Catalog
    bands: BandsDocument

    def over(self, below: WorkloadClass, name: str, value: object) -> WorkloadClass:
        """The class as the document has it, over the one below."""
        path = ("classes", name)
        check_name(self.document, path)
        written = read_as(ClassModel, self.document, path, value, allowed=ALLOWED)
        return WorkloadClass(
            stated=stated_settings(
                written, below.stated, bands=self.bands, document=self.document, path=path
            ),
            urgent=below.urgent if written.urgent is None else written.urgent,
            preferred_regions=self._regions(
                written.preferred_regions, (*path, "preferred_regions"), below.preferred_regions
            ),
            fallback_regions=self._regions(
                written.fallback_regions, (*path, "fallback_regions"), below.fallback_regions
            ),
        )

    def _regions(
        self, written: Sequence[str] | None, path: tuple[str, ...], below: tuple[str, ...]
    ) -> tuple[str, ...]:
        if written is None:
            return below
        names = [
            region_named(self.document, (*path, index), text, self.catalog)
            for index, text in enumerate(written)
        ]
        return tuple(dict.fromkeys(names))
