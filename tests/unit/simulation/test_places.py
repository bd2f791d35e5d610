from dataclasses import replace
from datetime import UTC, datetime
from datetime import date as day

import numpy as np
import pytest

from carbon_scaler.application.backtest import BacktestError, Placing, Way
from carbon_scaler.decisions.tenancy import tenancy_of
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.residency import Enforcement, Level, Residency, Tenant
from carbon_scaler.simulation.places import lawful_until
from tests.builders import HOME, a_region, a_trigger
from tests.unit.simulation.worlds import (
    AWAY,
    BEGINS,
    HOUR,
    a_history,
    a_world,
    replayed,
    some_jobs,
)

EU = replace(a_region(AWAY), country="IE", eu_eea="eu")
LONDON = replace(a_region("eu-west-2"), country="GB", eu_eea="uk")
CATALOG = {HOME: a_region(), AWAY: EU, LONDON.name: LONDON}


def until(region: str, level: Level, mode: Enforcement = Enforcement.STRICT) -> float:
    residency = Residency(
        tenants={"acme": Tenant(name="acme", level=level, mode=mode)},
        adequacy={LONDON.name: day(2026, 3, 5)},
    )
    tenancy = tenancy_of(a_trigger(tenant="acme"), residency, CATALOG, CATALOG)
    return lawful_until(tenancy, region, BEGINS)


def test_a_region_is_lawful_for_ever_or_never():
    assert until(AWAY, Level.EU_STRICT) == np.inf
    assert until(HOME, Level.EU_STRICT) == -np.inf
    assert until(HOME, Level.EU_STRICT, Enforcement.ADVISORY) == np.inf


def test_an_adequacy_entry_ends_on_its_day():
    ends = datetime(2026, 3, 5, tzinfo=UTC).timestamp()

    assert until(LONDON.name, Level.EU_ADEQUATE) == ends
    assert until(LONDON.name, Level.EU_ADEQUATE, Enforcement.ADVISORY) == np.inf


def test_nobodys_work_may_run_anywhere():
    assert lawful_until(None, HOME, BEGINS) == np.inf


def acmes_policy(level: Level):
    tenant = Tenant(name="acme", level=level, namespaces=frozenset({"batch"}))
    residency = Residency(tenants={"acme": tenant}, bound={"batch": "acme"})
    return replace(BUILT_IN_POLICY, residency=residency)


def world(**stated: object):
    clean, dirty = a_history(*[10.0] * 60), a_history(*[700.0] * 60, region=AWAY)
    return a_world(clean, dirty, catalog=CATALOG, **stated)


def test_no_strategy_uses_a_region_that_the_tenant_may_not_use():
    jobs = some_jobs(0.0, 40 * HOUR, regions=(HOME, AWAY))

    for placing in Placing:
        law_of_acme = {"policy": acmes_policy(Level.EU_STRICT), "tenant": "acme"}
        found = replayed(world(placing=placing, **law_of_acme), jobs)

        assert all(starts.region_of.tolist() == [1, 1] for starts in found.values())


def test_a_job_that_may_run_nowhere_is_refused_by_its_id():
    jobs = some_jobs(0.0, regions=(HOME,))

    with pytest.raises(BacktestError, match='"job-0": tenant "acme" may run in none of its'):
        replayed(world(policy=acmes_policy(Level.EU_STRICT), tenant="acme"), jobs)


def test_home_is_the_first_region_and_only_the_oracle_leaves_it():
    jobs = some_jobs(0.0, 40 * HOUR, regions=(AWAY, HOME))

    found = replayed(world(), jobs)

    assert found[Way.ORACLE].region_of.tolist() == [0, 0]
    others = [starts for way, starts in found.items() if way != Way.ORACLE]
    assert all(starts.region_of.tolist() == [1, 1] for starts in others)


def test_the_cleanest_region_is_chosen_once_a_day_of_it_is_known():
    jobs = some_jobs(0.0, 23 * HOUR, 24 * HOUR, 25 * HOUR, regions=(AWAY, HOME))

    late = replayed(world(placing=Placing.CLEANEST, lag=HOUR), jobs)
    at_once = replayed(world(placing=Placing.CLEANEST), jobs)

    assert late[Way.THRESHOLD].region_of.tolist() == [1, 1, 1, 0]
    assert at_once[Way.THRESHOLD].region_of.tolist() == [1, 1, 0, 0]
    assert at_once[Way.RUN_NOW].region_of.tolist() == [1, 1, 1, 1]
