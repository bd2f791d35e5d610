import random

from hypothesis import given, settings
from hypothesis import strategies as st

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import resolve
from carbon_scaler.domain.durations import LONGEST_DURATION, format_duration, parse_duration
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.trigger import Plan, Rejection
from carbon_scaler.keda.metadata import (
    FROM_ENV,
    KEDA_KEYS,
    KNOWN_KEYS,
    MOST_WARNINGS,
    parse_trigger,
)
from tests.builders import HOUR, NOW, a_backlog, a_series, an_item, some_surroundings
from tests.unit.laws.cases import law

NASTY = (
    "", " ", "\x00", "-1", "0", "1", "1e400", "1e-400", "NaN", "inf", "0x1", "12h", "P1D", "PT",
    "999999d", "0.000001", "9" * 30, "true", "error", "brake", "queue", "orders", "us-west-1",
    "gcp:", "aws:us-west-1", ",", "a,b", "forecast", "threshold", "deferrable", "\u202e", "\ud7ff",
    "x" * 3000,
)  # fmt: skip
WORDS = tuple(sorted(KNOWN_KEYS | KEDA_KEYS))
KEYS = (
    st.sampled_from(WORDS)
    | st.sampled_from(WORDS).map(lambda key: key + FROM_ENV)
    | st.sampled_from(WORDS).map(str.lower)
    | st.text(max_size=8)
)
VALUES = st.sampled_from(NASTY) | st.text(max_size=6) | st.text("0123456789.eE+-dhmsPT", max_size=6)
METADATA = st.dictionaries(KEYS, VALUES, max_size=5)
fuzz = settings(law, max_examples=2000)


@fuzz
@given(metadata=METADATA)
def test_any_metadata_make_a_trigger_whose_values_are_in_bounds(metadata: dict[str, str]):
    trigger = parse_trigger("batch", "embeddings", metadata)
    assert trigger.items_per_job >= 1
    assert trigger.max_jobs is None or trigger.max_jobs >= 1
    stated = trigger.stated
    assert stated.threshold is None or 0 < stated.threshold <= 10_000
    for percent in (stated.min_renewable_percent, stated.min_savings_percent):
        assert percent is None or 0 <= percent <= 100
    for duration in (stated.max_delay, stated.lead):
        assert duration is None or 0 * HOUR <= duration <= LONGEST_DURATION
    for duration in (stated.job_duration, stated.release):
        assert duration is None or 0 * HOUR < duration <= LONGEST_DURATION
    assert {problem.key for problem in trigger.problems} <= KNOWN_KEYS
    assert len(trigger.warnings) <= MOST_WARNINGS
    assert all(line.isprintable() for line in map(str, (*trigger.problems, *trigger.warnings)))


@settings(law, max_examples=500)
@given(metadata=METADATA, series=st.sampled_from([None, a_series(100), a_series(900)]))
def test_any_trigger_gets_a_plan_that_decides_or_one_short_line_about_what_is_wrong(
    metadata: dict[str, str], series: object
):
    trigger = parse_trigger("batch", "embeddings", metadata)
    plan = resolve(trigger, BUILT_IN_POLICY, some_surroundings())
    if isinstance(plan, Rejection):
        assert plan.problems
        text = plan.text()
        assert len(text.encode()) <= 1024
        assert text.isprintable()
    else:
        demand = a_backlog(an_item(HOUR), an_item())
        decision = decide(plan, Inputs(series=series, demand=demand), NOW)
        assert decision.metric_value >= 0


@settings(law, max_examples=200)
@given(metadata=METADATA, shuffle=st.randoms(use_true_random=False))
def test_the_order_of_the_keys_never_matters(metadata: dict[str, str], shuffle: random.Random):
    keys = list(metadata)
    shuffle.shuffle(keys)
    shuffled = {key: metadata[key] for key in keys}
    assert parse_trigger("a", "b", shuffled) == parse_trigger("a", "b", metadata)


@settings(law, max_examples=200)
@given(
    metadata=st.fixed_dictionaries(
        {"mode": st.just("brake")},
        optional={
            "threshold": st.floats(0.001, 10_000).map(lambda grams: f"{grams:.3f}"),
            "maxDelay": st.timedeltas(0 * HOUR, LONGEST_DURATION).map(format_duration),
            "minRenewablePercent": st.integers(0, 100).map(str),
            "whenBlind": st.sampled_from(["open", "closed"]),
            "release": st.integers(1, 600).map(str),
        },
    )
)
def test_what_is_allowed_is_never_refused_and_stands_in_the_plan(metadata: dict[str, str]):
    trigger = parse_trigger("batch", "embeddings", metadata)
    plan = resolve(trigger, BUILT_IN_POLICY, some_surroundings())
    assert isinstance(plan, Plan), plan
    written = {"threshold", "maxDelay", "minRenewablePercent", "whenBlind", "release"} & set(
        metadata
    )
    assert sum(origin == "trigger" for origin in plan.origins.values()) == len(written)


@law
@given(duration=st.integers(0, int(LONGEST_DURATION.total_seconds())))
def test_a_duration_that_was_written_is_read_as_the_same(duration: int):
    span = parse_duration(f"{duration}s")
    assert span is not None
    assert span.total_seconds() == duration
    assert parse_duration(format_duration(span)) == span


@settings(law, max_examples=500)
@given(text=st.text(max_size=12) | st.text("0123456789.dhmsinPTW ", max_size=14))
def test_any_text_is_a_duration_in_bounds_or_none(text: str):
    duration = parse_duration(text)
    assert duration is None or 0 * HOUR <= duration <= LONGEST_DURATION
