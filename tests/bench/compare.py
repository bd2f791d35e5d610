"""Servers taking turns under the same load."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median

from tests.bench.connection import Call, Connection
from tests.bench.load import Answers, Ask, flat_out, paced
from tests.bench.processes import Served
from tests.bench.world import AskedTrigger

IDLE_SECONDS = 10.0
FIRST_CALLS = 20  # of a connection, not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one server did in one round."""

    cpu_us: float  # per answer
    per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(slots=True, kw_only=True)
class Tally:
    """All answers of a run, right and wrong."""

    answers: int = 0
    wrong: int = 0
    errors: int = 0

    def add(self, answers: Answers) -> None:
        self.answers += answers.count
        self.wrong += answers.wrong
        self.errors += answers.errors


@dataclass(slots=True, kw_only=True)
class Contestant:
    """A server, its one connection and what it is asked."""

    name: str
    served: Served
    asks: Sequence[Ask]
    tally: Tally
    turns: list[Turn] = field(default_factory=list)
    rss_at_rest_mb: float = field(init=False)
    _open: Connection | None = None
    _used_at: float = 0.0

    def __post_init__(self) -> None:
        self.rss_at_rest_mb = self.served.rss_mb()

    def flat_out(self, calls: int) -> Turn:
        """One round as fast as it goes."""
        connection = self._connection()
        cpu = self.served.cpu_seconds()
        answers = flat_out(connection, self.asks, calls)
        cpu = self.served.cpu_seconds() - cpu
        self._note(answers)
        return Turn(
            cpu_us=cpu / calls * 1e6,
            per_second=answers.per_second,
            p50_ms=answers.latency_ms(50),
            p99_ms=answers.latency_ms(99),
        )

    def paced(self, per_second: float, seconds: float) -> Answers:
        """One round at a given rate."""
        calls = max(20, int(per_second * seconds))
        answers = paced(self._connection(), self.asks, calls, per_second=per_second)
        self._note(answers)
        return answers

    def _connection(self) -> Connection:
        """The one connection; a server hangs up on who leaves its pings unanswered for long."""
        if self._open is None or time.perf_counter() - self._used_at > IDLE_SECONDS:
            self.close()
            self._open = Connection(self.served.port)
            self._note(flat_out(self._open, self.asks[:1], FIRST_CALLS))
        return self._open

    def close(self) -> None:
        """Hang up, so that the server need not wait for it when it stops."""
        if self._open is not None:
            self._open.close()

    def _note(self, answers: Answers) -> None:
        self.tally.add(answers)
        self._used_at = time.perf_counter()

    def typical(self, figure: Callable[[Turn], float]) -> float:
        """The median over the rounds."""
        return median(figure(turn) for turn in self.turns)

    def ratio_to(self, other: "Contestant", figure: Callable[[Turn], float]) -> float:
        """The median of what the rounds, each by itself, give as ratio."""
        pairs = zip(self.turns, other.turns, strict=True)
        return median(figure(mine) / figure(its) for mine, its in pairs)


def asks_of(
    triggers: Sequence[AskedTrigger], orders: Iterable[int], *, value: float | None = None
) -> list[Ask]:
    """Each trigger in these byte orders, all mixed; `value` stands for the right answers."""
    asks = [
        Ask(Call(trigger.request(order)), trigger.value if value is None else value)
        for order in orders
        for trigger in triggers
    ]
    Random(len(asks)).shuffle(asks)
    return asks


def take_turns(contestants: Sequence[Contestant], *, rounds: int, calls: int) -> None:
    """So many rounds; each is in another order, so that none always goes after the same one."""
    random, order = Random(rounds), list(contestants)
    for _ in range(rounds):
        random.shuffle(order)
        for contestant in order:
            contestant.turns.append(contestant.flat_out(calls))


def figures(contestant: Contestant) -> Mapping[str, float]:
    """A server's medians."""
    return {
        "cpu_us_per_answer": round(contestant.typical(lambda turn: turn.cpu_us), 1),
        "answers_per_second": round(contestant.typical(lambda turn: turn.per_second)),
        "p50_ms": round(contestant.typical(lambda turn: turn.p50_ms), 2),
        "p99_ms": round(contestant.typical(lambda turn: turn.p99_ms), 2),
        "rss_at_rest_mb": round(contestant.rss_at_rest_mb, 1),
    }
