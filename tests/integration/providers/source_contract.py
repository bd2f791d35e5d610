"""What every source of grid values keeps to.

A test module gives its source as the fixture `subject` of a subclass:

    class TestMySourceKeepsTheContract(SourceContract):
        @pytest.fixture
        async def subject(self) -> AsyncIterator[Subject]:
            ...
            yield Subject(source=source, zone="DE", region=region, now=NOW)
"""

import math
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from carbon_scaler.application.grid_sources import ErrorKind, GridSource, SourceError
from carbon_scaler.domain.intensity import MIX_KINDS
from carbon_scaler.domain.observation import Observation
from carbon_scaler.domain.regions import CloudRegion
from tests.peers.server import Fault, Reply, page

LICENCE_CLASSES = ("open", "attribution", "restricted", "own")
PADDING = 6
# A reply to every request for data, and what it may be taken for.
BROKEN = {
    "500": (Reply(status=500), {ErrorKind.SERVER}),
    "429": (Reply(status=429), {ErrorKind.RATE_LIMITED}),
    "page": (page(), {ErrorKind.MALFORMED}),
    "403 page": (page(status=403), {ErrorKind.SERVER, ErrorKind.KEY}),
    "array": (Reply(body=[]), {ErrorKind.MALFORMED, ErrorKind.NO_DATA}),
    "text": (Reply(body='"fine"'), {ErrorKind.MALFORMED}),
    "truncated": (Reply(body={"a": "b"}).broken(Fault.TRUNCATED), {ErrorKind.MALFORMED}),
    "cut": (Reply(body={"a": "b"}).broken(Fault.CUT_BEFORE), {ErrorKind.UNREACHABLE}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A source that answers at `now`, and the means to spoil its answers."""

    source: GridSource
    zone: str
    region: CloudRegion
    now: datetime
    # Must not be in any error.
    secrets: Sequence[str] = ()
    # Makes its peer give this reply to all requests for data; None: it asks nobody.
    answer_with: Callable[[Reply], None] | None = None
    # How it says that it has no data, as far as it can.
    nothing: Sequence[Reply] = ()

    def spoil(self, reply: Reply) -> None:
        if self.answer_with is None:
            pytest.skip("asks nobody")
        self.answer_with(reply)


class SourceContract:
    """Subclass it and define `subject`."""

    def test_it_declares_all_that_is_asked_of_it(self, subject: Subject) -> None:
        traits = subject.source.traits

        assert traits.name
        assert traits.unit
        assert traits.attribution
        assert traits.accounting in ("consumption", "production", "mixed")
        assert traits.licence_class in LICENCE_CLASSES
        assert traits.step > timedelta(0)
        assert timedelta(0) <= traits.history_window <= traits.history_reach
        assert traits.usable_for > traits.lag

    async def test_it_serves_its_region_and_names_its_zone(self, subject: Subject) -> None:
        assert subject.source.serves(subject.region)
        assert await subject.source.zone_of(subject.region, subject.now) == subject.zone

    async def test_latest_is_ascending_and_never_of_the_future(self, subject: Subject) -> None:
        found = await subject.source.latest(subject.zone, subject.now)

        assert found
        assert_sound(found, subject)
        assert found[-1].starts_at <= subject.now

    async def test_history_lies_within_what_was_asked(self, subject: Subject) -> None:
        traits = subject.source.traits
        if not traits.history_reach:
            pytest.skip("has no history")
        until = subject.now - 2 * traits.step
        since = until - min(6 * traits.step, traits.history_window)
        found = await subject.source.history(subject.zone, since, until)

        assert found
        assert_sound(found, subject)
        assert all(since <= observation.starts_at < until for observation in found)

    async def test_history_is_the_same_when_asked_again(self, subject: Subject) -> None:
        traits = subject.source.traits
        if not traits.history_reach:
            pytest.skip("has no history")
        since = subject.now - min(12 * traits.step, traits.history_window)
        first = await subject.source.history(subject.zone, since, subject.now)

        assert await subject.source.history(subject.zone, since, subject.now) == first

    async def test_a_forecast_begins_now_and_names_each_interval_once(
        self, subject: Subject
    ) -> None:
        forecast = await subject.source.forecast(subject.zone, subject.now)
        if subject.source.traits.horizon is None:
            assert forecast is None
            return

        assert forecast is not None
        assert forecast.zone == subject.zone
        starts = [point.target_at for point in forecast.points]
        assert starts == sorted(set(starts))
        assert starts[0] + forecast.points[0].lasts > subject.now
        assert all(start.tzinfo is UTC for start in starts)
        values = [point.grams_per_kwh for point in forecast.points]
        assert all(math.isfinite(value) and value >= 0 for value in values)
        assert len(set(values[-PADDING:])) > 1

    @pytest.mark.parametrize("broken", BROKEN)
    @pytest.mark.parametrize("ask", ["latest", "history", "forecast"])
    async def test_a_broken_answer_is_an_error_that_tells_its_kind_and_no_secret(
        self, subject: Subject, broken: str, ask: str
    ) -> None:
        reply, kinds = BROKEN[broken]
        subject.spoil(reply)
        error = await failure_of(subject, ask)

        assert error.kind in kinds
        assert_tells_no_secret(error, subject)

    async def test_what_is_absent_is_never_a_number(self, subject: Subject) -> None:
        for reply in subject.nothing:
            subject.spoil(reply)
            error = await failure_of(subject, "latest")

            assert error.kind is ErrorKind.NO_DATA
            assert_tells_no_secret(error, subject)


async def failure_of(subject: Subject, ask: str) -> SourceError:
    """How asking fails."""
    source, traits = subject.source, subject.source.traits
    asking = {
        "latest": lambda: source.latest(subject.zone, subject.now),
        "history": lambda: source.history(
            subject.zone, subject.now - min(6 * traits.step, traits.history_window), subject.now
        ),
        "forecast": lambda: source.forecast(subject.zone, subject.now),
    }
    has = {"history": bool(traits.history_reach), "forecast": traits.horizon is not None}
    if not has.get(ask, True):
        pytest.skip(f"has no {ask}")
    try:
        found = await asking[ask]()
    except SourceError as error:
        return error
    raise AssertionError(f"{ask} gave {found!r}")


def assert_sound(found: Sequence[Observation], subject: Subject) -> None:
    starts = [observation.starts_at for observation in found]
    assert starts == sorted(set(starts))
    for observation in found:
        assert observation.zone == subject.zone
        assert observation.starts_at.tzinfo is UTC
        assert observation.starts_at <= subject.now
        assert observation.lasts > timedelta(0)
        assert math.isfinite(observation.grams_per_kwh)
        assert observation.grams_per_kwh >= 0
        assert 0 <= observation.renewable.at_least <= observation.renewable.at_most <= 100
        if observation.mix is not None:
            assert set(observation.mix) <= set(MIX_KINDS)
            assert sum(observation.mix.values()) == pytest.approx(100, abs=0.1)


def assert_tells_no_secret(error: SourceError, subject: Subject) -> None:
    assert error.source == subject.source.traits.name
    told = "".join(traceback.format_exception(error)) + repr(error)
    for secret in subject.secrets:
        assert secret not in told
