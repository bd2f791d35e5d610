"""One trigger as its author wrote it, and the plan that it resolves to."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from carbon_scaler.domain.bands import CLASSIFICATION, FIVE_BANDS, Bands
from carbon_scaler.domain.budget import Budget
from carbon_scaler.domain.place import SharedWork
from carbon_scaler.domain.policy import NOTHING_STATED, Settings, StatedSettings, Weights
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.domain.residency import Adequacy, Tenant
from carbon_scaler.domain.windows import TimeWindow


class Mode(StrEnum):
    """The shape of the answer that KEDA gets."""

    QUEUE = "queue"
    BRAKE = "brake"
    GATE = "gate"
    PARALLEL = "parallel"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A bad value: which key, what it said, what is allowed."""

    key: str
    said: str | None
    allowed: str

    def __str__(self) -> str:
        said = "is missing" if self.said is None else f"{quoted(self.said)} is not allowed"
        return f"{self.key}: {said}; {self.allowed}"


def quoted(text: str, limit: int = 60) -> str:
    """A user's text made fit for an error: printable, short, in quotes."""
    clean = "".join(letter if letter.isprintable() else "�" for letter in text[: limit + 1])
    return f'"{clean}"' if len(text) <= limit else f'"{clean[:limit]}…"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What the metadata says; where a value is bad, the default stands and a problem is noted."""

    namespace: str
    name: str
    region: str | None = None
    workload_class: str | None = None
    mode: Mode | None = None
    backlog: str | None = None
    items_per_job: int = 1
    max_jobs: int | None = None
    tenant: str | None = None
    service: str | None = None
    regions: tuple[str, ...] = ()
    shadow: bool = False
    stated: StatedSettings = NOTHING_STATED
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenancy:
    """Whose work it is, and all that is needed to judge where it may run."""

    tenant_name: str
    # "trigger", or the namespace that is bound to the tenant.
    origin: str
    # None: the policy does not know it, or it is not this namespace's; `refusal` says which.
    tenant: Tenant | None
    refusal: str | None
    # The regions that may have to be judged; one that is not in it is unknown.
    places: Mapping[str, CloudRegion]
    adequacy: Adequacy


@dataclass(frozen=True, slots=True, kw_only=True)
class HintTerms:
    """Where else the work might run, and what is compared."""

    # The best of the preferred ones first; the fallbacks only where none of those is better.
    preferred: tuple[str, ...]
    fallback: tuple[str, ...]
    weights: Weights
    # Cost multipliers by region; one that is not in it costs 1.
    costs: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A trigger with everything settled that does not depend on time or data."""

    namespace: str
    name: str
    region: str
    mode: Mode
    workload_class: str
    urgent: bool
    shadow: bool
    backlog: str | None
    items_per_job: int
    max_jobs: int | None
    settings: Settings
    origins: Mapping[str, str]
    policy_version: str
    # False: the policy is switched off and every answer is plain demand.
    enabled: bool = True
    # None: nobody's; residency has nothing to say.
    tenancy: Tenancy | None = None
    hint_terms: HintTerms | None = None
    # None: no other region shares the work.
    shared: SharedWork | None = None
    # The windows that change something here, the least priority first.
    windows: tuple[TimeWindow, ...] = ()
    service: str | None = None
    budget: Budget | None = None
    bands: Bands = FIVE_BANDS
    classification: Bands = CLASSIFICATION
    warnings: tuple[str, ...] = ()

    @property
    def pulses(self) -> bool:
        """Whether it counts no items, so that a delay is kept by opening now and then."""
        return self.mode in (Mode.BRAKE, Mode.GATE)

    @property
    def target(self) -> float:
        """KEDA divides the value by this; a brake's is 0 so that it never asks for work."""
        return 0.0 if self.mode is Mode.BRAKE else float(self.items_per_job)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A trigger that can't be resolved, with all that is wrong with it."""

    namespace: str
    name: str
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...] = ()

    def text(self, limit: int = 1024) -> str:
        """One line for KEDA's event, cut to the limit in bytes of UTF-8."""
        line = " | ".join(str(problem) for problem in self.problems)
        raw = line.encode()
        if len(raw) <= limit:
            return line
        return raw[: limit - 3].decode(errors="ignore") + "…"
