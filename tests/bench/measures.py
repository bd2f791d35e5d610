"""What is measured, one function a table."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from random import Random
from statistics import median
from typing import Any

from tests.bench import world
from tests.bench.compare import Contestant, Tally, Turn, asks_of, figures, take_turns
from tests.bench.h2load import rounds_of_h2load
from tests.bench.load import Answers
from tests.bench.processes import served, served_program
from tests.bench.scale import Scale

SAME_LOOP, DEFAULT_LOOP = "empty, uvloop", "empty, asyncio"
PARTS, PROGRAM = "scaler's parts", "carbon-scaler serve"
MILLISECONDS = 1e3

Figures = dict[str, Any]


def known_triggers(scale: Scale, database_url: str, tally: Tally) -> Figures:
    """GetMetrics for known triggers against empty generated servicers, in turns."""
    triggers = world.triggers(scale.triggers, regions=scale.regions)
    asks = asks_of(triggers, range(scale.orders))
    nothing = asks_of(triggers, range(scale.orders), value=world.EMPTY_VALUE)
    with ExitStack() as stack:
        servers = {
            SAME_LOOP: (stack.enter_context(served("servers", "empty")), nothing),
            DEFAULT_LOOP: (
                stack.enter_context(served("servers", "empty", "--loop", "asyncio")),
                nothing,
            ),
            PARTS: (stack.enter_context(served("servers", "scaler", *_sizes(scale))), asks),
            PROGRAM: (stack.enter_context(served_program(database_url)), asks),
        }
        contestants = {
            name: Contestant(name=name, served=server, asks=questions, tally=tally)
            for name, (server, questions) in servers.items()
        }
        for contestant in contestants.values():
            stack.callback(contestant.close)
            contestant.flat_out(scale.warm_up)
        take_turns(list(contestants.values()), rounds=scale.rounds, calls=scale.calls)
        second = rounds_of_h2load(list(contestants.values()), scale)
        return {
            "servers": {name: figures(each) for name, each in contestants.items()},
            "ratios": {
                f"{name} / {base}": _ratios(contestants[name], contestants[base])
                for name in (PARTS, PROGRAM)
                for base in (SAME_LOOP, DEFAULT_LOOP)
            },
            "half of peak": _at_half_of_peak(contestants, scale),
            **({"h2load, one trigger": second} if second else {}),
        }


def many_triggers(scale: Scale, tally: Tally) -> Figures:
    """Few against many different triggers: a new one, a new byte order, a known one, memory."""
    found: Figures = {}
    with ExitStack() as stack:
        crowds = []
        for name, count in (("few", scale.few), ("many", scale.many)):
            server = stack.enter_context(served("servers", "scaler", *_sizes(scale)))
            triggers = world.triggers(count, regions=scale.regions)
            orders = [asks_of(triggers, [order]) for order in range(2)]
            contestant = Contestant(name=name, served=server, asks=orders[0], tally=tally)
            stack.callback(contestant.close)
            first = contestant.flat_out(count)
            contestant.asks = orders[1]
            reordered = contestant.flat_out(count)
            crowds.append((contestant, orders))
            found[name] = {
                "triggers": server.tell("known")["triggers"],
                "first_seen_cpu_us": round(first.cpu_us, 1),
                "new_byte_order_cpu_us": round(reordered.cpu_us, 1),
            }
        few, many = _crowds_in_turns(crowds, scale)
        for contestant in (few, many):
            found[contestant.name] |= figures(contestant)
            found[contestant.name]["rss_mb"] = round(contestant.served.rss_mb(), 1)
        found["cpu_ratio"] = round(many.ratio_to(few, _cpu), 3)
    return found


def swaps(scale: Scale, database_url: str, tally: Tally) -> Figures:
    """New values for all regions at once while calls come in, from memory and from Postgres."""
    found = {}
    for name, times, every, extra in (
        ("in memory", scale.swaps, scale.swap_every, ()),
        ("read from Postgres", scale.reloads, scale.reload_every, ("--database", database_url)),
    ):
        with ExitStack() as stack:
            server = stack.enter_context(served("servers", "scaler", *_sizes(scale), *extra))
            triggers = world.triggers(scale.triggers, regions=scale.regions)
            asks = asks_of(triggers, range(scale.orders))
            contestant = Contestant(name=name, served=server, asks=asks, tally=tally)
            stack.callback(contestant.close)
            rate = contestant.flat_out(scale.warm_up).per_second / 4
            quiet, alone = _watched(contestant, rate, times * every, "watch", times * every)
            answers, outcome = _watched(contestant, rate, times * every, "swap", times, every)
            found[name] = {
                "regions": server.tell("known")["regions"],
                "swaps": len(outcome["swaps"]),
                "load_ms": _ms(median(swap["load_seconds"] for swap in outcome["swaps"])),
                "swap_ms": _ms(median(swap["swap_seconds"] for swap in outcome["swaps"])),
                "worst_swap_ms": _ms(max(swap["swap_seconds"] for swap in outcome["swaps"])),
                "loop_hold_ms": _ms(outcome["longest_hold_seconds"]),
                "loop_hold_ms_without": _ms(alone["longest_hold_seconds"]),
                "call_p99_ms": round(answers.latency_ms(99), 2),
                "call_p99_ms_without": round(quiet.latency_ms(99), 2),
                "call_errors": answers.errors + answers.wrong,
            }
    return found


def goals(result: Mapping[str, Any]) -> dict[str, tuple[float, str]]:
    """What was found beside what is wanted."""
    known, crowd = result["known_triggers"], result["many_triggers"]
    same, default = (known["ratios"][f"{PROGRAM} / {loop}"] for loop in (SAME_LOOP, DEFAULT_LOOP))
    in_memory = result["swaps"]["in memory"]
    return {
        "CPU of an answer / empty servicer, same loop": (same["cpu"], "at most 1.05"),
        "CPU of an answer / empty servicer, default loop": (default["cpu"], "at most 0.9"),
        "throughput / empty servicer, same loop": (same["throughput"], "at least 0.95"),
        "throughput / empty servicer, default loop": (default["throughput"], "at least 1.1"),
        "p99 at half of the peak rate, ms": (known["half of peak"][PROGRAM]["p99_ms"], "under 5"),
        "CPU of an answer, many / few triggers": (crowd["cpu_ratio"], "1"),
        "memory with many triggers, MB": (crowd["many"]["rss_mb"], "under 600"),
        "snapshot swap, ms": (in_memory["swap_ms"], "under 50"),
    }


@contextmanager
def filled_database(scale: Scale) -> Iterator[str]:
    """A Postgres with the regions and the backlog that the triggers ask for."""
    with served("database", *_sizes(scale)) as database:
        yield str(database.place["url"])


def _sizes(scale: Scale) -> tuple[str, ...]:
    return ("--regions", str(scale.regions), "--values", str(scale.values))


def _at_half_of_peak(contestants: Mapping[str, Contestant], scale: Scale) -> Figures:
    rates = {name: each.typical(_per_second) / 2 for name, each in contestants.items()}
    rounds = [
        {name: each.paced(rates[name], scale.paced_seconds) for name, each in contestants.items()}
        for _ in range(scale.paced_rounds)
    ]
    return {
        name: {
            "per_second": round(rate),
            "p50_ms": round(median(done[name].latency_ms(50) for done in rounds), 2),
            "p99_ms": round(median(done[name].latency_ms(99) for done in rounds), 2),
        }
        for name, rate in rates.items()
    }


def _crowds_in_turns(
    crowds: Sequence[tuple[Contestant, Sequence[list[Any]]]], scale: Scale
) -> list[Contestant]:
    """Each round asks for other triggers of the crowd, in a byte order that was there before."""
    random = Random(scale.many)
    for _ in range(scale.rounds):
        for contestant, orders in random.sample(crowds, len(crowds)):
            order = random.choice(orders)
            start = random.randrange(max(1, len(order) - scale.calls))
            contestant.asks = order[start : start + scale.calls]
            contestant.turns.append(contestant.flat_out(scale.calls))
    return [contestant for contestant, _ in crowds]


def _watched(
    contestant: Contestant, rate: float, seconds: float, command: str, *arguments: float
) -> tuple[Answers, Mapping[str, Any]]:
    contestant.served.begin(command, *arguments)
    answers = contestant.paced(rate, seconds)
    return answers, contestant.served.outcome()


def _ratios(one: Contestant, other: Contestant) -> Mapping[str, float]:
    return {
        "cpu": round(one.ratio_to(other, _cpu), 3),
        "throughput": round(one.ratio_to(other, _per_second), 3),
    }


def _cpu(turn: Turn) -> float:
    return turn.cpu_us


def _per_second(turn: Turn) -> float:
    return turn.per_second


def _ms(seconds: float) -> float:
    return round(seconds * MILLISECONDS, 2)
