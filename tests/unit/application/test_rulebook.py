"""A better rulebook takes the place of the one in force, a bad one is told and forgotten."""

from dataclasses import dataclass, field, replace

import pytest
from structlog.testing import capture_logs

from carbon_scaler.application.rulebook import Rulebook, Rules
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.residency import Level, Residency, Tenant
from tests.builders import HOUR, NOW
from tests.fakes import FakeClock, a_rulebook

FIRST = a_rulebook({}, replace(BUILT_IN_POLICY, version="first"))
SECOND = a_rulebook({}, replace(BUILT_IN_POLICY, version="second"))
ACME = Tenant(name="acme", level=Level.GLOBAL)
WITH_TENANTS = Rulebook(
    policy=replace(BUILT_IN_POLICY, residency=Residency(tenants={"acme": ACME})),
    catalog={},
    states_residency=True,
)


class BadError(CarbonScalerError):
    """What a reader raises."""


@dataclass
class Directory:
    """Documents as they are now; `written` moves while somebody writes."""

    holds: Rulebook | Exception = FIRST
    written: int = 0
    # What happens between two looks.
    meanwhile: list[Rulebook | Exception] = field(default_factory=list)
    used: list[Rulebook] = field(default_factory=list)
    reads: int = 0

    def write(self, holds: Rulebook | Exception) -> None:
        self.holds = holds
        self.written += 1

    def read(self) -> Rulebook:
        self.reads += 1
        if isinstance(self.holds, Exception):
            raise self.holds
        return self.holds

    def signature(self) -> object:
        return self.written

    async def use(self, rulebook: Rulebook) -> None:
        self.used.append(rulebook)

    async def sleep(self, _: float) -> None:
        if self.meanwhile:
            self.write(self.meanwhile.pop(0))


def rules_over(directory: Directory) -> tuple[Rules, FakeClock]:
    clock = FakeClock(NOW)
    rules = Rules(
        read=directory.read,
        signature=directory.signature,
        use=directory.use,
        clock=clock,
        sleep=directory.sleep,
    )
    return rules, clock


def test_at_the_start_a_bad_document_is_raised():
    with pytest.raises(BadError):
        rules_over(Directory(BadError("policy.yaml:3: no")))


async def test_unchanged_documents_are_not_read_again():
    directory = Directory()
    rules, _ = rules_over(directory)
    await rules.look()
    await rules.look()
    assert directory.reads == 1
    assert rules.current is FIRST


async def test_changed_documents_are_in_force_after_a_look():
    directory = Directory()
    rules, clock = rules_over(directory)
    directory.write(SECOND)
    clock.advance(HOUR)
    await rules.look()
    assert rules.current is SECOND
    assert directory.used == [SECOND]
    assert rules.loaded_at == NOW + HOUR
    assert rules.reloads == {"changed": 1, "refused": 0}


async def test_a_bad_document_leaves_the_last_good_ones_in_force_and_is_told_once():
    directory = Directory()
    rules, _ = rules_over(directory)
    directory.write(BadError("policy.yaml:3: no"))
    with capture_logs() as logs:
        await rules.look()
        await rules.look()
    assert rules.current is FIRST
    assert directory.used == []
    assert rules.failure == "policy.yaml:3: no"
    assert rules.reloads["refused"] == 1
    assert [line["event"] for line in logs] == ["policy.refused"]

    directory.write(SECOND)
    await rules.look()
    assert rules.current is SECOND
    assert rules.failure is None


async def test_what_is_still_being_written_is_left_for_the_next_look():
    directory = Directory()
    rules, _ = rules_over(directory)
    directory.write(BadError("half of a document"))
    directory.meanwhile = [SECOND]
    await rules.look()
    assert rules.current is FIRST
    assert rules.failure is None, "half of it was never judged"
    await rules.look()
    assert rules.current is SECOND


async def test_residency_that_vanishes_stays_in_force():
    directory = Directory(WITH_TENANTS)
    rules, _ = rules_over(directory)
    directory.write(SECOND)
    await rules.look()
    assert rules.current is WITH_TENANTS
    assert "gdpr-residency-overrides.yaml is gone or empty" in str(rules.failure)
    assert "tenants: {}" in str(rules.failure)

    emptied = replace(SECOND, states_residency=True)
    directory.write(emptied)
    await rules.look()
    assert rules.current is emptied, "dropped on purpose"


async def test_its_warnings_are_told_each_time_it_comes_into_force():
    directory = Directory()
    rules, _ = rules_over(directory)
    directory.write(replace(SECOND, warnings=("adequacy of eu-west-2 has ended",)))
    with capture_logs() as logs:
        await rules.look()
    assert [line["text"] for line in logs if line["event"] == "policy.warning"] == [
        "adequacy of eu-west-2 has ended"
    ]
