"""A plan tells the metadata that it was made from."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from carbon_scaler.application.trigger_metadata import metadata_of
from carbon_scaler.decisions.resolve import resolve
from carbon_scaler.domain.durations import LONGEST_DURATION
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.residency import Level, Residency, Tenant
from carbon_scaler.domain.trigger import Plan
from carbon_scaler.keda.metadata import SETTING_KEYS, SUBJECT_KEYS, parse_trigger
from tests.builders import some_surroundings
from tests.unit.laws.cases import law

POLICY = replace(
    BUILT_IN_POLICY,
    residency=Residency(
        tenants={name: Tenant(name=name, level=Level.GLOBAL) for name in ("acme", "globex")},
        bound={"bound": "acme"},
    ),
)


def the_plan(metadata: dict[str, str], namespace: str = "batch") -> Plan:
    plan = resolve(parse_trigger(namespace, "embeddings", metadata), POLICY, some_surroundings())
    assert isinstance(plan, Plan), plan
    return plan


def numbers(least: float, most: float) -> st.SearchStrategy[str]:
    return st.floats(least, most, exclude_min=True).map(str)


def durations(least: timedelta = timedelta(0)) -> st.SearchStrategy[str]:
    """Whole seconds and parts of them, as users may write them."""
    spans = st.timedeltas(least, LONGEST_DURATION)
    exact = spans.map(lambda span: f"PT{span // timedelta(seconds=1)}.{span.microseconds:06}S")
    most = LONGEST_DURATION // timedelta(minutes=1)
    return exact | st.integers(1, most).map(str)


BOOLEANS = st.sampled_from(["true", "false", "1", "0", "TRUE"])
MICROSECOND = timedelta(microseconds=1)
STATED = {
    "region": st.sampled_from(["us-west-1", "eu-west-1", "gcp:europe-west1"]),
    "workloadClass": st.sampled_from(["urgent", "standard", "deferrable"]),
    "backlog": st.just("orders"),
    "itemsPerJob": st.integers(1, 1_000_000).map(str),
    "maxJobs": st.integers(1, 1_000_000).map(str),
    "regions": st.just("us-west-1|eu-west-1,gcp:europe-west1"),
    "tenant": st.sampled_from(["acme", "globex", "nobody"]),
    "service": st.sampled_from(["ledger", "Search_2"]),
    "shadow": BOOLEANS,
    "threshold": numbers(0, 10_000),
    "minRenewablePercent": numbers(0, 100),
    "requireMix": BOOLEANS,
    "maxDelay": durations(),
    "minSavingsPercent": numbers(0, 100),
    "jobDuration": durations(MICROSECOND),
    "strategy": st.sampled_from(["auto", "threshold", "quantile", "curve", "forecast"]),
    "lead": durations(),
    "release": durations(MICROSECOND),
    "whenBlind": st.sampled_from(["open", "closed"]),
    "quantilePercent": numbers(0, 100),
    "quantileWindow": st.sampled_from(["1d", "8d", "PT100000.25S"]),
    "curve": st.sampled_from(["150:1,400:0", "0.0000000001:0.9999999999,9999.1234567891:0"]),
    "jobEnergyKwh": numbers(0, 1_000_000),
    "spread": st.sampled_from(["0s", "20m", "PT3600S"]),
}
METADATA = st.fixed_dictionaries(
    {"mode": st.sampled_from(["queue", "brake", "gate"]), "backlog": st.just("orders")},
    optional={key: texts for key, texts in STATED.items() if key != "backlog"},
)


def test_the_law_is_tried_on_every_key():
    assert STATED.keys() | {"mode"} == {*SUBJECT_KEYS, *SETTING_KEYS}


@settings(law, max_examples=400)
@given(metadata=METADATA, namespace=st.sampled_from(["batch", "bound"]))
def test_what_is_told_again_resolves_to_the_same_plan(metadata: dict[str, str], namespace: str):
    plan = the_plan(metadata, namespace)

    again = the_plan(metadata_of(plan), namespace)

    # Some warnings are about what has no effect, and that is not told again.
    assert replace(again, warnings=()) == replace(plan, warnings=())


def test_what_class_server_and_namespace_state_is_left_to_them():
    plan = the_plan({"backlog": "orders", "workloadClass": "deferrable"}, "bound")

    assert plan.tenancy is not None
    assert metadata_of(plan) == {
        "mode": "queue",
        "workloadClass": "deferrable",
        "backlog": "orders",
        "itemsPerJob": "1",
    }


def test_a_switch_that_is_off_is_told_where_it_was_stated():
    assert metadata_of(the_plan({"mode": "gate", "requireMix": "0"}))["requireMix"] == "false"


def test_durations_are_told_as_people_write_them():
    told = metadata_of(the_plan({"mode": "brake", "maxDelay": "750", "lead": "PT0.5S"}))

    assert (told["maxDelay"], told["lead"]) == ("12h30m", "PT0.500000S")
