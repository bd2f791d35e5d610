"""How far a value can be trusted is a rule, not a constant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from carbon_scaler.domain.confidence import confidence
from carbon_scaler.domain.intensity import Kind
from carbon_scaler.domain.observation import Observation

AT = datetime(2026, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
FRESH = Observation(zone="A", starts_at=AT, lasts=HOUR, grams_per_kwh=200.0, kind=Kind.MEASURED)


@pytest.mark.parametrize(
    ("kind", "score"),
    [
        (Kind.MEASURED, 0.95),
        (Kind.MANUAL, 0.85),
        (Kind.ESTIMATED, 0.76),
        (Kind.FORECAST, 0.57),
        (Kind.STATIC, 0.28),
    ],
)
def test_the_kind_is_where_it_starts(kind: Kind, score: float):
    assert confidence(replace(FRESH, kind=kind), None) == pytest.approx(score, abs=0.01)


def test_an_estimate_without_data_of_its_own_counts_less():
    estimated = replace(FRESH, kind=Kind.ESTIMATED)
    for method in ("TIME_SLICER_AVERAGE", "GENERAL_PURPOSE_ZONE_DEVELOPMENT", "forecasts"):
        assert confidence(replace(estimated, method=method), None) == 0.46
    assert confidence(replace(estimated, method="MODE_BREAKDOWN"), None) == 0.76


def test_the_method_of_a_measured_value_takes_nothing_away():
    assert confidence(replace(FRESH, method="AVERAGE"), None) == 0.95


@pytest.mark.parametrize(
    ("lasts", "score"),
    [
        (timedelta(minutes=5), 0.95),
        (HOUR, 0.95),
        (3 * HOUR, 0.85),
        (24 * HOUR, 0.85),
        (365 * 24 * HOUR, 0.47),
    ],
)
def test_a_long_interval_says_less_of_the_present(lasts: timedelta, score: float):
    assert confidence(replace(FRESH, lasts=lasts), None) == pytest.approx(score, abs=0.011)


def test_a_value_that_its_source_settled_is_certain():
    settled = AT + HOUR + timedelta(hours=24)
    assert confidence(replace(FRESH, updated_at=settled), None) == 1.0
    assert confidence(replace(FRESH, generated_at=settled), None) == 1.0
    soon = replace(FRESH, generated_at=settled, updated_at=settled - timedelta(seconds=1))
    assert confidence(soon, None) == 0.95


def test_a_flagged_value_is_not_trusted_at_all():
    assert confidence(FRESH, "jump") == 0.0
