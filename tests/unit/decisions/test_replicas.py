import pytest

from carbon_scaler.decisions.replicas import Reply, reply
from carbon_scaler.domain.decision import QueueCounts, Verdict
from tests.builders import a_plan, a_queue_plan


def counts(waiting: int, released: int = 0, in_progress: int = 0):
    return QueueCounts(waiting=waiting, in_progress=in_progress, released=released, overdue=0)


@pytest.mark.parametrize(
    ("verdict", "active", "level"),
    [(Verdict.OPEN, False, 1.0), (Verdict.CLOSED, True, 0.0)],
)
def test_a_brake_is_active_while_it_holds_and_its_value_never_moves(
    verdict: Verdict, active: bool, level: float
):
    answer = reply(a_plan(), verdict, None)
    assert answer == Reply(admitted=0, metric_value=0.001, active=active, level=level)


@pytest.mark.parametrize(
    ("verdict", "waiting", "released", "in_progress", "admitted", "value", "level"),
    [
        (Verdict.OPEN, 10, 0, 0, 10, 10, 1.0),
        (Verdict.OPEN, 1, 0, 0, 1, 1, 1.0),
        (Verdict.OPEN, 10, 4, 3, 10, 13, 1.0),
        (Verdict.CLOSED, 10, 0, 0, 0, 0, 0.0),
        (Verdict.CLOSED, 10, 4, 0, 4, 4, 0.4),
        (Verdict.CLOSED, 10, 4, 3, 4, 7, 0.4),
        (Verdict.CLOSED, 10, 10, 0, 10, 10, 1.0),
        (Verdict.CLOSED, 10, 0, 3, 0, 3, 0.0),
        (Verdict.OPEN, 0, 0, 3, 0, 3, 1.0),
        (Verdict.CLOSED, 0, 0, 3, 0, 3, 0.0),
        (Verdict.OPEN, 0, 0, 0, 0, 0, 1.0),
        (Verdict.ERROR, 10, 4, 3, 4, 7, 0.4),
        (Verdict.ERROR, 10, 0, 3, 0, 0, 0.0),
        (Verdict.ERROR, 0, 0, 3, 0, 0, 0.0),
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
    ],
)
def test_a_queues_value_is_what_runs_and_what_is_admitted(
    *,
    verdict: Verdict,
    waiting: int,
    released: int,
    in_progress: int,
    admitted: int,
    value: float,
    level: float,
):
    answer = reply(a_queue_plan(), verdict, counts(waiting, released, in_progress))
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
    answer = reply(plan, Verdict.OPEN, counts(waiting, in_progress=in_progress))
    assert (answer.admitted, answer.metric_value) == (admitted, value)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_queue_of_which_nothing_is_known_counts_nothing(verdict: Verdict):
    answer = reply(a_queue_plan(), verdict, None)
    assert answer == Reply(admitted=0, metric_value=0.0, active=False, level=0.0)


def test_the_target_of_a_queue_is_the_items_that_one_job_takes():
    assert a_queue_plan(items_per_job=7).target == 7.0
