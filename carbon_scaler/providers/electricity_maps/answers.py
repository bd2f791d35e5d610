"""What Electricity Maps answers: read as documented, refused where it is anything else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from carbon_scaler.application.grid_sources import ErrorKind
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Factors, Kind
from carbon_scaler.domain.observation import ForecastPoint, Observation, ZoneForecast
from carbon_scaler.providers.answers import Answer
from carbon_scaler.providers.fields import FieldError, flag, instant, mapping, number, text
from carbon_scaler.providers.forecast_points import tidied

HOUR = timedelta(hours=1)
SANDBOX_METHOD = "SANDBOX_MODE_DATA"
SANDBOX_DISCLAIMER = "SANDBOX MODE"
LONGEST_QUOTE = 160
WORDS_OF_THE_PLAN = ("do not have access", "unauthorized for zonekey", "endpoint not available")

Row = Mapping[str, Any]


class UnusableAnswerError(CarbonScalerError):
    """An answer as documented that is no use: why, by kind."""

    def __init__(self, kind: ErrorKind, words: str) -> None:
        self.kind = kind
        super().__init__(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an answer has to be for."""

    zone: str
    # None where the path takes none and echoes none.
    factors: Factors | None
    allow_sandbox: bool = False


def parse_observations(document: object, asked: Asked) -> tuple[Observation, ...]:
    """The hours that have a value, ascending; raises UnusableAnswerError or FieldError."""
    root, rows = checked_rows(document, asked, "history")
    sandbox = is_sandbox(root, rows)
    observations = [_observation(row, asked.zone, sandbox=sandbox) for row in rows]
    known = [observation for observation in observations if observation is not None]
    if not known:
        raise UnusableAnswerError(ErrorKind.NO_DATA, f"has no value for {asked.zone} now")
    return tuple(sorted(known, key=lambda observation: observation.starts_at))


def parse_forecast(document: object, asked: Asked, *, not_before: datetime) -> ZoneForecast:
    """What is expected from an instant on."""
    root, rows = checked_rows(document, asked, "forecast")
    points = [
        ForecastPoint(target_at=_hour(row), lasts=HOUR, grams_per_kwh=grams)
        for row in rows
        if (grams := _grams(row)) is not None
    ]
    ahead = [point for point in points if point.target_at >= not_before]
    if not ahead:
        raise UnusableAnswerError(ErrorKind.NO_DATA, f"has no forecast for {asked.zone} now")
    return ZoneForecast(
        zone=asked.zone,
        issued_at=_optional_instant(root, "updatedAt"),
        model=SANDBOX_METHOD if is_sandbox(root, rows) else None,
        points=tidied(ahead),
    )


def parse_zones(document: object) -> frozenset[str]:
    """The zones with live intensity; none where it says nothing of access, as without a token."""
    found = set()
    for zone, described in mapping(document, "the answer").items():
        access = mapping(described, f"zone {zone}").get("access", ())
        paths = [access] if isinstance(access, str) else access
        if not isinstance(paths, list | tuple):
            raise FieldError(f"`access` of {zone} is no list")
        if any(path == "*" or str(path).endswith("carbon-intensity/latest") for path in paths):
            found.add(zone)
    return frozenset(found)


def checked_rows(document: object, asked: Asked, name: str) -> tuple[Row, Sequence[Row]]:
    """The answer and its rows, once it is certain that they are what was asked for."""
    root = mapping(document, "the answer")
    if root.get("status") == "no-data":
        raise UnusableAnswerError(ErrorKind.NO_DATA, f"has no data for {asked.zone} now")
    rows = _rows(root, name)
    if not rows:
        raise UnusableAnswerError(ErrorKind.NO_DATA, f"has no rows for {asked.zone} now")
    if is_sandbox(root, rows) and not asked.allow_sandbox:
        raise UnusableAnswerError(
            ErrorKind.SANDBOX,
            "answers invented values, because the key is a sandbox key; use a live key",
        )
    _refuse_other_zone(root, rows, asked.zone)
    if asked.factors is not None:
        _refuse_other(root, rows, "emissionFactorType", asked.factors.value)
    _refuse_other(root, rows, "temporalGranularity", "hourly")
    return root, rows


def is_sandbox(root: Row, rows: Sequence[Row]) -> bool:
    """Whether the values are invented."""
    return any(
        row.get("estimationMethod") == SANDBOX_METHOD
        or str(row.get("_disclaimer", "")).startswith(SANDBOX_DISCLAIMER)
        for row in (root, *rows)
    )


def refusal(answer: Answer) -> tuple[ErrorKind, str] | None:
    """What its words in a refusal mean; 401 is as often the plan as the token."""
    words = _words(answer)
    found = None if answer.is_page else _meaning(answer.status, words.lower())
    if found is None or not words:
        return found
    kind, text = found
    return kind, f"{text} (it says: {words})"


def _meaning(status: int, words: str) -> tuple[ErrorKind, str] | None:
    if "no recent data" in words:
        return ErrorKind.NO_DATA, "has no data now"
    if status == httpx.codes.UNAUTHORIZED:
        if any(part in words for part in WORDS_OF_THE_PLAN):
            return ErrorKind.PLAN, "the account's plan does not include this"
        return ErrorKind.KEY, "the token is refused; check ELECTRICITY_MAPS_API_KEY"
    if status == httpx.codes.BAD_REQUEST:
        if "horizon" in words:
            return ErrorKind.PLAN, "does not forecast that far"
        return ErrorKind.ZONE, "does not know what was asked for"
    return None


def _words(answer: Answer) -> str:
    document = answer.document
    if isinstance(document, dict):
        said = [document.get(name) for name in ("error", "message")]
        words = " ".join(part for part in said if isinstance(part, str))
    else:
        words = answer.text
    printable = "".join(letter if letter.isprintable() else " " for letter in words)
    return " ".join(printable.split())[:LONGEST_QUOTE]


def _rows(root: Row, name: str) -> Sequence[Row]:
    """Under its documented name, under `data` (as a list or alone), or the answer itself."""
    for key in (name, "data"):
        found = root.get(key)
        if isinstance(found, dict):
            return [found] if found else []
        if found is not None:
            return _objects(found, key)
    if "datetime" not in root and name == "forecast":
        raise FieldError("`forecast` is missing")
    return [root]


def _objects(found: object, key: str) -> Sequence[Row]:
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise FieldError(f"`{key}` is not a list of objects")
    return found


def _refuse_other_zone(root: Row, rows: Sequence[Row], zone: str) -> None:
    said = [text(row, "zone") for row in (root, *rows)]
    answered = {name for name in said if name is not None}
    if not answered:
        raise FieldError("`zone` is missing: nobody knows for which zone this is")
    if others := sorted(answered - {zone}):
        raise UnusableAnswerError(
            ErrorKind.ZONE, f"answered for {others[0][:LONGEST_QUOTE]!r} when asked for {zone}"
        )


def _refuse_other(root: Row, rows: Sequence[Row], name: str, expected: str) -> None:
    for row in (root, *rows):
        said = text(row, name)
        if said not in (None, expected):
            raise FieldError(f"`{name}` is {said!r}, but {expected} was asked for")


def _observation(row: Row, zone: str, *, sandbox: bool) -> Observation | None:
    starts_at = _hour(row)
    grams = _grams(row)
    if grams is None:
        return None
    method = text(row, "estimationMethod")
    # What does not say that it was measured is not taken for it.
    measured = flag(row, "isEstimated") is False and not sandbox
    return Observation(
        zone=zone,
        starts_at=starts_at,
        lasts=HOUR,
        grams_per_kwh=grams,
        kind=Kind.MEASURED if measured else Kind.ESTIMATED,
        method=SANDBOX_METHOD if sandbox else method,
        generated_at=_optional_instant(row, "createdAt"),
        updated_at=_optional_instant(row, "updatedAt"),
    )


def _grams(row: Row) -> float | None:
    """None where it is null, or negative, which is how some write that they do not know."""
    grams = number(row, "carbonIntensity")
    return grams if grams is not None and grams >= 0 else None


def _hour(row: Row) -> datetime:
    at = instant(row, "datetime")
    if at.minute or at.second or at.microsecond:
        raise FieldError(f"`datetime` {at:%Y-%m-%dT%H:%M:%SZ} is not the start of an hour")
    return at


def _optional_instant(row: Row, name: str) -> datetime | None:
    return None if row.get(name) is None else instant(row, name)
