import pytest

from carbon_scaler.decisions.tenancy import is_unknown, tenancy_of
from carbon_scaler.domain.residency import BUILT_IN_ADEQUACY, Level, Residency
from carbon_scaler.domain.trigger import Tenancy
from tests.builders import a_trigger
from tests.unit.decisions.residency_world import CATALOG, a_tenant

ACME = a_tenant(namespaces=frozenset({"batch", "nightly"}), primary_region="eu-west-1")
GLOBEX = a_tenant(Level.US_ONLY, name="globex", namespaces=frozenset({"theirs"}))
FREE = a_tenant(Level.GLOBAL, name="free")
RESIDENCY = Residency(
    tenants={tenant.name: tenant for tenant in (ACME, GLOBEX, FREE)},
    bound={"batch": "acme", "nightly": "acme", "theirs": "globex"},
)


def tenancy(namespace: str, tenant: str | None, residency: Residency = RESIDENCY) -> Tenancy | None:
    trigger = a_trigger(namespace=namespace, tenant=tenant)
    return tenancy_of(trigger, residency, CATALOG, ("us-east-1", "mars-1"))


@pytest.mark.parametrize("named", [None, "acme"], ids=["naming none", "naming it"])
@pytest.mark.parametrize("namespace", ["batch", "nightly"])
def test_work_of_a_bound_namespace_is_its_tenants(namespace: str, named: str | None):
    found = tenancy(namespace, named)
    assert (found.tenant, found.refusal, found.tenant_name) == (ACME, None, "acme")
    assert found.origin == ("trigger" if named else f"namespace {namespace}")


def test_any_namespace_that_is_not_bound_may_name_a_tenant_without_namespaces():
    found = tenancy("anywhere", "free")
    assert (found.tenant, found.refusal, found.origin) == (FREE, None, "trigger")


def test_work_of_an_unbound_namespace_that_names_no_tenant_is_nobodys():
    assert tenancy("anywhere", None) is None


NOT_YOURS = [
    ("batch", "globex", 'namespace "batch" is bound to tenant "acme"'),
    ("batch", "free", 'namespace "batch" is bound to tenant "acme"'),
    ("batch", "nobody", 'namespace "batch" is bound to tenant "acme"'),
    ("batch", "", 'namespace "batch" is bound to tenant "acme"'),
    ("anywhere", "acme", 'the tenant is bound to other namespaces than "anywhere"'),
]


@pytest.mark.parametrize(("namespace", "named", "refusal"), NOT_YOURS)
def test_a_tenant_that_is_not_the_namespaces_is_refused(namespace: str, named: str, refusal: str):
    found = tenancy(namespace, named)
    assert (found.tenant, found.refusal) == (None, refusal)
    assert not is_unknown(found)


@pytest.mark.parametrize("named", ["nobody", "", "ACME", "acme "])
@pytest.mark.parametrize("residency", [RESIDENCY, Residency()], ids=["with tenants", "no document"])
def test_a_tenant_that_is_not_known_is_refused_and_no_other_is_told(
    residency: Residency, named: str
):
    found = tenancy("anywhere", named, residency)
    assert (found.tenant, found.tenant_name) == (None, named)
    assert found.refusal == "gdpr-residency-overrides.yaml has no such tenant"
    assert is_unknown(found)


def test_without_a_document_only_work_that_names_no_tenant_goes_on():
    assert tenancy("batch", None, Residency()) is None
    assert tenancy("batch", "acme", Residency()).tenant is None


def test_a_binding_to_a_tenant_that_is_gone_is_refused():
    torn = Residency(tenants={}, bound={"batch": "acme"})
    for named in (None, "acme"):
        found = tenancy("batch", named, torn)
        assert found.tenant is None
        assert is_unknown(found)


def test_a_namespace_that_only_the_tenant_does_not_list_is_refused():
    torn = Residency(tenants={"acme": ACME}, bound={"other": "acme"})
    assert tenancy("other", None, torn).tenant is None


def test_it_holds_what_judging_takes_and_nothing_of_regions_that_are_not_known():
    found = tenancy("batch", None)
    assert found.places == {name: CATALOG[name] for name in ("us-east-1", "eu-west-1")}
    assert found.adequacy == BUILT_IN_ADEQUACY


def test_a_long_name_keeps_the_refusal_short():
    assert len(tenancy("n" * 1000, "acme").refusal) < 150
