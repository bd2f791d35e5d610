from dataclasses import replace

from carbon_scaler.application.backtest import World
from carbon_scaler.application.residency_overrides import residency_overrides
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.residency import Level, Residency, Tenant
from tests.builders import HOME, a_region
from tests.unit.simulation.worlds import AWAY, HOUR, a_history, a_world, some_jobs

CATALOG = {HOME: a_region(), AWAY: replace(a_region(AWAY), country="IE", eu_eea="eu")}
ACME = Tenant(name="acme", level=Level.EU_STRICT, namespaces=frozenset({"batch"}))
EU_ONLY = replace(
    BUILT_IN_POLICY, residency=Residency(tenants={"acme": ACME}, bound={"batch": "acme"})
)


def world(home: list[float], away: list[float], **stated: object) -> World:
    there = a_history(*away, region=AWAY)
    return a_world(a_history(*home), there, catalog=CATALOG, **stated)


def test_jobs_are_counted_whose_cleanest_region_is_forbidden():
    jobs = some_jobs(0.0, HOUR, 2 * HOUR, slack=0.0, regions=(AWAY, HOME))
    law = {"policy": EU_ONLY, "tenant": "acme"}

    count = residency_overrides(world([10, 10, 900, 900], [500, 500, 500, 500], **law), jobs)

    assert count == 2


def test_only_the_regions_of_the_job_itself_count():
    jobs = some_jobs(0.0, slack=0.0, regions=(AWAY,))
    law = {"policy": EU_ONLY, "tenant": "acme"}

    assert residency_overrides(world([10] * 3, [500] * 3, **law), jobs) == 0


def test_where_no_law_is_in_the_way_nothing_is_overridden():
    jobs = some_jobs(0.0, slack=0.0, regions=(AWAY, HOME))

    assert residency_overrides(world([10] * 3, [500] * 3), jobs) == 0
