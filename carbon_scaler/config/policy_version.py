"""A short name for what a policy says, the same wherever it says the same."""

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import fields, replace
from datetime import date, timedelta, tzinfo
from typing import Any

from carbon_scaler.config.region_profiles import NO_PROFILES, Profiles
from carbon_scaler.domain.policy import BUILT_IN_POLICY, Policy
from carbon_scaler.domain.windows import TimeWindow

SHOWN_DIGITS = 12


def version_of(policy: Policy, profiles: Profiles) -> str:
    """A hash of the merged policy and the regions' profiles; comments and order do not enter it."""
    found = _hash_of(policy, profiles)
    # Who only writes down what is built in has the built-in policy.
    return BUILT_IN_POLICY.version if found == _hash_of(BUILT_IN_POLICY, NO_PROFILES) else found


def _hash_of(policy: Policy, profiles: Profiles) -> str:
    text = _canonical([replace(policy, version=""), profiles.regions])
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:SHOWN_DIGITS]}"


def _canonical(value: object) -> str:
    return json.dumps(value, default=_plain, sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> object:  # noqa: ANN401  whatever a policy is made of
    match value:
        case Mapping():
            return dict(value)
        case Set():
            return sorted(value)
        case timedelta():
            return value.total_seconds()
        case date() | tzinfo():
            return str(value)
        case _:
            return {each.name: _ordered(getattr(value, each.name)) for each in fields(value)}


def _ordered(value: object) -> object:
    # Windows are ordered by their priority, not by where they stand in the file.
    if isinstance(value, tuple) and any(isinstance(each, TimeWindow) for each in value):
        return sorted(value, key=_canonical)
    return value
