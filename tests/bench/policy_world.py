"""A policy with a thousand tenants, and triggers that meet every kind of rule in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tests.bench import world
from tests.bench.world import AskedTrigger

TENANTS = 1_000
BACKLOGS = 50
CLEAN_HOME, CLEANER_ELSEWHERE, ABROAD, _ = world.CLOUD_REGIONS
# The curve of the class allows half of the ceiling at the clean regions' intensity, and at what
# it counts as in a preferred hour.
HALF_LEVEL = 0.5
MOST_JOBS, ITEMS_PER_JOB = 30, 2
ALL_WAITING = float(world.WAITING)
HALF_OF_CEILING = HALF_LEVEL * MOST_JOBS * ITEMS_PER_JOB
# Well under and well over the clean regions' intensity.
LENIENT, STRICT = 400, 50

# Neither a brake nor a gate has a pulse while a benchmark runs.
LONG = "360d"

_CLASSES = f"""
classes:
  bench-shares: {{strategy: curve, curve: "50:1,80:0.5,120:0.5,150:0", max_delay: {LONG}}}
  bench-relative: {{strategy: quantile, quantile_percent: 30, max_delay: {LONG}}}
  bench-planned: {{strategy: forecast, max_delay: {LONG}}}
  bench-hinted:
    strategy: quantile
    max_delay: {LONG}
    preferred_regions: [{CLEANER_ELSEWHERE}, eu-west-1, eu-west-3, eu-south-1]
    fallback_regions: [{ABROAD}, us-west-2, ca-central-1]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a kind of trigger says, and its right answer."""

    value: float
    metadata: Mapping[str, str]
    is_tenants: bool = False
    namespace: str = "team-00"

    def triggers(self, first: int, count: int) -> list[AskedTrigger]:
        """So many different ones of the kind, each under a number of its own."""
        return [self._trigger(number) for number in range(first, first + count)]

    def _trigger(self, number: int) -> AskedTrigger:
        namespace = f"tenant-{number % TENANTS:04}" if self.is_tenants else self.namespace
        return AskedTrigger(
            name=f"nightly-{number:07}",
            namespace=namespace,
            metadata={
                "scalerAddress": "carbon-scaler.carbon-scaler.svc.cluster.local:6000",
                "region": CLEAN_HOME,
                **self.metadata,
            },
            value=self.value,
            active=self.value > 0,
        )


_QUEUE = {
    "mode": "queue",
    "backlog": world.BACKLOG,
    "itemsPerJob": str(ITEMS_PER_JOB),
    "maxJobs": str(MOST_JOBS),
}
_PLANNED = {"workloadClass": "bench-planned", "region": world.FORESEEN}
_EVERYTHING = {"workloadClass": "bench-hinted", "service": "service-07"}
SHAPES: Mapping[str, Shape] = {
    "queue, threshold": Shape(
        value=ALL_WAITING, metadata={**_QUEUE, "workloadClass": "deferrable", "maxDelay": "12h"}
    ),
    "queue, quantile": Shape(
        value=ALL_WAITING, metadata={**_QUEUE, "workloadClass": "bench-relative"}
    ),
    "queue, curve": Shape(
        value=HALF_OF_CEILING, metadata={**_QUEUE, "workloadClass": "bench-shares"}
    ),
    "brake, threshold": Shape(
        value=world.BRAKE_VALUE, metadata={"mode": "brake", "workloadClass": "deferrable"}
    ),
    "brake, quantile": Shape(
        value=world.BRAKE_VALUE, metadata={"mode": "brake", "workloadClass": "bench-relative"}
    ),
    "gate, curve": Shape(
        value=HALF_LEVEL, metadata={"mode": "gate", "workloadClass": "bench-shares"}
    ),
    # In twelve hours nothing gets cleaner, in a year it does.
    "queue, forecast": Shape(value=ALL_WAITING, metadata={**_QUEUE, **_PLANNED, "maxDelay": "12h"}),
    "brake, forecast": Shape(value=world.BRAKE_VALUE, metadata={"mode": "brake", **_PLANNED}),
    "gate, forecast": Shape(value=0.0, metadata={"mode": "gate", **_PLANNED}),
    "queue, tenant, windows, budget, hints": Shape(
        value=ALL_WAITING, metadata={**_QUEUE, **_EVERYTHING}, is_tenants=True
    ),
    "gate, tenant, windows, budget, hints": Shape(
        value=1.0, metadata={"mode": "gate", **_EVERYTHING}, is_tenants=True
    ),
    "queue, tenant abroad": Shape(
        value=0.0, metadata={**_QUEUE, **_EVERYTHING, "region": ABROAD}, is_tenants=True
    ),
}
# Its answer tells which of two policies is in force.
TELLTALE = {"mode": "gate", "workloadClass": "telltale", "maxDelay": LONG}
TELLTALES = {
    limit: Shape(value=value, metadata=TELLTALE) for limit, value in ((LENIENT, 1.0), (STRICT, 0.0))
}


def documents(telltale: int = LENIENT) -> dict[str, str]:
    """The policy's documents by name; `telltale` is the limit of one class."""
    return {
        "gdpr-residency-overrides.yaml": _tenants(),
        "workload-policies.yaml": f"{_CLASSES}  telltale: {{threshold: {telltale}}}\n",
        "time-shift-policies.yaml": _windows(),
        "carbon-budgets.yaml": _budgets(),
    }


def queue_triggers(count: int) -> list[AskedTrigger]:
    """So many triggers, as many for each of the backlogs."""
    shape, each = SHAPES["queue, threshold"], count // BACKLOGS
    return [
        trigger
        for number in range(BACKLOGS)
        for trigger in replace(
            shape, metadata={**shape.metadata, "backlog": backlog_name(number)}
        ).triggers(number * each, each)
    ]


def backlog_name(number: int) -> str:
    """One of many backlogs that hold the same."""
    return f"{world.BACKLOG}-{number:02}"


def _tenants() -> str:
    tenants = [
        f"  tenant-{number:04}: {{level: EU_STRICT, namespaces: [tenant-{number:04}], "
        f"primary_region: {CLEAN_HOME}, allowed_regions: [{CLEAN_HOME}, {CLEANER_ELSEWHERE}]}}"
        for number in range(TENANTS)
    ]
    return "\n".join(["tenants:", *tenants, ""])


def _windows() -> str:
    """A bonus in every second hour at home, and hours that are forbidden elsewhere."""
    windows = [
        f'  - {{name: clean {hour:02}, hours: "{hour:02}:00-{hour + 1:02}:00", '
        f"effect: prefer, regions: [{CLEAN_HOME}], timezone: region}}"
        for hour in range(0, 22, 2)
    ] + [
        f'  - {{name: never {hour:02}, hours: "{hour:02}:00-{hour + 1:02}:00", '
        "effect: forbid, regions: [ap-southeast-2]}"
        for hour in range(0, 22, 2)
    ]
    return "\n".join(["windows:", *windows, ""])


def _budgets() -> str:
    budgets = [
        f"  service-{number:02}: {{monthly_kg: 100, action: throttle}}" for number in range(97)
    ]
    return "\n".join(["services:", *budgets, ""])
