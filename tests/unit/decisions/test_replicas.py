import pytest

from carbon_scaler.decisions.replicas import Reply, reply
from carbon_scaler.domain.decision import SETTLING, Outcome, QueueCounts
from carbon_scaler.domain.trigger import Mode
from tests.builders import a_plan, a_queue_plan


def counts(waiting: int, released: int = 0, in_progress: int = 0):
    return QueueCounts(waiting=waiting, in_progress=in_progress, released=released, overdue=0)


@pytest.mark.parametrize(
    ("outcome", "active", "level"),
    [
        (Outcome.OPEN, False, 1.0),
        (Outcome.CLOSED, True, 0.0),
        (Outcome.HELD, True, 0.0),
        (Outcome.DENIED, True, 0.0),
        (Outcome.REDIRECTED, True, 0.0),
    ],
)
def test_a_brake_is_active_while_it_holds_and_its_value_never_moves(
    outcome: Outcome, active: bool, level: float
):
    answer = reply(a_plan(), outcome, None, share=0.5)
    assert answer == Reply(admitted=0, metric_value=0.001, active=active, level=level)


@pytest.mark.parametrize(
    ("outcome", "waiting", "released", "in_progress", "admitted", "value", "level"),
    [
        (Outcome.OPEN, 10, 0, 0, 10, 10, 1.0),
        (Outcome.OPEN, 1, 0, 0, 1, 1, 1.0),
        (Outcome.OPEN, 10, 4, 3, 10, 13, 1.0),
        (Outcome.CLOSED, 10, 0, 0, 0, 0, 0.0),
        (Outcome.CLOSED, 10, 4, 0, 4, 4, 0.4),
        (Outcome.CLOSED, 10, 4, 3, 4, 7, 0.4),
        (Outcome.CLOSED, 10, 10, 0, 10, 10, 1.0),
        (Outcome.CLOSED, 10, 0, 3, 0, 3, 0.0),
        (Outcome.OPEN, 0, 0, 3, 0, 3, 1.0),
        (Outcome.CLOSED, 0, 0, 3, 0, 3, 0.0),
        (Outcome.OPEN, 0, 0, 0, 0, 0, 1.0),
        (Outcome.ERROR, 10, 4, 3, 4, 7, 0.4),
        (Outcome.ERROR, 10, 0, 3, 0, 0, 0.0),
        (Outcome.ERROR, 0, 0, 3, 0, 0, 0.0),
        (Outcome.HELD, 10, 4, 3, 0, 3, 0.0),
        (Outcome.DENIED, 10, 4, 3, 0, 0, 0.0),
        (Outcome.REDIRECTED, 10, 4, 3, 0, 0, 0.0),
    ],
    ids=[
        "clean: all",
        "clean: a single item",
        "clean: all, beside what runs",
        "dirty: none",
        "dirty: what is due",
        "dirty: what is due, beside what runs",
        "dirty: all are due",
        "dirty: what runs goes on",
        "clean: nothing waits",
        "dirty: nothing waits",
        "clean: nothing at all",
        "an error withholds nothing that is due",
        "an error without anything due has no value",
        "an error with an empty queue has no value",
        "held: not even what is due, but what runs goes on",
        "denied: nothing at all",
        "redirected: nothing at all",
    ],
)
def test_a_queues_value_is_what_runs_and_what_is_admitted(
    *,
    outcome: Outcome,
    waiting: int,
    released: int,
    in_progress: int,
    admitted: int,
    value: float,
    level: float,
):
    answer = reply(a_queue_plan(), outcome, counts(waiting, released, in_progress), share=1)
    assert answer == Reply(admitted=admitted, metric_value=value, active=value > 0, level=level)


@pytest.mark.parametrize(
    ("max_jobs", "items_per_job", "waiting", "in_progress", "admitted", "value"),
    [
        (5, 1, 10, 0, 5, 5),
        (5, 1, 3, 0, 3, 3),
        (5, 1, 10, 4, 1, 5),
        (5, 1, 10, 5, 0, 5),
        (5, 1, 10, 8, 0, 5),
        (5, 1, 0, 8, 0, 5),
        (5, 4, 100, 0, 20, 20),
        (5, 4, 100, 18, 2, 20),
        (None, 4, 100, 18, 100, 118),
    ],
    ids=[
        "more wait",
        "fewer wait",
        "room for one",
        "full",
        "over full",
        "over full, nothing waits",
        "a job takes several",
        "a job takes several, room for two",
        "no ceiling",
    ],
)
def test_the_ceiling_bounds_what_runs_and_what_is_admitted_together(
    *,
    max_jobs: int | None,
    items_per_job: int,
    waiting: int,
    in_progress: int,
    admitted: int,
    value: float,
):
    plan = a_queue_plan(max_jobs=max_jobs, items_per_job=items_per_job)
    answer = reply(plan, Outcome.OPEN, counts(waiting, in_progress=in_progress), share=1)
    assert (answer.admitted, answer.metric_value) == (admitted, value)


@pytest.mark.parametrize("outcome", sorted(SETTLING))
def test_a_queue_of_which_nothing_is_known_counts_nothing(outcome: Outcome):
    answer = reply(a_queue_plan(), outcome, None, share=1)
    assert answer == Reply(admitted=0, metric_value=0.0, active=False, level=0.0)


@pytest.mark.parametrize(
    ("share", "max_jobs", "items_per_job", "waiting", "in_progress", "admitted"),
    [
        (0.5, None, 1, 10, 0, 5),
        (0.5, None, 1, 5, 0, 3),
        (0.001, None, 1, 5, 0, 1),
        (0.5, None, 1, 10, 8, 5),
        (0.5, 8, 1, 10, 0, 4),
        (0.5, 7, 1, 10, 0, 4),
        (0.5, 16, 1, 10, 0, 8),
        (0.5, 8, 1, 10, 3, 1),
        (0.5, 8, 1, 10, 4, 0),
        (0.5, 8, 1, 10, 8, 0),
        (0.5, 8, 1, 3, 0, 3),
        (0.5, 8, 3, 20, 0, 12),
        (0.07, 100, 1, 100, 0, 7),
        (0.07, None, 1, 100, 0, 7),
        (0.0, 8, 1, 10, 0, 0),
    ],
    ids=[
        "half of what waits",
        "half of what waits, rounded up",
        "a little is one at least",
        "what runs does not count without a ceiling",
        "half of the ceiling",
        "half of the ceiling, rounded up",
        "half of another ceiling",
        "what runs takes room",
        "what runs takes all room",
        "more runs than may",
        "fewer wait than may",
        "a job takes several",
        "a share that is not exact as a floating number",
        "the same without a ceiling",
        "no share",
    ],
)
def test_a_share_is_of_the_ceiling_or_of_what_waits_where_there_is_none(
    *,
    share: float,
    max_jobs: int | None,
    items_per_job: int,
    waiting: int,
    in_progress: int,
    admitted: int,
):
    plan = a_queue_plan(max_jobs=max_jobs, items_per_job=items_per_job)
    answer = reply(plan, Outcome.OPEN, counts(waiting, in_progress=in_progress), share=share)
    assert answer.admitted == admitted
    assert answer.level == admitted / waiting


def test_what_is_due_goes_beyond_the_share_up_to_the_ceiling():
    plan = a_queue_plan(max_jobs=8)
    answers = [
        reply(plan, Outcome.OPEN, counts(10, released=released), share=0.25).admitted
        for released in (0, 1, 3, 10)
    ]
    assert answers == [2, 2, 3, 8]


@pytest.mark.parametrize(
    ("outcome", "share", "value"),
    [
        (Outcome.OPEN, 1.0, 1.0),
        (Outcome.OPEN, 0.3, 0.3),
        (Outcome.OPEN, 0.0, 0.0),
        (Outcome.CLOSED, 1.0, 0.0),
        (Outcome.HELD, 1.0, 0.0),
        (Outcome.DENIED, 1.0, 0.0),
        (Outcome.ERROR, 1.0, 0.0),
    ],
)
def test_a_gate_shows_its_level_and_is_active_above_nothing(
    outcome: Outcome, share: float, value: float
):
    answer = reply(a_plan(Mode.GATE), outcome, None, share=share)
    assert answer == Reply(admitted=0, metric_value=value, active=value > 0, level=value)


def test_the_target_of_a_gate_is_one():
    assert a_plan(Mode.GATE).target == 1.0


def test_the_target_of_a_queue_is_the_items_that_one_job_takes():
    assert a_queue_plan(items_per_job=7).target == 7.0
