"""What is measured under a policy with a thousand tenants, one function a table."""

import re
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import count
from random import Random
from statistics import median
from typing import Any

from tests.bench import policy_world, world
from tests.bench.compare import Contestant, Tally, asks_of
from tests.bench.connection import Call, Connection
from tests.bench.grid_measures import LOAD, SETTLE_SECONDS, answer_of, database_row
from tests.bench.load import Answers
from tests.bench.policy_world import LENIENT, SHAPES, STRICT, TELLTALES, Shape
from tests.bench.processes import Served, backlogs, served, served_program, swap_policy
from tests.bench.scale import Scale
from tests.bench.world import AskedTrigger

Figures = dict[str, Any]

POLLS_PER_SECOND = 400.0
LONGEST_SWAP_SECONDS = 10.0
ASK_AGAIN_SECONDS = 0.02
MILLISECONDS = 1e3
STATEMENTS_RATIO = "transactions, many / few"
FIRST_SEEN, KNOWN = "first seen / empty", "known / empty"
_WORST_LAG = re.compile(r'^carbon_scaler_loop_lag_seconds\{[^}]*"worst"[^}]*\} (\S+)', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The program and the empty servicer, asked by turns."""

    program: Contestant
    empty: Contestant

    def ask(self, triggers: Sequence[AskedTrigger]) -> None:
        """These triggers from now on."""
        self.program.asks = asks_of(triggers, [0])
        self.empty.asks = asks_of(triggers, [0], value=world.EMPTY_VALUE)


def shapes(scale: Scale, database_url: str, tally: Tally) -> Figures:
    """A trigger's first answer and a known one's, in every mode, against the empty servicer's."""
    documents = policy_world.documents() | backlogs(world.BACKLOG)
    with ExitStack() as stack:
        nothing = stack.enter_context(served("servers", "empty"))
        program = stack.enter_context(served_program(database_url, documents))
        pair = Pair(
            program=Contestant(name="program", served=program, asks=[], tally=tally),
            empty=Contestant(name="empty", served=nothing, asks=[], tally=tally),
        )
        stack.callback(pair.program.close)
        stack.callback(pair.empty.close)
        _warm_up(pair, scale)
        rounds: dict[str, list[Mapping[str, float]]] = {name: [] for name in SHAPES}
        random, numbers = Random(scale.policy_rounds), count(scale.few, scale.fresh)
        for _ in range(scale.policy_rounds):
            for name in random.sample(list(SHAPES), len(SHAPES)):
                triggers = SHAPES[name].triggers(next(numbers), scale.fresh)
                rounds[name].append(_round(triggers, pair, scale))
    return {
        name: {figure: round(median(each[figure] for each in found), 3) for figure in found[0]}
        for name, found in rounds.items()
    }


def many_queues(scale: Scale, database_url: str, tally: Tally) -> Figures:
    """What one server asks of the database for few and for many triggers on the same backlogs."""
    names = map(policy_world.backlog_name, range(policy_world.BACKLOGS))
    documents = policy_world.documents() | backlogs(*names)
    found: Figures = {}
    with served_program(database_url, documents) as program, ExitStack() as stack:
        asked = Contestant(name="queues", served=program, asks=[], tally=tally)
        stack.callback(asked.close)
        for size in (scale.queues_few, scale.queues_many):
            asked.asks = asks_of(policy_world.queue_triggers(size), [0])
            asked.flat_out(size)
            time.sleep(2 * scale.written_seconds)
            found[f"{size} triggers"] = _load(asked, database_url, scale.queues_seconds)
    few, many = found.values()
    ratio = many["transactions_per_second"] / few["transactions_per_second"]
    return {**found, STATEMENTS_RATIO: round(ratio, 3)}


def reloads(scale: Scale, database_url: str, tally: Tally) -> Figures:
    """A policy of a thousand tenants that is swapped under load, beside the load alone."""
    rows = []
    strict, lenient = (
        policy_world.documents(limit) | backlogs(world.BACKLOG) for limit in (STRICT, LENIENT)
    )
    triggers = [trigger for shape in SHAPES.values() for trigger in shape.triggers(0, scale.few)]
    with served_program(database_url, lenient) as program, ExitStack() as stack:
        load = Contestant(name="load", served=program, asks=asks_of(triggers, [0]), tally=tally)
        stack.callback(load.close)
        load.flat_out(len(load.asks))
        for number in range(scale.policy_swaps):
            documents, limit = ((strict, STRICT), (lenient, LENIENT))[number % 2]
            swap = partial(_in_force_after, program, documents, TELLTALES[limit])
            rows.append(_swapped(load, swap, scale.policy_swap_seconds))
    return {
        "alone": _summary(rows, "alone"),
        "while swapped": _summary(rows, "swapped"),
        "in force after, worst s": round(max(row["in_force_after"] for row in rows), 2),
    }


def policy_goals(result: Mapping[str, Any]) -> dict[str, tuple[float, str]]:
    """What was found beside what is wanted."""
    rows, swapped = result["shapes"].values(), result["reloads"]["while swapped"]
    return {
        "CPU of a first answer / empty servicer, worst kind": (
            max(row[FIRST_SEEN] for row in rows),
            "at most 3",
        ),
        "CPU of a known answer / empty servicer, worst kind": (
            max(row[KNOWN] for row in rows),
            "at most 1.05",
        ),
        "database load of 50 backlogs, many / few triggers": (
            result["many_queues"][STATEMENTS_RATIO],
            "at most 1.1",
        ),
        "slower answers while a policy is swapped, ms": (
            round(swapped["slowest_ms"] - result["reloads"]["alone"]["slowest_ms"], 2),
            "at most 5",
        ),
        "policy in force after, worst, s": (
            result["reloads"]["in force after, worst s"],
            "under 10",
        ),
    }


def _warm_up(pair: Pair, scale: Scale) -> None:
    """Code paths that were taken before, and a backlog that was read."""
    pair.ask([trigger for shape in SHAPES.values() for trigger in shape.triggers(0, scale.few)])
    for contestant in (pair.program, pair.empty):
        contestant.flat_out(scale.warm_up)
    time.sleep(scale.written_seconds)


def _round(triggers: Sequence[AskedTrigger], pair: Pair, scale: Scale) -> Mapping[str, float]:
    """The empty servicer, then new triggers of one kind, and later the same ones."""
    # Who was idle for long is slow at first, and may have to be connected with anew.
    pair.empty.flat_out(scale.calls // 4)
    base = pair.empty.flat_out(scale.calls).cpu_us
    pair.program.flat_out(scale.calls // 4)
    pair.ask(triggers)
    first = pair.program.flat_out(len(triggers)).cpu_us
    written = pair.program.served.cpu_seconds()
    time.sleep(scale.written_seconds)
    written = (pair.program.served.cpu_seconds() - written) / len(triggers) * 1e6
    pair.program.flat_out(scale.calls // 4)
    known = pair.program.flat_out(scale.calls).cpu_us
    base_again = pair.empty.flat_out(scale.calls).cpu_us
    return {
        "empty_cpu_us": (base + base_again) / 2,
        "first_seen_cpu_us": first,
        "known_cpu_us": known,
        "written_down_cpu_us": written,
        FIRST_SEEN: first / base,
        KNOWN: known / base_again,
    }


def _load(contestant: Contestant, database_url: str, seconds: float) -> Figures:
    """Statements while all triggers are polled again and again."""
    before, began_at = database_row(database_url, LOAD), time.perf_counter()
    while time.perf_counter() < began_at + seconds:
        contestant.flat_out(len(contestant.asks))
        time.sleep(ASK_AGAIN_SECONDS)
    time.sleep(SETTLE_SECONDS)
    lived = time.perf_counter() - began_at
    after = database_row(database_url, LOAD)
    return {
        "transactions_per_second": round((after[0] - before[0]) / lived, 2),
        "rows_fetched_per_second": round((after[1] - before[1]) / lived),
    }


def _swapped(load: Contestant, swap: Callable[[], float], seconds: float) -> Mapping[str, Any]:
    """The same load twice, and other documents at the beginning of the second time."""
    _worst_lag_ms(load.served)
    alone = load.paced(POLLS_PER_SECOND, seconds)
    lag_alone = _worst_lag_ms(load.served)
    with ThreadPoolExecutor(1) as aside:
        seen = aside.submit(swap)
        swapped = load.paced(POLLS_PER_SECOND, seconds)
        return {
            "alone": _latencies(alone, lag_alone),
            "swapped": _latencies(swapped, _worst_lag_ms(load.served)),
            "in_force_after": seen.result(),
        }


def _in_force_after(program: Served, documents: Mapping[str, str], after: Shape) -> float:
    """Seconds from a swap until it counts."""
    (telltale,) = after.triggers(0, 1)
    call, connection = Call(telltale.request(0)), Connection(program.port)
    try:
        swap_policy(str(program.place["policy"]), documents)
        began_at = time.perf_counter()
        while answer_of(connection, call) != after.value:
            if time.perf_counter() > began_at + LONGEST_SWAP_SECONDS:
                raise TimeoutError("the policy that was swapped in does not count")
            time.sleep(ASK_AGAIN_SECONDS)
        return time.perf_counter() - began_at
    finally:
        connection.close()


def _latencies(answers: Answers, worst_lag_ms: float) -> Mapping[str, float]:
    return {
        "p50_ms": answers.latency_ms(50),
        "p99_ms": answers.latency_ms(99),
        "slowest_ms": answers.latency_ms(100),
        "worst_loop_lag_ms": worst_lag_ms,
        "call_errors": float(answers.errors + answers.wrong),
    }


def _summary(rows: Sequence[Mapping[str, Any]], which: str) -> Mapping[str, float]:
    return {
        figure: round(median(row[which][figure] for row in rows), 2) for figure in rows[0][which]
    }


def _worst_lag_ms(program: Served) -> float:
    """The worst since it was asked for last."""
    url = f"http://127.0.0.1:{program.place['http_port']}/metrics"
    with urllib.request.urlopen(url, timeout=10) as response:
        found = _WORST_LAG.search(response.read().decode())
    assert found is not None
    return float(found[1]) * MILLISECONDS
