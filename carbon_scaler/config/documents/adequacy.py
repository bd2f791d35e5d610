"""Dated entries of regions whose law is adequate to the EU's."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, Field

from carbon_scaler.config.documents.words import refusal, region_named
from carbon_scaler.config.yaml_document import YamlDocument
from carbon_scaler.config.yaml_schema import StatingModel
from carbon_scaler.decisions.residency import ADEQUACY_CLASSES, EU_EEA
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.residency import Adequacy

ALLOWED: Mapping[str, str] = {
    "region": "a cloud region like eu-west-2",
    "until": "a date like 2031-12-27; from its 00:00 UTC on the entry no longer counts",
}


def _calendar(text: str) -> str:
    date.fromisoformat(text)
    return text


class AdequacyModel(StatingModel):
    """One entry as it is written."""

    region: str
    until: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_calendar)]


def read_adequacy(
    document: YamlDocument, entries: Sequence[AdequacyModel], catalog: Catalog
) -> Adequacy:
    """The entries of the document; they stand in place of the built-in ones."""
    adequacy: dict[str, date] = {}
    for index, written in enumerate(entries):
        path = ("adequacy", index, "region")
        name = region_named(document, path, written.region, catalog)
        legal_class = catalog[name].eu_eea
        if legal_class not in ADEQUACY_CLASSES:
            raise refusal(document, path, written.region, _not_adequate(legal_class))
        if name in adequacy:
            raise refusal(document, path, written.region, "it is listed twice; keep one")
        adequacy[name] = date.fromisoformat(written.until)
    return MappingProxyType(adequacy)


def ended(adequacy: Adequacy, today: date) -> Iterator[str]:
    """What no longer counts."""
    for region, until in adequacy.items():
        if until <= today:
            yield f"adequacy: the entry of {region} ended on {until}; EU_ADEQUATE denies it"


def _not_adequate(legal_class: str) -> str:
    if legal_class in EU_EEA:
        return f"its class is {legal_class}: it needs no entry"
    classes = ", ".join(sorted(ADEQUACY_CLASSES))
    return f"its class is {legal_class}; only regions of the classes {classes} may be listed"
