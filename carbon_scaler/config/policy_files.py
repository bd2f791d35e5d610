"""All policy documents of a directory, merged into one policy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from carbon_scaler.config.documents.bands import read_bands
from carbon_scaler.config.documents.budgets import read_budgets
from carbon_scaler.config.documents.classes import read_classes
from carbon_scaler.config.documents.residency import ResidencyDocument, read_residency
from carbon_scaler.config.documents.scheduler import read_scheduler
from carbon_scaler.config.documents.windows import read_time_shift
from carbon_scaler.config.policy_directory import (
    BANDS,
    BUDGETS,
    CLASSES,
    RESIDENCY,
    SCHEDULER,
    WINDOWS,
    document_of,
    policy_documents,
)
from carbon_scaler.config.policy_version import version_of
from carbon_scaler.config.region_profiles import Profiles, apply, read_profiles
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.domain.policy import Policy
from carbon_scaler.domain.regions import Catalog


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PolicyFiles:
    """One policy, the regions as it has them, and what its author should know."""

    policy: Policy
    catalog: Catalog
    profiles: Profiles
    # The names of the documents that were there.
    documents: tuple[str, ...] = ()
    # Whether tenants are spoken of at all, if only to say that there are none.
    states_residency: bool = False
    warnings: tuple[str, ...] = ()


def read_policy(directory: Path | None) -> PolicyFiles:
    """The policy of a directory; without one, and where a document is not there, the built-in."""
    documents = {} if directory is None else policy_documents(directory)
    profiles = read_profiles(directory)
    catalog = apply(load_catalog(), profiles)
    law = document_of(documents, RESIDENCY)
    residency = read_residency(law, catalog)
    policy = _merged(documents, catalog, residency)
    return PolicyFiles(
        policy=replace(policy, version=version_of(policy, profiles)),
        catalog=catalog,
        profiles=profiles,
        documents=tuple(sorted(documents)),
        states_residency=law.value is not None,
        warnings=(*profiles.warnings, *residency.warnings),
    )


def _merged(
    documents: Mapping[str, Path], catalog: Catalog, residency: ResidencyDocument
) -> Policy:
    bands = read_bands(document_of(documents, BANDS))
    scheduler = read_scheduler(document_of(documents, SCHEDULER), bands)
    classes = read_classes(document_of(documents, CLASSES), catalog, bands)
    return Policy(
        version="",
        enabled=scheduler.enabled,
        defaults=scheduler.defaults,
        classes=classes,
        bands=bands.bands,
        classification=bands.classification,
        time_shift=read_time_shift(document_of(documents, WINDOWS), catalog),
        residency=residency.residency,
        budgets=read_budgets(document_of(documents, BUDGETS), classes),
        weights=scheduler.weights,
    )
