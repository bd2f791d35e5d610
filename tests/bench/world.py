"""What the servers under test know, what they are asked, and what the right answers are."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from zlib import crc32

import numpy as np

from carbon_scaler.application.own_issue import OwnIssue
from carbon_scaler.domain.backlog import Item, Items
from carbon_scaler.domain.intensity import Basis, Kind, Reading
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.protocol import externalscaler_pb2 as pb

METRIC = "carbon-scaler"
BACKLOG = "bench"
WAITING = 40
EMPTY_VALUE = 1.0
BRAKE_VALUE = 0.001
CLEAN_GRAMS, DIRTY_GRAMS = 100.0, 500.0
CLEAN_SHARE, DIRTY_SHARE = 80.0, 5.0
HOUR = timedelta(hours=1)
SOURCE = "bench"
# Real ones, for residency, and whose values each has: clean, clean, dirty and clean.
CLOUD_REGIONS: Mapping[str, int] = {
    "eu-central-1": 0,
    "eu-north-1": 2,
    "us-east-1": 1,
    "eu-west-2": 0,
}
# The one with a forecast: it gets cleaner, but later than work waits.
FORESEEN = "eu-west-2"
FORESEEN_HOURS, CLEANER_FROM_HOUR, CLEANER_GRAMS = 72, 60, 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTrigger:
    """One trigger and its right answer."""

    name: str
    namespace: str
    metadata: Mapping[str, str]
    value: float
    active: bool

    def request(self, turn: int) -> bytes:
        """A GetMetricsRequest as Go writes it: from some entry of the map on, round to the last."""
        keys = sorted(self.metadata, key=lambda key: crc32(f"{self.name}{key}".encode()))
        turn %= len(keys)
        entries = (_entry(key, self.metadata[key]) for key in (*keys[turn:], *keys[:turn]))
        ref = _field(0x0A, self.name.encode()) + _field(0x12, self.namespace.encode())
        return _field(0x0A, ref + b"".join(entries)) + _field(0x12, METRIC.encode())

    def ref(self) -> pb.ScaledObjectRef:
        """The same for grpc's own client."""
        return pb.ScaledObjectRef(
            name=self.name, namespace=self.namespace, scalerMetadata=dict(self.metadata)
        )


def triggers(count: int, *, regions: int) -> list[AskedTrigger]:
    """So many different triggers: both modes, clean and dirty grids, several sizes."""
    return [_trigger(number, regions) for number in range(count)]


def region_name(number: int) -> str:
    """The even ones are clean."""
    return f"bench-{number:03}"


@cache
def zones(count: int) -> list[str]:
    """So many zones: those of the shipped list, whose names surprise nobody, and invented ones."""
    shipped = resources.files("carbon_scaler.config") / "data" / "zones.csv"
    rows = csv.DictReader(shipped.read_text("utf-8").splitlines())
    current = [row["zone"] for row in rows if row["status"] == "current"]
    return [*current, *(f"XX-{number:03}" for number in range(count))][:count]


def site_name(number: int) -> str:
    """A region of one's own."""
    return f"site-{number:03}"


def series(regions: int, values: int, *, now: datetime, step: float) -> dict[str, RegionSeries]:
    """Hourly values of every region up to this hour; `step` makes them new, not different."""
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first_at = this_hour - (values - 1) * HOUR
    starts = first_at.timestamp() + 3600.0 * np.arange(values, dtype=np.float64)
    return {
        region_name(number): _series(number, starts, first_at, step) for number in range(regions)
    }


def readings(regions: int, values: int, *, now: datetime) -> Iterator[list[Reading]]:
    """The same values for a database, region by region."""
    known = series(regions, values, now=now, step=0.0)
    for one in known.values():
        yield [one.reading(index) for index in range(values)]
    for name, number in CLOUD_REGIONS.items() if regions else ():
        one = known[region_name(number)]
        yield [replace(one.reading(index), region=name) for index in range(values)]


def own_issue(now: datetime) -> OwnIssue:
    """What our own forecaster expects where there is a forecast."""
    grams = CLEAN_GRAMS + np.arange(FORESEEN_HOURS, dtype=np.float64) / 10
    grams[CLEANER_FROM_HOUR:] = CLEANER_GRAMS
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return OwnIssue(
        region=FORESEEN,
        basis=Basis(),
        model="regression",
        issued_at=this_hour - HOUR,
        known_until=this_hour,
        measured=(CLEAN_GRAMS,) * 3,
        past_hours=2_000,
        first_at=this_hour,
        grams=grams,
        lower=0.9 * grams,
        upper=1.1 * grams,
        error=None,
        by_horizon={},
        against={},
        rejected=(),
    )


def backlog_items(now: datetime) -> Items:
    """Waiting work that no deadline releases while a benchmark runs."""
    return Items.of([Item(enqueued_at=now - timedelta(minutes=1))] * WAITING)


def _trigger(number: int, regions: int) -> AskedTrigger:
    region = number // 2 % regions
    clean = region % 2 == 0
    metadata = {
        "scalerAddress": "carbon-scaler.carbon-scaler.svc.cluster.local:6000",
        "region": region_name(region),
        "workloadClass": "deferrable",
        "maxDelay": "12h",
    }
    name, namespace = f"embeddings-{number:06}", f"team-{number % 97:02}"
    if number % 2:
        metadata |= {"mode": "brake", "service": f"service-{number % 89}"}
        return AskedTrigger(
            name=name, namespace=namespace, metadata=metadata, value=BRAKE_VALUE, active=not clean
        )
    ceiling = 2 * (1 + number % 30)
    metadata |= {
        "mode": "queue",
        "backlog": BACKLOG,
        "itemsPerJob": "2",
        "maxJobs": str(ceiling // 2),
    }
    value = float(min(WAITING, ceiling)) if clean else 0.0
    return AskedTrigger(
        name=name, namespace=namespace, metadata=metadata, value=value, active=value > 0
    )


def _series(number: int, starts: np.ndarray, first_at: datetime, step: float) -> RegionSeries:
    clean = number % 2 == 0
    values = len(starts)
    share = np.full(values, CLEAN_SHARE if clean else DIRTY_SHARE)
    return RegionSeries(
        region=region_name(number),
        basis=Basis(),
        first_at=first_at,
        starts=starts,
        grams_per_kwh=np.full(values, (CLEAN_GRAMS if clean else DIRTY_GRAMS) + step),
        renewable_at_least=share,
        renewable_at_most=share,
        fetched=starts,
        usable_for=np.full(values, timedelta(hours=3).total_seconds()),
        sources=(SOURCE,) * values,
        kinds=(Kind.MEASURED,) * values,
    )


@cache
def _entry(key: str, value: str) -> bytes:
    return _field(0x1A, _field(0x0A, key.encode()) + _field(0x12, value.encode()))


def _field(tag: int, content: bytes) -> bytes:
    length, size = len(content), b""
    while length > 0x7F:
        size += bytes((length & 0x7F | 0x80,))
        length >>= 7
    return bytes((tag,)) + size + bytes((length,)) + content
