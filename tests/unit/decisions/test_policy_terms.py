"""What is worked out once for many triggers is what each would have got alone."""

from dataclasses import replace
from datetime import UTC

from carbon_scaler.decisions.policy_terms import MOST_KEPT, PolicyTerms
from carbon_scaler.decisions.resolve import resolve
from carbon_scaler.domain.policy import BUILT_IN_POLICY, StatedSettings, TimeShift, WorkloadClass
from carbon_scaler.domain.trigger import Plan
from tests.builders import HOME, a_trigger, a_window, some_surroundings

AROUND = some_surroundings()
POLICY = replace(
    BUILT_IN_POLICY,
    classes={
        **BUILT_IN_POLICY.classes,
        "roaming": WorkloadClass(
            stated=StatedSettings(threshold=123.0), preferred_regions=("us-east-1",)
        ),
    },
    time_shift=TimeShift(windows=(a_window(timezone=None),)),
)
TRIGGERS = [
    a_trigger(
        region=region, backlog="orders", workload_class=workload_class, stated=stated, max_jobs=jobs
    )
    for region in (HOME, "eu-west-1")
    for workload_class in ("standard", "roaming", "unheard-of")
    for stated in (StatedSettings(), StatedSettings(threshold=77.0))
    for jobs in (1, 2)
]


def test_triggers_that_share_terms_are_resolved_as_each_is_alone():
    terms = PolicyTerms(POLICY, AROUND.catalog)

    for trigger in (*TRIGGERS, *reversed(TRIGGERS)):
        assert resolve(trigger, POLICY, AROUND, terms=terms) == resolve(trigger, POLICY, AROUND)


def test_triggers_alike_have_the_very_same_terms():
    terms = PolicyTerms(POLICY, AROUND.catalog)
    one, other = (
        resolve(replace(TRIGGERS[0], name=name), POLICY, AROUND, terms=terms)
        for name in ("one", "other")
    )

    assert isinstance(one, Plan)
    assert isinstance(other, Plan)
    assert one.settings is other.settings
    assert one.windows is other.windows
    assert one.windows[0].timezone is UTC


def test_what_more_triggers_state_than_are_kept_is_worked_out_anew():
    terms = PolicyTerms(POLICY, AROUND.catalog)
    first = terms.settings("standard", StatedSettings(threshold=1.0))

    for number in range(MOST_KEPT):
        terms.settings("standard", StatedSettings(threshold=2.0 + number))

    again = terms.settings("standard", StatedSettings(threshold=1.0))
    assert again == first
    assert again[0] is not first[0]
