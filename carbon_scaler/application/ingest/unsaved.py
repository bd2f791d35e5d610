"""What was fetched and is not stored yet, in bounded memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import structlog

from carbon_scaler.application.ports import ForecastStore, IntensityStore
from carbon_scaler.application.terms import UnstorableError
from carbon_scaler.domain.intensity import Basis, Kind, Reading
from carbon_scaler.domain.observation import RegionForecast

log = structlog.get_logger()

# A day of five-minute values of 400 regions; whoever has that much unsaved asks for no more.
MOST_READINGS = 120_000
# What the columns hold.
OLDEST = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_NAME = 50

ReadingKey = tuple[str, datetime, str, Basis]


@dataclass(slots=True, kw_only=True)
class Saved:
    """What a call of the store brought: rows new or changed, by source."""

    changed: dict[str, int] = field(default_factory=dict)
    rows: int = 0

    @property
    def total(self) -> int:
        """Of all sources."""
        return sum(self.changed.values())


class Unsaved:
    """Values of the same interval replace one another; what is saved is let go of."""

    def __init__(self) -> None:
        self._readings: dict[ReadingKey, Reading] = {}
        self._forecasts: dict[tuple[str, str, Basis], RegionForecast] = {}

    def __bool__(self) -> bool:
        return bool(self._readings or self._forecasts)

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be asked for until this is stored."""
        return len(self._readings) >= MOST_READINGS

    def add(self, readings: Iterable[Reading]) -> None:
        """Hold these values."""
        for reading in readings:
            if (why := _unstorable(reading)) is not None:
                _log_dropped(reading, why)
                continue
            key = _key(reading)
            self._readings[key] = _keeping_mix(reading, self._readings.get(key))

    def add_forecasts(self, forecasts: Iterable[RegionForecast]) -> None:
        """Hold these forecasts."""
        for forecast in forecasts:
            self._forecasts[forecast.region, forecast.source, forecast.basis] = forecast

    async def save(
        self, store: IntensityStore, forecasts: ForecastStore, *, term: int | None
    ) -> Saved:
        """Store all of it; what fails is still held."""
        saved = Saved()
        held = tuple(self._readings.values())
        for source in sorted({reading.source for reading in held}):
            readings = [reading for reading in held if reading.source == source]
            saved.rows += len(readings)
            saved.changed[source] = await _store(store, readings, term)
            self._let_go(readings)
        if issued := tuple(self._forecasts.values()):
            await forecasts.store_forecasts(issued, term=term)
            for forecast in issued:
                key = (forecast.region, forecast.source, forecast.basis)
                if self._forecasts.get(key) is forecast:
                    del self._forecasts[key]
        return saved

    def _let_go(self, readings: Iterable[Reading]) -> None:
        for reading in readings:
            # A newer one may have come while this one was stored.
            if self._readings.get(_key(reading)) is reading:
                del self._readings[_key(reading)]


async def _store(store: IntensityStore, readings: Sequence[Reading], term: int | None) -> int:
    """One call, unless the store says that some can't ever be stored: those are found and left."""
    try:
        return await store.store(readings, term=term)
    except UnstorableError as error:
        if len(readings) == 1:
            _log_dropped(readings[0], str(error))
            return 0
    half = len(readings) // 2
    first = await _store(store, readings[:half], term)
    return first + await _store(store, readings[half:], term)


def _unstorable(reading: Reading) -> str | None:
    if reading.kind in (Kind.FORECAST, Kind.STATIC):
        return f"a {reading.kind} value is no observation"
    if reading.observed_at < OLDEST:
        return "its interval begins before 1970"
    if max(len(reading.region), len(reading.source)) > LONGEST_NAME:
        return f"a name has over {LONGEST_NAME} letters"
    return None


def _keeping_mix(reading: Reading, former: Reading | None) -> Reading:
    """The mix comes apart from the value, and not each time: it stays with its value."""
    told, known = reading.provenance, None if former is None else former.provenance
    if former is None or told is None or known is None or told.mix or not known.mix:
        return reading
    if former.grams_per_kwh != reading.grams_per_kwh:
        return reading
    kept = replace(told, mix=known.mix, remarks=known.remarks)
    return replace(reading, renewable=former.renewable, provenance=kept)


def _log_dropped(reading: Reading, cause: str) -> None:
    log.warning("ingest.reading_dropped", source=reading.source, region=reading.region, cause=cause)


def _key(reading: Reading) -> ReadingKey:
    return reading.region, reading.observed_at, reading.source, reading.basis
