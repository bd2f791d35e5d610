"""How much is measured: in earnest, or only to see that everything works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Counts and durations of one run."""

    rounds: int
    calls: int  # per server and round
    warm_up: int
    triggers: int
    orders: int  # byte orders of each trigger's map; it has 6 to 8 keys
    few: int
    many: int
    regions: int
    values: int  # per region
    swaps: int
    swap_every: float  # seconds
    reloads: int  # swaps that read a Postgres
    reload_every: float  # seconds
    paced_rounds: int
    paced_seconds: float
    zones: int
    latency: float  # seconds until the provider answers
    writes: int  # commits that servers have to see
    load_seconds: float  # over which the database's load is counted
    policy_rounds: int
    fresh: int  # triggers of each kind that are new in a round
    queues_few: int
    queues_many: int
    queues_seconds: float  # over which the backlogs' load is counted
    written_seconds: float  # until decisions that changed are written down: once a second
    policy_swaps: int
    policy_swap_seconds: float  # of load around each: it is seen after one and counts after two


FULL = Scale(
    rounds=30,
    calls=2_000,
    warm_up=4_000,
    triggers=24,
    orders=8,
    few=100,
    many=100_000,
    regions=400,
    values=200,
    swaps=20,
    swap_every=0.2,
    reloads=4,
    reload_every=1.5,
    paced_rounds=5,
    paced_seconds=2.0,
    zones=400,
    latency=0.05,
    writes=20,
    load_seconds=90.0,
    policy_rounds=11,
    fresh=200,
    queues_few=100,
    queues_many=10_000,
    queues_seconds=60.0,
    written_seconds=1.5,
    policy_swaps=6,
    policy_swap_seconds=6.0,
)
SMOKE = Scale(
    rounds=2,
    calls=200,
    warm_up=200,
    triggers=24,
    orders=3,
    few=20,
    many=400,
    regions=20,
    values=48,
    swaps=3,
    swap_every=0.1,
    reloads=2,
    reload_every=0.3,
    paced_rounds=1,
    paced_seconds=0.3,
    zones=20,
    latency=0.01,
    writes=2,
    load_seconds=4.0,
    policy_rounds=1,
    fresh=30,
    queues_few=100,
    queues_many=200,
    queues_seconds=1.0,
    written_seconds=0.1,
    policy_swaps=1,
    policy_swap_seconds=2.5,
)
