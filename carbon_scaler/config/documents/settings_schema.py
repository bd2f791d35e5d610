"""The settings that a class and the defaults may state, as they are written."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, WithJsonSchema

from carbon_scaler.config.documents.bands import BAND_NAME, LIMIT_ALLOWED, BandsDocument
from carbon_scaler.config.yaml_document import YamlDocument
from carbon_scaler.config.yaml_schema import Duration, Number, StatingModel
from carbon_scaler.domain.curves import CURVE_FORMS, MOST_GRAMS, Curve, curve_through, parse_curve
from carbon_scaler.domain.durations import DURATION_FORMS
from carbon_scaler.domain.policy import (
    LONGEST_QUANTILE_WINDOW,
    LONGEST_SPREAD,
    SETTING_NAMES,
    SHORTEST_QUANTILE_WINDOW,
    StatedSettings,
    Strategy,
    WhenBlind,
)

MOST_KWH = 1_000_000

_Grams = Annotated[Number, Field(gt=0, le=MOST_GRAMS)]
_Point = Annotated[list[Number], Field(min_length=2, max_length=2)]
_GRAMS: TypeAdapter[float] = TypeAdapter(_Grams)
_POINTS: TypeAdapter[list[list[float]]] = TypeAdapter(list[_Point])


def _limit(value: object) -> object:
    """A name of a band stays a name: which bands there are is known later."""
    if isinstance(value, str) and BAND_NAME.fullmatch(value):
        return value
    return _GRAMS.validate_python(value)


def _curve(value: object) -> Curve:
    if isinstance(value, str):
        curve = parse_curve(value)
    else:
        points = _POINTS.validate_python(value, strict=True)
        curve = curve_through([(grams, level) for grams, level in points])
    if curve is None:
        raise ValueError
    return curve


def _positive(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError
    return duration


def _of_the_past(duration: timedelta) -> timedelta:
    if not SHORTEST_QUANTILE_WINDOW <= duration <= LONGEST_QUANTILE_WINDOW:
        raise ValueError
    return duration


def _for_a_spread(duration: timedelta) -> timedelta:
    if duration > LONGEST_SPREAD:
        raise ValueError
    return duration


Limit = Annotated[
    float | str,
    BeforeValidator(_limit),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_GRAMS},
                {"type": "string", "pattern": f"^{BAND_NAME.pattern}$"},
            ]
        }
    ),
]
CurveText = Annotated[
    Curve,
    BeforeValidator(_curve),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "array",
                    "items": {
                        "type": "array",
                        "items": {"type": "number"},
                        "minItems": 2,
                        "maxItems": 2,
                    },
                },
            ]
        }
    ),
]
Percent = Annotated[Number, Field(ge=0, le=100)]
Share = Annotated[Number, Field(ge=0, le=1)]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]


class SettingsModel(StatingModel):
    """Settings of a class, or of the defaults; what is left out is not stated."""

    threshold: Limit | None = None
    min_renewable_percent: Percent | None = None
    require_mix: bool | None = None
    max_delay: Duration | None = None
    min_savings_percent: Percent | None = None
    job_duration: PositiveDuration | None = None
    strategy: Annotated[Strategy, Field(strict=False)] | None = None
    lead: Duration | None = None
    release: PositiveDuration | None = None
    when_blind: Annotated[WhenBlind, Field(strict=False)] | None = None
    quantile_percent: Annotated[Number, Field(gt=0, le=100)] | None = None
    quantile_window: Annotated[Duration, AfterValidator(_of_the_past)] | None = None
    curve: CurveText | None = None
    job_energy_kwh: Annotated[Number, Field(gt=0, le=MOST_KWH)] | None = None
    spread: Annotated[Duration, AfterValidator(_for_a_spread)] | None = None


_DURATION = f"a duration, written {DURATION_FORMS}"
ALLOWED: Mapping[str, str] = {
    "threshold": f"{LIMIT_ALLOWED}, or the name of a band",
    "min_renewable_percent": "a number from 0 to 100",
    "require_mix": "true or false",
    "max_delay": _DURATION,
    "min_savings_percent": "a number from 0 to 100",
    "job_duration": f"{_DURATION}, above 0",
    "strategy": f"one of {', '.join(Strategy)}",
    "lead": _DURATION,
    "release": f"{_DURATION}, above 0",
    "when_blind": f"one of {', '.join(WhenBlind)}",
    "quantile_percent": "a number above 0 to 100",
    "quantile_window": f"a duration from 1d to 8d, written {DURATION_FORMS}",
    "curve": f"{CURVE_FORMS}, or a list of [grams, level]",
    "job_energy_kwh": f"a number above 0 to {MOST_KWH:,}",
    "spread": f"a duration from 0 to 1h, written {DURATION_FORMS}",
}


def stated_settings(
    written: SettingsModel,
    below: StatedSettings,
    *,
    bands: BandsDocument,
    document: YamlDocument,
    path: tuple[str, ...],
) -> StatedSettings:
    """What is written at a path, laid over other settings key by key."""
    stated: dict[str, Any] = {
        name: value for name in SETTING_NAMES if (value := getattr(written, name)) is not None
    }
    if written.threshold is not None:
        stated["threshold"] = bands.limit(written.threshold, document, (*path, "threshold"))
    return replace(below, **stated)
