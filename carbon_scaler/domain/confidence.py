"""How far a value can be trusted, by a rule; docs/confidence.md is its table."""

from datetime import timedelta

from carbon_scaler.domain.intensity import Kind
from carbon_scaler.domain.observation import Observation

BY_KIND = {
    Kind.MEASURED: 1.0,
    Kind.MANUAL: 0.9,
    Kind.ESTIMATED: 0.8,
    Kind.FORECAST: 0.6,
    Kind.STATIC: 0.3,
}
# Words in a method's name that say: made without data of this hour and place.
WITHOUT_OWN_DATA = ("AVERAGE", "GENERAL_PURPOSE", "FORECAST", "STATIC", "FALLBACK")
WITHOUT_OWN_DATA_FACTOR = 0.6
OVER_AN_HOUR_FACTOR = 0.9
OVER_A_DAY_FACTOR = 0.5
# Sources correct a day's values; what was last touched later than that is settled.
SETTLED_AFTER = timedelta(hours=24)
UNSETTLED_FACTOR = 0.95


def confidence(observation: Observation, flagged: str | None) -> float:
    """Between 0 and 1, two decimals; the same for the same observation whenever it is fetched."""
    if flagged is not None:
        return 0.0
    score = BY_KIND[observation.kind]
    if observation.kind is not Kind.MEASURED and _without_own_data(observation.method):
        score *= WITHOUT_OWN_DATA_FACTOR
    if observation.lasts > timedelta(days=1):
        score *= OVER_A_DAY_FACTOR
    elif observation.lasts > timedelta(hours=1):
        score *= OVER_AN_HOUR_FACTOR
    if not _settled(observation):
        score *= UNSETTLED_FACTOR
    return round(score, 2)


def _without_own_data(method: str | None) -> bool:
    return method is not None and any(word in method.upper() for word in WITHOUT_OWN_DATA)


def _settled(observation: Observation) -> bool:
    touched_at = observation.updated_at or observation.generated_at
    if touched_at is None:
        return False
    return touched_at - observation.starts_at - observation.lasts >= SETTLED_AFTER
