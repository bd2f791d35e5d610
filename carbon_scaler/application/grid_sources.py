"""What ingest needs of a source of grid values, and the ways in which one fails."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.observation import Observation, ZoneForecast
from carbon_scaler.domain.regions import CloudRegion

EPOCH = datetime.fromtimestamp(0, UTC)


class ErrorKind(StrEnum):
    """Why a source gave nothing; the word is a metric's label and stays as it is."""

    KEY = "key"  # refused: wrong, expired or missing
    PLAN = "plan"  # the account does not include this zone or this kind of data
    ZONE = "zone"  # the source does not know the zone, or answered for another one
    NO_DATA = "no_data"  # it knows the zone and has nothing now
    RATE_LIMITED = "rate_limited"
    QUOTA = "quota"  # the user's own limit is used up
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"  # name, connection
    TLS = "tls"
    SERVER = "server"  # 5xx
    MALFORMED = "malformed"  # not what is documented
    SANDBOX = "sandbox"  # invented values
    UNIT = "unit"  # a unit that can't become g/kWh

    @property
    def permanent(self) -> bool:
        """Whether asking the same again soon is of no use."""
        return self in (ErrorKind.KEY, ErrorKind.PLAN, ErrorKind.ZONE, ErrorKind.SANDBOX)


class SourceError(CarbonScalerError):
    """A source gave nothing usable; the text is fit for a user's eyes and holds no secret."""

    def __init__(self, text: str, *, source: str, kind: ErrorKind) -> None:
        self.source = source
        self.kind = kind
        super().__init__(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTraits:
    """What a source declares of itself; nothing may be left out."""

    name: str
    basis: Basis
    accounting: str  # consumption, production or mixed
    unit: str  # of its answers, before conversion
    # Its native interval, counted from `anchor`.
    step: timedelta
    anchor: datetime = EPOCH
    # How long after the start of an interval its value can be there; usable for an hour more.
    lag: timedelta
    # When to ask after an interval began, and over how long to spread the zones.
    reads_after: timedelta
    spread: timedelta
    # How far `history` reaches back, in all and in one ask; zero: it has none.
    history_reach: timedelta
    history_window: timedelta
    # How far forecasts reach; None: it has none.
    horizon: timedelta | None
    # Requests for one answer of each sort, for the plan of calls.
    calls_per_latest: int
    calls_per_history: int
    calls_per_minute: int | None
    # What may be shown to whom: open, attribution, restricted, own.
    licence_class: str
    attribution: str

    @property
    def usable_for(self) -> timedelta:
        """How long after the start of its interval a value may decide."""
        return self.lag + timedelta(hours=1)


class GridSource(Protocol):
    """A source of grid values. Every method may raise SourceError; nothing is ever guessed."""

    @property
    def traits(self) -> SourceTraits:
        """What it declares."""
        ...

    def serves(self, region: CloudRegion) -> bool:
        """Whether it can have values for a region, as far as is known without asking."""
        ...

    async def zone_of(self, region: CloudRegion, now: datetime) -> str:
        """What the source calls the region's grid; may ask."""
        ...

    async def zones(self) -> Collection[str]:
        """The zones that the source says this account may use; empty: it can't tell."""
        ...

    async def latest(self, zone: str, now: datetime) -> Sequence[Observation]:
        """The newest values, ascending; none that begins in the future."""
        ...

    async def history(self, zone: str, since: datetime, until: datetime) -> Sequence[Observation]:
        """What is known now of the intervals that begin in [since, until), ascending."""
        ...

    async def forecast(self, zone: str, now: datetime) -> ZoneForecast | None:
        """What it expects, from the present interval on; None: it has no forecasts."""
        ...
