"""What is measured, one function a table."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.bench import world
from tests.bench.compare import Contestant, Tally, Turn, asks_of, figures, take_turns
from tests.bench.processes import served, served_program
from tests.bench.scale import Scale

SEED = 20_26
MILLISECONDS = 1e3

Figures = dict[str, Any]


def known_triggers(scale: Scale, database_url: str, tally: Tally) -> Figures:
    """GetMetrics for known triggers against empty generated servicers, in turns."""
    triggers = world.triggers(scale.triggers, regions=scale.regions)
    asks = asks_of(triggers, scale.orders, seed=SEED)
    nothing = asks_of(triggers, scale.orders, seed=SEED, value=world.EMPTY_VALUE)
    sizes = ("--regions", str(scale.regions), "--values", str(scale.values))
    with ExitStack() as stack:
        servers = {
            "empty, uvloop": (stack.enter_context(served("servers", "empty")), nothing),
            "empty, asyncio": (
                stack.enter_context(served("servers", "empty", "--loop", "asyncio")),
                nothing,
            ),
            "scaler's parts": (stack.enter_context(served("servers", "scaler", *sizes)), asks),
            "carbon-scaler serve": (stack.enter_context(served_program(database_url)), asks),
        }
        contestants = {
            name: Contestant(name=name, served=server, asks=questions, tally=tally)
            for name, (server, questions) in servers.items()
        }
        for contestant in contestants.values():
            contestant.flat_out(scale.warm_up)
        take_turns(list(contestants.values()), rounds=scale.rounds, calls=scale.calls)
        program = contestants["carbon-scaler serve"]
        peak = program.typical(_per_second)
        paced = [program.paced(peak / 2, scale.paced_seconds) for _ in range(scale.paced_rounds)]
        return {
            "servers": {name: figures(each) for name, each in contestants.items()},
            "ratios": {
                f"{name} / {base}": _ratios(contestants[name], contestants[base])
                for name in ("scaler's parts", "carbon-scaler serve")
                for base in ("empty, uvloop", "empty, asyncio")
            },
            "p99_ms_at_half_of_peak": round(min(each.latency_ms(99) for each in paced), 2),
        }


def many_triggers(scale: Scale, tally: Tally) -> Figures:
    """Few against many different triggers: CPU of a known one, of a new one, and memory."""
    found: Figures = {}
    with ExitStack() as stack:
        contestants = {}
        for name, count in (("few", scale.few), ("many", scale.many)):
            server = stack.enter_context(served("servers", "scaler", "--regions", "100"))
            asks = asks_of(world.triggers(count, regions=100), 1, seed=SEED)
            contestant = Contestant(name=name, served=server, asks=asks, tally=tally)
            first = contestant.flat_out(count)
            contestants[name] = contestant
            found[name] = {
                "triggers": server.tell("known")["triggers"],
                "first_seen_cpu_us": round(first.cpu_us, 1),
                "rss_mb": round(server.rss_mb(), 1),
            }
        take_turns(list(contestants.values()), rounds=scale.rounds, calls=scale.calls)
        for name, contestant in contestants.items():
            found[name] |= figures(contestant)
        found["cpu_ratio"] = round(contestants["many"].ratio_to(contestants["few"], _cpu), 3)
    return found


def swaps(scale: Scale, database_url: str, tally: Tally) -> Figures:
    """New values for all regions at once while calls come in, from memory and from Postgres."""
    found = {}
    for name, times, extra in (
        ("in memory", scale.swaps, ()),
        ("read from Postgres", scale.reloads, ("--database", database_url)),
    ):
        sizes = ("--regions", str(scale.regions), "--values", str(scale.values))
        with served("servers", "scaler", *sizes, *extra) as server:
            triggers = world.triggers(scale.triggers, regions=scale.regions)
            contestant = Contestant(
                name=name, served=server, asks=asks_of(triggers, 1, seed=SEED), tally=tally
            )
            rate = contestant.flat_out(scale.warm_up).per_second / 4
            server.begin("swap", times, scale.swap_every)
            answers = contestant.paced(rate, times * scale.swap_every)
            outcome = server.outcome()
            took = sorted(swap["swap_seconds"] for swap in outcome["swaps"])
            loads = sorted(swap["load_seconds"] for swap in outcome["swaps"])
            found[name] = {
                "swaps": len(took),
                "swap_ms_median": _ms(took[len(took) // 2]),
                "load_ms_median": _ms(loads[len(loads) // 2]),
                "longest_loop_hold_ms": _ms(outcome["longest_hold_seconds"]),
                "call_p99_ms": round(answers.latency_ms(99), 2),
                "call_errors": answers.errors,
            }
    return found


@contextmanager
def filled_database(scale: Scale) -> Iterator[str]:
    """A Postgres with the regions and the backlog that the triggers ask for."""
    sizes = ("--regions", str(scale.regions), "--values", str(scale.values))
    with served("database", *sizes) as database:
        yield str(database.place["url"])


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
