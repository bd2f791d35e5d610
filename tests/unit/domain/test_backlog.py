import numpy as np
import pytest

from carbon_scaler.domain.backlog import BacklogState, BacklogUnknown, Items
from tests.builders import HOUR, MINUTE, NOW, SECOND, a_backlog, an_item


def test_items_become_columns_of_unix_seconds():
    items = Items.of(
        [an_item(HOUR, due_in=2 * HOUR, duration=30 * MINUTE), an_item()], in_progress=3
    )
    assert items.enqueued.tolist() == [NOW.timestamp() - 3600, NOW.timestamp()]
    assert items.deadline[0] == NOW.timestamp() + 7200
    assert items.duration[0] == 1800
    assert items.in_progress == 3


def test_an_item_without_a_deadline_is_due_never_and_without_a_duration_asks_the_class():
    items = Items.of([an_item()])
    assert np.isposinf(items.deadline[0])
    assert np.isnan(items.duration[0])


def test_a_duration_of_nothing_is_a_duration():
    assert Items.of([an_item(duration=0 * SECOND)]).duration.tolist() == [0.0]


def test_an_empty_backlog_has_empty_columns():
    items = Items.of([])
    assert items.in_progress == 0
    assert items.counts_in_progress
    columns = (items.enqueued, items.deadline, items.duration)
    assert [(column.shape, column.dtype) for column in columns] == [((0,), np.dtype("f8"))] * 3


READING = a_backlog(an_item(), read_at=NOW, max_age=MINUTE)


@pytest.mark.parametrize(
    "failure", [None, "connection refused"], ids=["last try fine", "last try failed"]
)
def test_a_reading_decides_until_it_is_too_old(failure: str | None):
    state = BacklogState(reading=READING, failure=failure)
    assert state.at(NOW) is READING
    assert state.at(NOW + 59 * SECOND) is READING


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (BacklogState(), "not read yet"),
        (BacklogState(failure="connection refused"), "connection refused"),
        (BacklogState(reading=READING), "last read 60 s ago; no newer reading"),
        (
            BacklogState(reading=READING, failure="timeout after 2 s"),
            "last read 60 s ago; timeout after 2 s",
        ),
    ],
    ids=["never tried", "never succeeded", "stopped", "stopped succeeding"],
)
def test_a_backlog_without_a_fresh_reading_is_unknown_and_says_why(state: BacklogState, cause: str):
    assert state.at(NOW + MINUTE) == BacklogUnknown(cause=cause)
