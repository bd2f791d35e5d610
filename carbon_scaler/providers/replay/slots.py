"""Which hour of the year is replayed when."""

from datetime import datetime, timedelta
from fractions import Fraction

from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.providers.replay.hours import EPOCH, hour_of_year

SLOWEST, FASTEST = 0.001, 3600.0

_MICROSECOND = timedelta(microseconds=1)
_HOUR = timedelta(hours=1)
_HOUR_MICROSECONDS = 3_600_000_000
# The calendar repeats after 400 years; a fast replay outruns `datetime` in two.
_CALENDAR_HOURS = 146_097 * 24


class ReplaySpeedError(CarbonScalerError):
    """The replay's speed cannot be used."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        super().__init__(
            f"replay speed {speed:g}: a number above 0 to {FASTEST:g} is allowed "
            f"(at least {SLOWEST:g}; 60 replays an hour in each minute)"
        )


class Slots:
    """Slots of 3600/speed wall seconds, counted since the Unix epoch.

    The slot of `started_at` replays its own UTC hour, the next one the hour after, and so on.
    """

    def __init__(self, *, speed: float, started_at: datetime) -> None:
        if not SLOWEST <= speed <= FASTEST:
            raise ReplaySpeedError(speed)
        # Exact, so that a slot has the same instant in every process.
        self._length = _HOUR_MICROSECONDS / Fraction(str(speed))
        self._first = self.index_at(started_at)
        self._first_hour = (started_at - EPOCH) // _HOUR

    @property
    def length(self) -> timedelta:
        """How long a slot lasts."""
        return timedelta(microseconds=float(self._length))

    def index_at(self, now: datetime) -> int:
        """The slot that `now` is in."""
        return int((now - EPOCH) // _MICROSECOND // self._length)

    def start_of(self, index: int) -> datetime:
        """The first whole microsecond of a slot."""
        length = self._length
        return EPOCH + timedelta(microseconds=-(-index * length.numerator // length.denominator))

    def hour_of_year(self, index: int) -> int:
        """The place in the year of the hour that a slot replays."""
        hours = self._first_hour + index - self._first
        return hour_of_year(EPOCH + timedelta(hours=hours % _CALENDAR_HOURS))
