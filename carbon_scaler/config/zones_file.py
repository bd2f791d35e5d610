"""The grid zones of Electricity Maps as shipped in data/zones.csv: a dated list that moves."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.domain.suggestions import did_you_mean
from carbon_scaler.domain.trigger import quoted

MOST_EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zone:
    name: str
    status: str  # current, national, retired or invalid
    instead: tuple[str, ...]


def resolve_zone(text: str) -> str:
    """The zone that is meant; a retired or invalid name gives what stands in its place."""
    zone = _zones().get(text.casefold())
    if zone is None:
        return text
    return zone.instead[0] if zone.instead else zone.name


def zone_warnings(text: str) -> list[str]:
    """What a user should know who names this zone."""
    zone = _zones().get(text.casefold())
    if zone is None:
        return [_unknown(text)]
    match zone.status:
        case "retired":
            return [_replaced(zone, "is retired"), *_national(zone)]
        case "invalid":
            return [_replaced(zone, "is no zone"), *_national(zone)]
        case _:
            return _national(zone)


@cache
def _zones() -> Mapping[str, _Zone]:
    shipped = resources.files("carbon_scaler.config") / "data" / "zones.csv"
    rows = csv.DictReader(shipped.read_text("utf-8").splitlines())
    return {
        row["zone"].casefold(): _Zone(
            name=row["zone"], status=row["status"], instead=tuple(row["instead"].split())
        )
        for row in rows
    }


def _unknown(text: str) -> str:
    current = [zone.name for zone in _zones().values() if zone.status != "invalid"]
    suggestion = did_you_mean(text, current)
    hint = f'did you mean "{suggestion}"?' if suggestion else "is it newer than this version?"
    return f"{quoted(text)} is no zone that this version knows; {hint}"


def _replaced(zone: _Zone, what: str) -> str:
    if not zone.instead:
        return f"{zone.name} {what} and nothing took its place: name the zone around it"
    first, *others = zone.instead
    choice = f" (or {', '.join(others)})" if others else ""
    return f"{zone.name} {what}: {first}{choice}"


def _national(zone: _Zone) -> list[str]:
    """A country's key answers beside its sub-zones, with a blend that feeds nobody."""
    country = zone.instead[0] if zone.instead else zone.name
    if _zones()[country.casefold()].status != "national":
        return []
    fed = [r for r in load_catalog().values() if r.zone.startswith(f"{country}-")]
    of_its_own = {region.zone: region.name for region in reversed(fed)}
    examples = [f"{name} draws on {each}" for each, name in sorted(of_its_own.items())]
    if not examples:
        parts = sorted(
            each.name
            for each in _zones().values()
            if each.name.startswith(f"{country}-") and each.status == "current"
        )
        examples = [f"its parts are {', '.join(parts)}"]
    more = ["…"] if len(examples) > MOST_EXAMPLES else []
    return [f"{country} is a national blend; {', '.join([*examples[:MOST_EXAMPLES], *more])}"]
