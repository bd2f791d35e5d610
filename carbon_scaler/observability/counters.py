"""Plain integers that cost nothing to count and are collected at scrape."""

from bisect import bisect_left
from collections import Counter

LATENCY_BOUNDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)


class Latencies:
    """A histogram of seconds."""

    __slots__ = ("counts", "total_seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(LATENCY_BOUNDS) + 1)
        self.total_seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(LATENCY_BOUNDS, seconds)] += 1
        self.total_seconds += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """Buckets as Prometheus wants them: each holds all that are no longer than its bound."""
        buckets, seen = [], 0
        for bound, count in zip((*map(str, LATENCY_BOUNDS), "+Inf"), self.counts, strict=True):
            seen += count
            buckets.append((bound, float(seen)))
        return buckets


class LoopLag:
    """How late the event loop ran what was due."""

    __slots__ = ("last_seconds", "worst_seconds")

    def __init__(self) -> None:
        self.last_seconds = 0.0
        self.worst_seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Note one lateness."""
        self.last_seconds = seconds
        self.worst_seconds = max(self.worst_seconds, seconds)

    def take_worst(self) -> float:
        """The worst since the last time somebody asked."""
        worst, self.worst_seconds = self.worst_seconds, 0.0
        return worst


class RpcCounters:
    """Calls by method and code, and how long they took."""

    __slots__ = ("calls", "latencies")

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.latencies: dict[str, Latencies] = {}

    def observe(self, method: str, code: str, seconds: float) -> None:
        """Count one call."""
        self.calls[method, code] += 1
        latencies = self.latencies.get(method)
        if latencies is None:
            latencies = self.latencies[method] = Latencies()
        latencies.observe(seconds)
