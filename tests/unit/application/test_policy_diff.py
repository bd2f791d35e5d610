"""Which answers another policy would have given: each change once, with both reasons."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from carbon_scaler.application.policy_diff import (
    MOST_TENANTS,
    Answer,
    Comparison,
    Interval,
    PolicyInPlace,
    Stretch,
    changed_tenants,
    comparison,
    every_case,
    intervals,
    joined,
    paired,
)
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.policy import BUILT_IN_POLICY, Policy, StatedSettings, WorkloadClass
from carbon_scaler.domain.residency import Level, Residency, Tenant
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan, Trigger
from tests.builders import HOME, HOUR, MINUTE, NOW, a_series, a_trigger, some_surroundings

LONG = timedelta(days=30)


def with_class(name: str = "standard", *, urgent: bool = False, **stated: object) -> Policy:
    """The built-in policy with one class of its own, which no pulse opens."""
    settings = StatedSettings(**{"max_delay": LONG, **stated})  # type: ignore[arg-type]
    classes = {**BUILT_IN_POLICY.classes, name: WorkloadClass(stated=settings, urgent=urgent)}
    return replace(BUILT_IN_POLICY, version="other", classes=classes)


def in_place(policy: Policy) -> PolicyInPlace:
    return PolicyInPlace(policy=policy, around=some_surroundings(backlogs={}))


OLD = in_place(with_class(threshold=400.0))
STRICTER = in_place(with_class(threshold=250.0))


def a_stretch(series: RegionSeries, hours: float) -> Stretch:
    regions = {series.region: series}
    return Stretch(begins_at=NOW, ends_at=NOW + hours * HOUR, old=regions, new=regions)


def compared(
    trigger: Trigger, old: PolicyInPlace, new: PolicyInPlace, series: RegionSeries, *, hours: float
) -> Comparison:
    pair = paired(trigger, old, new, "it")
    return comparison(pair, intervals(pair, a_stretch(series, hours)))


def a_gate(**stated: object) -> Trigger:
    return a_trigger(**{"region": HOME, "mode": Mode.GATE, **stated})


def test_hours_between_the_two_limits_are_one_change():
    series = a_series(200.0, 300.0, 320.0, 500.0, since=NOW)

    found = compared(a_gate(), OLD, STRICTER, series, hours=4)

    (change,) = found.changes
    assert (change.begins_at, change.ends_at) == (NOW + HOUR, NOW + 3 * HOUR)
    assert (str(change.old), str(change.new)) == (
        "open (below_threshold)",
        "closed (above_threshold)",
    )
    assert (found.open_before, found.open_after) == (3 * HOUR, HOUR)


def test_the_same_policy_changes_nothing():
    series = a_series(200.0, 300.0, 500.0, since=NOW)

    found = compared(a_gate(), OLD, OLD, series, hours=3)

    assert found.changes == ()
    assert found.open_before == found.open_after == 2 * HOUR


def test_each_moment_is_answered_as_the_server_would_have_answered_it():
    series = a_series(200.0, 300.0, 500.0, 100.0, since=NOW, every=17 * MINUTE)
    pair = paired(a_gate(), OLD, STRICTER, "it")
    found = intervals(pair, a_stretch(series, 5))

    assert isinstance(pair.new, Plan)
    assert found[0].begins_at == NOW
    assert found[-1].ends_at == NOW + 5 * HOUR
    for each, following in pairwise(found):
        assert each.ends_at == following.begins_at
    for minutes in range(0, 300, 7):
        now = NOW + minutes * MINUTE
        (around,) = [each for each in found if each.begins_at <= now < each.ends_at]
        decision = decide(pair.new, Inputs(series=series), now)
        assert (around.new.verdict, around.new.reason) == (decision.verdict, decision.reason)


def test_a_pulse_of_either_policy_is_found_between_values():
    often = in_place(with_class(threshold=400.0, max_delay=timedelta(hours=1)))
    series = a_series(500.0, 500.0, since=NOW)

    found = compared(a_gate(), OLD, often, series, hours=2)

    assert [(each.begins_at, each.ends_at) for each in found.changes] == [
        (NOW + 55 * MINUTE, NOW + 60 * MINUTE),
        (NOW + 115 * MINUTE, NOW + 120 * MINUTE),
    ]
    assert {each.new.reason for each in found.changes} == {"pulse"}


def test_another_reason_for_the_same_answer_is_no_change():
    urgent = in_place(with_class(urgent=True))

    found = compared(a_gate(), OLD, urgent, a_series(200.0, since=NOW), hours=1)

    assert found.changes == ()


def test_a_class_that_the_new_policy_lacks_is_an_error_there():
    old = in_place(with_class("nightly", threshold=400.0))

    found = compared(
        a_gate(workload_class="nightly"), old, STRICTER, a_series(200.0, since=NOW), hours=1
    )

    (change,) = found.changes
    assert str(change.new) == "error (bad_metadata)"
    assert found.open_after == timedelta(0)


@pytest.mark.parametrize("mode", [Mode.QUEUE, None])
def test_a_queue_is_compared_as_a_gate_and_says_so(mode: Mode | None):
    pair = paired(a_trigger(region=HOME, mode=mode, backlog="orders"), OLD, STRICTER, "it")

    assert isinstance(pair.old, Plan)
    assert (pair.old.mode, pair.old.backlog) == (Mode.GATE, None)
    assert pair.notes == ("compared as a gate: the past of its backlog is not known",)


def test_a_brake_stays_a_brake():
    pair = paired(a_gate(mode=Mode.BRAKE), OLD, STRICTER, "it")

    assert isinstance(pair.old, Plan)
    assert pair.old.mode is Mode.BRAKE
    assert pair.notes == ()


def test_only_what_a_policy_means_tells_two_apart():
    renamed = in_place(replace(OLD.policy, version="another"))

    assert paired(a_gate(), OLD, renamed, "it").alike
    assert not paired(a_gate(), OLD, STRICTER, "it").alike


def test_objects_that_differ_in_their_name_alone_are_of_one_kind():
    def kind(**stated: object) -> str:
        return paired(a_gate(**stated), OLD, STRICTER, "it").kind

    assert kind(name="one") == kind(name="two", namespace="elsewhere")
    assert kind(workload_class="nightly") == kind(workload_class="nightly", name="two")
    assert len({kind(), kind(workload_class="urgent"), kind(mode=Mode.BRAKE)}) == 3


def test_the_region_is_the_servers_where_the_trigger_names_none():
    assert paired(a_gate(region=None), OLD, STRICTER, "it").region == HOME
    assert paired(a_gate(workload_class="nightly"), OLD, STRICTER, "it").region == HOME


def test_without_recorded_triggers_every_class_is_tried_in_every_region():
    more = in_place(with_class("nightly", threshold=1.0))

    pairs = every_case(OLD, more, ["us-west-1", "eu-west-1"])

    assert [pair.label for pair in pairs] == [
        f"class {name} in {region}"
        for region in ("eu-west-1", "us-west-1")
        for name in ("deferrable", "nightly", "standard", "urgent")
    ]
    assert all(pair.trigger.mode is Mode.GATE for pair in pairs)


def test_tenants_that_the_policies_see_differently_are_tried_too():
    lax, strict = (
        Residency(
            tenants={
                "acme": Tenant(name="acme", level=level, namespaces=frozenset({"shop"})),
                "same": Tenant(name="same", level=Level.GLOBAL),
            }
        )
        for level in (Level.GLOBAL, Level.EU_STRICT)
    )
    old, new = (in_place(replace(BUILT_IN_POLICY, residency=each)) for each in (lax, strict))

    tried = [pair for pair in every_case(old, new, [HOME]) if pair.label.startswith("tenant")]

    assert [(pair.label, pair.trigger.namespace) for pair in tried] == [
        (f"tenant acme in {HOME}", "shop")
    ]


def test_every_tenant_is_tried_where_the_adequacy_changes():
    tenants = {"acme": Tenant(name="acme", level=Level.EU_ADEQUATE)}
    old, new = (
        in_place(replace(BUILT_IN_POLICY, residency=each))
        for each in (Residency(tenants=tenants), Residency(tenants=tenants, adequacy={}))
    )

    labels = [pair.label for pair in every_case(old, new, [HOME])]

    assert f"tenant acme in {HOME}" in labels


def test_of_very_many_tenants_the_first_are_tried():
    tenants = {f"t{n:03}": Tenant(name=f"t{n:03}", level=Level.GLOBAL) for n in range(200)}
    many = in_place(replace(BUILT_IN_POLICY, residency=Residency(tenants=tenants)))
    none = in_place(BUILT_IN_POLICY)

    tried = [pair for pair in every_case(none, many, [HOME]) if pair.label.startswith("tenant")]

    assert len(changed_tenants(none.policy, many.policy)) == 200
    assert len(tried) == MOST_TENANTS
    assert tried[0].label == f"tenant t000 in {HOME}"


def test_neighbours_are_joined_only_where_both_answers_agree_and_nothing_lies_between():
    told = Answer(verdict="open", reason="clean", level=1.0)
    other = Answer(verdict="open", reason="pulse", level=1.0)

    def interval(begins: int, ends: int, new: Answer = told) -> Interval:
        return Interval(begins_at=NOW + begins * HOUR, ends_at=NOW + ends * HOUR, old=told, new=new)

    assert joined([interval(0, 1), interval(1, 2)]) == [interval(0, 2)]
    apart = [interval(0, 1), interval(2, 3)]
    assert joined(apart) == apart
    unlike = [interval(0, 1), interval(1, 2, other)]
    assert joined(unlike) == unlike


def test_a_part_of_a_level_is_told_as_a_share():
    assert str(Answer(verdict="open", reason="curve", level=0.25)) == "open 25% (curve)"
