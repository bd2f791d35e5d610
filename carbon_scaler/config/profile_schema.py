"""One region of region-profiles.yaml as it is written."""

import re
from collections.abc import Mapping
from math import isclose
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from carbon_scaler.config.hours import HOURS_ALLOWED, HoursText
from carbon_scaler.config.yaml_schema import Number, StatingModel, matching
from carbon_scaler.domain.intensity import Factors, Signal

LEGAL_CLASSES = ("eu", "eea", "uk", "ch", "adequate", "partial", "no")
RENEWABLE_KINDS = ("biomass", "geothermal", "hydro", "renewable", "solar", "wind")
OTHER_KINDS = ("coal", "gas", "nuclear", "oil", "other")
BASES = tuple(f"{signal}/{factors}" for signal in Signal for factors in Factors)
HIGHEST_COST_MULTIPLIER = 1000

_WORD = re.compile(r"[^\s\x00-\x1f](?:.{0,98}\S)?")
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


def _ascending(bounds: list[float]) -> list[float]:
    if bounds[0] >= bounds[1]:
        raise ValueError
    return bounds


def _whole(mix: dict[str, float]) -> dict[str, float]:
    # Published mixes are rounded.
    if not isclose(sum(mix.values()), 100, abs_tol=1.000001):
        raise ValueError
    return mix


def _listed(hours: object) -> object:
    return [hours] if isinstance(hours, str) else hours


Word = Annotated[str, matching(_WORD)]
Grams = Annotated[Number, Field(ge=0)]
Percent = Annotated[Number, Field(ge=0, le=100)]
CleanHours = Annotated[
    list[HoursText],
    Field(min_length=1),
    BeforeValidator(_listed),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
]
Kind = Literal[
    "biomass",
    "coal",
    "gas",
    "geothermal",
    "hydro",
    "nuclear",
    "oil",
    "other",
    "renewable",
    "solar",
    "wind",
]


class ProfileModel(StatingModel):
    """What is known better of one region; every key is optional."""

    zone: Word | None = None
    zones: dict[Word, Word] = Field(default_factory=dict)
    signal: Literal["average", "marginal"] | None = None
    factors: Literal["lifecycle", "direct"] | None = None
    sources: Annotated[list[Word], Field(min_length=1)] | None = None
    stand_ins: list[
        Literal["average/lifecycle", "average/direct", "marginal/lifecycle", "marginal/direct"]
    ] = Field(default_factory=list)
    range: (
        Annotated[list[Grams], Field(min_length=2, max_length=2), AfterValidator(_ascending)] | None
    ) = None
    average: Grams | None = None
    mix: Annotated[dict[Kind, Percent], AfterValidator(_whole)] | None = None
    clean_hours: CleanHours | None = None
    cost_multiplier: Annotated[Number, Field(gt=0, le=HIGHEST_COST_MULTIPLIER)] | None = None
    timezone: Word | None = None
    latitude: Annotated[Number, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[Number, Field(ge=-180, le=180)] | None = None
    country: Annotated[str, matching(_COUNTRY)] | None = None
    residency: Literal["eu", "eea", "uk", "ch", "adequate", "partial", "no"] | None = None


class ProfilesModel(StatingModel):
    """The whole document."""

    regions: dict[str, ProfileModel] | None = None


ALLOWED: Mapping[str, str] = {
    "zone": "the grid's zone as Electricity Maps names it, like SE-SE3",
    "zones": "a mapping of SOURCE: what that source calls the grid, a number in quotes",
    "signal": "average or marginal",
    "factors": "lifecycle or direct",
    "sources": "a list of sources in their order, like [neso, static]",
    "stand_ins": f"a list of bases that may stand in: {', '.join(BASES)}",
    "range": "two numbers in g/kWh, the lesser first, like [20, 700]",
    "average": "a number in g/kWh, 0 or more",
    "mix": (
        "percent by kind, 100 together (within 1), like {wind: 60, gas: 40}; kinds are "
        f"{', '.join(sorted(RENEWABLE_KINDS + OTHER_KINDS))}"
    ),
    "clean_hours": f"{HOURS_ALLOWED}; one or a list of them",
    "cost_multiplier": f"a number above 0, at most {HIGHEST_COST_MULTIPLIER}; the cheapest is 1",
    "timezone": "an IANA name like Europe/Stockholm",
    "latitude": "degrees from -90 to 90",
    "longitude": "degrees from -180 to 180",
    "country": "two capital letters, like SE",
    "residency": f"one of {', '.join(LEGAL_CLASSES)}",
}


def renewable_percent(mix: Mapping[Kind, float]) -> float:
    """The renewable share of a mix; where that is rounded, of what is there."""
    renewable = sum(percent for kind, percent in mix.items() if kind in RENEWABLE_KINDS)
    return round(100 * renewable / sum(mix.values()), 2)
