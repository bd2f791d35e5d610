"""Great Britain's generation by fuel."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from carbon_scaler.domain.intensity import UNKNOWN_SHARE, Mix, RenewableShare
from carbon_scaler.providers.fields import FieldError, number, objects, text

# What comes over the cables is of many kinds; it is counted as no kind of its own.
FUELS = {
    "biomass": "biomass",
    "coal": "coal",
    "gas": "gas",
    "hydro": "hydro",
    "imports": "other",
    "nuclear": "nuclear",
    "oil": "oil",
    "other": "other",
    "solar": "solar",
    "wind": "wind",
}
RENEWABLE = frozenset({"solar", "wind", "hydro", "biomass"})

MixBySlot = Mapping[datetime, Mix]


def parse_mix(row: Mapping[str, Any]) -> Mix | None:
    """Percent by kind; None where there is none or it cannot be: it never costs the intensity."""
    try:
        mix = _mix(objects(row, "generationmix"))
    except FieldError:
        return None
    return mix or None


def _mix(parts: Iterable[Mapping[str, Any]]) -> Mix:
    mix: dict[str, float] = {}
    for part in parts:
        percent = number(part, "perc")
        if percent is not None:
            kind = FUELS.get(text(part, "fuel") or "other", "other")
            mix[kind] = round(mix.get(kind, 0.0) + _checked(percent), 2)
    return mix


def renewable_share(mix: Mix | None) -> RenewableShare:
    """What is renewable for certain, and at most; imports are not counted as renewable."""
    if not mix:
        return UNKNOWN_SHARE
    known = sum(percent for kind, percent in mix.items() if kind in RENEWABLE)
    rest = sum(percent for kind, percent in mix.items() if kind not in RENEWABLE)
    at_least = round(min(100.0, known), 2)
    at_most = at_least if mix.keys() >= RENEWABLE else round(max(at_least, 100.0 - rest), 2)
    return RenewableShare(at_least=at_least, at_most=at_most)


def _checked(percent: float) -> float:
    if not 0 <= percent <= 100:  # noqa: PLR2004  percent
        raise FieldError(f"`perc` is {percent:g}, not between 0 and 100")
    return percent
