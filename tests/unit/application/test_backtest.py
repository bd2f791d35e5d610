from dataclasses import replace
from datetime import timedelta

import pytest

from carbon_scaler.application.backtest import NAMESPACE, BacktestError, Way
from carbon_scaler.domain.policy import BUILT_IN_POLICY, Strategy, TimeShift
from carbon_scaler.domain.residency import Level, Residency, Tenant
from tests.builders import HOME
from tests.unit.simulation.worlds import a_history, a_world, replayed, some_jobs

DAY = a_history(*[300.0] * 24)


def test_a_plan_is_what_a_trigger_of_the_class_would_mean():
    plan = a_world(DAY).plan("deferrable", HOME, Strategy.QUANTILE)

    assert (plan.namespace, plan.workload_class, plan.region) == (NAMESPACE, "deferrable", HOME)
    assert plan.settings.strategy is Strategy.QUANTILE
    assert plan.settings.threshold == 250
    assert plan.settings.lead == timedelta(0)
    assert plan.tenancy is None


def test_a_policy_that_shifts_no_work_in_time_leaves_the_threshold_alone():
    policy = replace(BUILT_IN_POLICY, time_shift=TimeShift(enabled=False))

    plan = a_world(DAY, policy=policy).plan("deferrable", HOME, Strategy.QUANTILE)

    assert plan.settings.strategy is Strategy.THRESHOLD


def test_a_tenant_is_asked_for_from_a_namespace_of_its_own():
    tenant = Tenant(name="acme", level=Level.GLOBAL, namespaces=frozenset({"b", "a"}))
    residency = Residency(tenants={"acme": tenant}, bound={"a": "acme", "b": "acme"})
    policy = replace(BUILT_IN_POLICY, residency=residency)

    plan = a_world(DAY, policy=policy, tenant="acme").plan("standard", HOME)

    assert plan.namespace == "a"
    assert plan.tenancy is not None
    assert plan.tenancy.refusal is None


def test_a_class_that_the_policy_does_not_have_is_refused():
    with pytest.raises(BacktestError, match='did you mean "standard"'):
        a_world(DAY).plan("standrad", HOME)


def test_every_way_is_told_before_it_is_tried():
    told: list[str] = []
    world, jobs = a_world(DAY), some_jobs(0.0)

    found = replayed(world, jobs, Way.ORACLE, Way.RUN_NOW, heard=told.append)

    assert told == ["oracle", "run_now"] == list(found)
