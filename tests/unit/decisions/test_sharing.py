"""Which regions share a trigger's work, from what the trigger and the policy say."""

from dataclasses import replace

import pytest

from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.domain.place import SharedWork
from carbon_scaler.domain.policy import BUILT_IN_POLICY, StatedSettings, Weights, WorkloadClass
from carbon_scaler.domain.residency import Level, Residency, Tenant
from carbon_scaler.domain.trigger import Mode, Plan, Problem, Rejection
from tests.builders import MINUTE, a_region, a_trigger, some_surroundings

REGIONS = ("us-west-1", "eu-west-1")
POLICY = replace(
    BUILT_IN_POLICY,
    weights=Weights(carbon=0.6, cost=0.4),
    classes={
        **BUILT_IN_POLICY.classes,
        "nightly": WorkloadClass(
            stated=StatedSettings(), preferred_regions=("eu-west-1", "us-east-1")
        ),
    },
    residency=Residency(tenants={"acme": Tenant(name="acme", level=Level.EU_STRICT)}),
)
DEAR = replace(a_region("eu-west-1"), cost_multiplier=1.5)


def resolved(around: Surroundings | None = None, **stated: object):
    return resolve(a_trigger(**stated), POLICY, around or some_surroundings())


def plan_of(around: Surroundings | None = None, **stated: object) -> Plan:
    plan = resolved(around, **{"backlog": "orders", "regions": REGIONS, **stated})
    assert isinstance(plan, Plan), plan
    return plan


def problems_of(around: Surroundings | None = None, **stated: object) -> list[str]:
    rejection = resolved(around, **{"mode": Mode.BRAKE, **stated})
    assert isinstance(rejection, Rejection), rejection
    return [str(problem) for problem in rejection.problems]


def test_regions_share_a_backlog_with_what_the_policy_says_of_them():
    around = some_surroundings(regions=[a_region(), DEAR])

    shared = plan_of(around, workload_class="nightly").shared

    assert shared == SharedWork(
        key="orders",
        regions=REGIONS,
        preferred=("eu-west-1", "us-east-1"),
        weights=Weights(carbon=0.6, cost=0.4),
        costs={"us-west-1": 1.0, "eu-west-1": 1.5},
    )


def test_where_no_backlog_is_counted_the_object_is_what_is_shared():
    for mode in (Mode.BRAKE, Mode.GATE):
        shared = plan_of(mode=mode, namespace="batch", name="embeddings").shared
        assert shared is not None
        assert shared.key == "batch/embeddings"


def test_each_region_counts_once_and_without_its_provider():
    shared = plan_of(regions=("aws:us-west-1", "eu-west-1", "us-west-1", "gcp:europe-west1")).shared

    assert shared is not None
    assert shared.regions == ("us-west-1", "eu-west-1", "europe-west1")


@pytest.mark.parametrize("regions", [(), ("us-west-1",), ("aws:us-west-1", "us-west-1")], ids=str)
def test_without_another_region_nothing_is_shared(regions: tuple[str, ...]):
    assert plan_of(regions=regions).shared is None


def test_a_region_of_which_only_values_are_known_may_share():
    around = some_surroundings(stored_regions={"my-cluster"})

    shared = plan_of(around, regions=("us-west-1", "my-cluster")).shared

    assert shared is not None
    assert shared.costs == {"us-west-1": 1.0}


def test_residency_knows_all_regions_that_share():
    tenancy = plan_of(tenant="acme").tenancy

    assert tenancy is not None
    assert set(REGIONS) <= tenancy.places.keys()


@pytest.mark.parametrize(
    ("regions", "problems"),
    [
        (
            ("us-east-1", "eu-west-1"),
            [
                'regions: "us-east-1,eu-west-1" is not allowed; it must name us-west-1 too, '
                "the region of this trigger, and be the same in all clusters"
            ],
        ),
        (
            ("us-west-1", "eu-wets-1"),
            ['regions: "eu-wets-1" is not allowed; did you mean "eu-west-1"?'],
        ),
        (
            ("us-west-1", "gcp:eu-west-1"),
            ['regions: "gcp:eu-west-1" is not allowed; eu-west-1 is a region of aws'],
        ),
    ],
    ids=["its own is missing", "unknown", "of another provider"],
)
def test_regions_that_can_not_share_are_refused(regions: tuple[str, ...], problems: list[str]):
    found = problems_of(regions=regions)

    assert [each.partition(" one of")[0] for each in found] == problems


def test_regions_are_not_judged_without_a_region_or_where_they_could_not_be_read():
    nowhere = problems_of(some_surroundings(default_region=None), regions=("eu-wets-1",))
    unread = problems_of(problems=(Problem(key="regions", said=";", allowed="names"),))

    assert [each.partition(":")[0] for each in nowhere] == ["region"]
    assert unread == ['regions: ";" is not allowed; names']


def test_a_lead_that_is_too_short_for_all_regions_is_a_warning():
    enough = StatedSettings(lead=MINUTE)

    assert plan_of(stated=enough).warnings == ()
    assert plan_of(stated=enough, regions=(*REGIONS, "us-east-1")).warnings == (
        "lead: 1m is short for 3 regions, of which one after the other starts what is left; "
        "from 1m30s on each is polled in time",
    )
    assert plan_of(mode=Mode.BRAKE, backlog=None, regions=(*REGIONS, "us-east-1")).warnings == ()
