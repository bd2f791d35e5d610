from dataclasses import replace

import pytest

from carbon_scaler.decisions import demand
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.decision import Outcome
from carbon_scaler.domain.trigger import Mode
from tests.builders import a_backlog, a_case, a_plan, a_queue_plan


@pytest.mark.parametrize("mode", [Mode.BRAKE, Mode.GATE])
def test_who_counts_no_items_needs_no_backlog(mode: Mode):
    assert demand.rule(a_case(a_plan(mode))) is None


@pytest.mark.parametrize("backlog", [a_backlog()], ids=["empty"])
def test_a_backlog_that_is_known_needs_no_saying(backlog: BacklogReading):
    assert demand.rule(a_case(a_queue_plan(), demand=backlog)) is None


@pytest.mark.parametrize(
    ("unknown", "text"),
    [
        (None, 'backlog "orders" is unknown: not read yet'),
        (BacklogUnknown(cause="timeout"), 'backlog "orders" is unknown: timeout'),
    ],
    ids=["never read", "read in vain"],
)
def test_a_queue_whose_backlog_is_unknown_is_an_error(unknown: BacklogUnknown | None, text: str):
    case = a_case(a_queue_plan())
    ruling = demand.rule(replace(case, inputs=replace(case.inputs, demand=unknown)))
    assert ruling is not None
    assert (ruling.outcome, ruling.text) == (Outcome.ERROR, text)
