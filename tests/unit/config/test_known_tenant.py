"""The tenant that an option names."""

import pytest

from carbon_scaler.config.known_tenant import known_tenant
from carbon_scaler.config.settings import SettingsError
from carbon_scaler.domain.residency import Level, Tenant

ACME = Tenant(name="acme", level=Level.EU_STRICT)


def test_it_is_found_by_its_name_and_nobody_is_nobody():
    assert known_tenant("acme", {"acme": ACME}) is ACME
    assert known_tenant(None, {"acme": ACME}) is None


def test_one_that_the_policy_does_not_know_is_refused_with_what_was_meant():
    with pytest.raises(SettingsError, match='has no tenant "acne"; did you mean "acme"'):
        known_tenant("acne", {"acme": ACME})
