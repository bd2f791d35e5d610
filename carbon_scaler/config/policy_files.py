"""All policy documents of a directory, merged into one policy."""

from dataclasses import dataclass
from pathlib import Path

from carbon_scaler.config.region_profiles import Profiles, apply, read_profiles
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.domain.policy import BUILT_IN_POLICY, Policy
from carbon_scaler.domain.regions import Catalog


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PolicyFiles:
    """One policy, the regions as it has them, and what its author should know."""

    policy: Policy
    catalog: Catalog
    profiles: Profiles
    # The names of the documents that were there.
    documents: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_policy(directory: Path | None) -> PolicyFiles:
    """The policy of a directory; without one, and where a document is not there, the built-in."""
    profiles = read_profiles(directory)
    return PolicyFiles(
        policy=BUILT_IN_POLICY, catalog=apply(load_catalog(), profiles), profiles=profiles
    )
