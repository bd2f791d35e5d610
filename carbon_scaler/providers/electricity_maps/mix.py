"""What generates in a zone, in shares of its production."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from carbon_scaler.domain.intensity import Mix, RenewableShare
from carbon_scaler.providers.electricity_maps.answers import Asked, checked_rows
from carbon_scaler.providers.fields import FieldError, instant, mapping, number

# As Electricity Maps names sources, and the kind under which each is kept. Discharged storage
# and imports were generated at another time or place, and count nowhere.
KINDS = {
    "solar": "solar",
    "wind": "wind",
    "hydro": "hydro",
    "nuclear": "nuclear",
    "coal": "coal",
    "gas": "gas",
    "oil": "oil",
    "biomass": "biomass",
    "geothermal": "geothermal",
    "unknown": "other",
}
RENEWABLE = ("solar", "wind", "hydro", "biomass", "geothermal")
# The source states the share of consumption, we compute that of production.
MOST_POINTS_APART = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneMix:
    """What generates in the hour that begins at `starts_at`."""

    starts_at: datetime
    mix: Mix
    renewable: RenewableShare
    remarks: tuple[str, ...] = ()


def parse_mix(document: object, asked: Asked) -> ZoneMix | None:
    """Of the newest hour; None where nothing is known to generate."""
    _, rows = checked_rows(document, asked, "history")
    row = max(rows, key=lambda candidate: instant(candidate, "datetime"))
    mix = shares(_production(row))
    if not mix:
        return None
    computed = _computed(mix)
    stated = number(row, "renewablePercentage")
    if stated is not None and not 0 <= stated <= 100:  # noqa: PLR2004  percent
        raise FieldError(f"`renewablePercentage` is {stated:g}, not a percentage")
    return ZoneMix(
        starts_at=instant(row, "datetime"),
        mix=mix,
        renewable=(computed if stated is None else RenewableShare(at_least=stated, at_most=stated)),
        remarks=_disagreement(stated, computed),
    )


def shares(production: Mapping[str, Any]) -> dict[str, float]:
    """Percent of the known production, by kind; a part that is null or negative is not known."""
    amounts = {
        kind: amount
        for name, kind in KINDS.items()
        if (amount := number(production, name)) is not None and amount >= 0
    }
    total = sum(amounts.values())
    return {kind: 100 * amount / total for kind, amount in amounts.items()} if total > 0 else {}


def _production(row: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in ("mix", "powerProductionBreakdown"):
        if name in row:
            return mapping(row[name], f"`{name}`")
    raise FieldError("neither `mix` nor `powerProductionBreakdown` is there")


def _computed(mix: Mix) -> RenewableShare:
    """What is of unknown kind may be renewable or not."""
    renewable = min(sum(mix.get(kind, 0.0) for kind in RENEWABLE), 100.0)
    return RenewableShare(at_least=renewable, at_most=min(renewable + mix.get("other", 0.0), 100.0))


def _disagreement(stated: float | None, computed: RenewableShare) -> tuple[str, ...]:
    if stated is None:
        return ()
    apart = max(computed.at_least - stated, stated - computed.at_most)
    if apart <= MOST_POINTS_APART:
        return ()
    return (f"renewable share: {stated:g} % stated, {computed.at_least:.1f} % of known production",)
