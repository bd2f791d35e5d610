"""What KEDA makes of the figures: the brake relies on arithmetic that nobody documents."""

import math
from collections.abc import Callable
from datetime import datetime

import pytest

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.policy import WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan
from tests.builders import NOW, a_backlog, a_plan, a_queue_plan, a_series, an_item
from tests.keda_arithmetic import Polled, jobs_wanted, value_read, value_read_before_2_17

CALCULATIONS = ("max", "min", "avg", "sum")


def queue(items: float, *, active: bool | None = None, target: float = 1.0) -> Polled:
    return Polled(value=items, target=target, active=items > 0 if active is None else active)


OFF = queue(0, active=False)
ZERO = queue(0, active=True)

# Seen of KEDA's own code, 2.12 to 2.21: triggers in list order → max, min, avg, sum.
OBSERVED = [
    pytest.param([queue(10), OFF], (10, 10, 10, 10), id="an inactive gate"),
    pytest.param([queue(10), ZERO], (10, 0, 5, 10), id="an active zero, last"),
    pytest.param([ZERO, queue(10)], (10, 10, 5, 10), id="an active zero, first"),
    pytest.param([ZERO, queue(10), queue(4)], (10, 4, 5, 14), id="an active zero, then two"),
    pytest.param([queue(10), ZERO, queue(4)], (10, 4, 5, 14), id="an active zero between two"),
    pytest.param([queue(10), queue(4), ZERO], (10, 0, 5, 14), id="an active zero after two"),
    pytest.param([queue(10), queue(1000)], (100, 10, 100, 100), id="an open gate of 1000"),
    pytest.param([OFF, queue(1000)], (100, 100, 100, 100), id="an open gate, an empty queue"),
    pytest.param([OFF, ZERO], (0, 0, 0, 0), id="a closed gate, an empty queue"),
    pytest.param([queue(10)], (10, 10, 10, 10), id="a failed gate is absent"),
    pytest.param([queue(10), queue(0.001)], (10, 1, 6, 11), id="a small gate with a target of 1"),
    pytest.param([], (0, 0, 0, 0), id="nothing"),
]


@pytest.mark.parametrize(("polled", "jobs"), OBSERVED)
def test_the_arithmetic_is_kedas(polled: list[Polled], jobs: tuple[int, ...]):
    assert tuple(jobs_wanted(calculation, polled) for calculation in CALCULATIONS) == jobs


@pytest.mark.parametrize(
    ("calculation", "jobs"), [("max", 20), ("min", 5), ("avg", 12), ("sum", 35)]
)
def test_the_arithmetic_passes_kedas_own_test(calculation: str, jobs: int):
    polled = [queue(20), queue(10), queue(5), queue(7, active=False)]
    assert jobs_wanted(calculation, polled) == jobs


def polled_of(decision: Decision, read: Callable[[float, int], float] = value_read) -> Polled:
    value = read(decision.metric_value, math.ceil(decision.metric_value))
    return Polled(value=value, target=decision.target, active=decision.active)


def brake_on(series: RegionSeries | None, plan: Plan | None = None, now: datetime = NOW) -> Polled:
    return polled_of(decide(plan or a_plan(), Inputs(series=series), now))


DIRTY, CLEAN = brake_on(a_series(900)), brake_on(a_series(100))
OTHERS = [
    pytest.param([queue(10)], id="one queue"),
    pytest.param([queue(1)], id="a queue of one"),
    pytest.param([queue(0.5)], id="half an item"),
    pytest.param([queue(10), queue(4)], id="two queues"),
    pytest.param([queue(4), OFF, queue(10)], id="three queues, one empty"),
    pytest.param([OFF], id="an empty queue"),
    pytest.param([queue(5000, target=5.0)], id="more than KEDA may start"),
    pytest.param([], id="alone"),
]


def placements(brake: Polled, others: list[Polled]) -> list[list[Polled]]:
    return [[*others[:place], brake, *others[place:]] for place in range(len(others) + 1)]


@pytest.mark.parametrize("others", OTHERS)
def test_a_brake_on_a_dirty_grid_stops_every_start_wherever_it_is_listed(others: list[Polled]):
    assert [jobs_wanted("min", order) for order in placements(DIRTY, others)] == [0] * (
        len(others) + 1
    )


@pytest.mark.parametrize("others", OTHERS)
@pytest.mark.parametrize("calculation", CALCULATIONS)
def test_a_brake_on_a_clean_grid_changes_nothing(others: list[Polled], calculation: str):
    alone = jobs_wanted(calculation, others)
    orders = placements(CLEAN, others)
    assert [jobs_wanted(calculation, order) for order in orders] == [alone] * len(orders)


@pytest.mark.parametrize(
    ("order", "jobs"),
    [
        pytest.param([DIRTY, queue(10)], 0, id="brake first"),
        pytest.param([queue(10), DIRTY], 0, id="brake last"),
        pytest.param([queue(10), DIRTY, queue(4)], 0, id="brake between"),
        pytest.param([DIRTY, queue(10), queue(4)], 0, id="brake before two"),
        pytest.param([OFF, DIRTY], 0, id="an empty queue"),
        pytest.param([CLEAN, queue(10)], 10, id="clean"),
        pytest.param([DIRTY, ZERO, queue(4)], 4, id="lost to another active zero"),
    ],
)
def test_the_observed_answers_to_a_brake_hold(order: list[Polled], jobs: int):
    assert jobs_wanted("min", order) == jobs


def test_an_older_keda_reads_a_whole_number_and_loses_the_brake_on_a_queue_of_one():
    brake = polled_of(decide(a_plan(), Inputs(series=a_series(900)), NOW), value_read_before_2_17)
    assert brake.value == 1.0
    assert jobs_wanted("min", [queue(2), brake]) == 0
    assert jobs_wanted("min", [brake, queue(1)]) == 0
    assert jobs_wanted("min", [queue(1), brake]) == 1


@pytest.mark.parametrize("when_blind", [WhenBlind.CLOSED, WhenBlind.ERROR])
def test_a_blind_brake_that_must_hold_does(when_blind: WhenBlind):
    brake = brake_on(None, a_plan(when_blind=when_blind))
    assert jobs_wanted("min", [queue(10), brake]) == 0


@pytest.mark.parametrize(
    ("grams", "in_progress", "jobs"),
    [(100, 0, 7), (100, 3, 10), (900, 0, 0), (900, 3, 3)],
    ids=["clean", "clean, some run", "dirty", "dirty, some run"],
)
def test_a_queue_asks_for_a_job_per_item(grams: float, in_progress: int, jobs: int):
    demand = a_backlog(*[an_item()] * 7, in_progress=in_progress)
    decision = decide(a_queue_plan(), Inputs(series=a_series(grams), demand=demand), NOW)
    assert jobs_wanted("max", [polled_of(decision)]) == jobs


@pytest.mark.parametrize(
    ("items_per_job", "max_jobs", "jobs"), [(1, 4, 4), (3, None, 3), (3, 2, 2), (10, 2, 1)], ids=str
)
def test_a_queues_items_share_jobs_up_to_the_most_jobs(
    items_per_job: int, max_jobs: int | None, jobs: int
):
    plan = a_queue_plan(items_per_job=items_per_job, max_jobs=max_jobs)
    demand = a_backlog(*[an_item()] * 7)
    decision = decide(plan, Inputs(series=a_series(100), demand=demand), NOW)
    assert jobs_wanted("max", [polled_of(decision)]) == jobs


def test_a_closed_queue_can_not_hold_another_trigger_back():
    closed = decide(a_queue_plan(), Inputs(series=a_series(900), demand=a_backlog(an_item())), NOW)
    assert jobs_wanted("min", [polled_of(closed), queue(10)]) == 10
