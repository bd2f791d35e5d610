"""Readings as rows of `co2e_emissions`."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from math import isfinite

from carbon_scaler.domain.intensity import MIX_KINDS, Provenance, Reading, RenewableShare
from carbon_scaler.storage.plain_text import storable_json, storable_text
from carbon_scaler.storage.pool import Connection

WRITER_LOCK = 0x636F_3265  # any number that nobody else takes: "co2e"
LARGEST = 999_999.0  # grams that numeric(10,4) holds; by far implausible
LONGEST = timedelta(days=366)
ALL = 100.0  # percent

_KEY = ("region", "timestamp", "source", "signal", "factors")
# Column, type of the parameter, what it is of a reading.
_VALUE: tuple[tuple[str, str, Callable[[Reading], object]], ...] = (
    ("gco2_per_kwh", "float8", lambda r: storable_grams(r.grams_per_kwh)),
    ("renewable_percent", "float8", lambda r: _share(r.renewable)[0]),
    ("renewable_at_least", "float8", lambda r: _share(r.renewable)[1]),
    ("renewable_at_most", "float8", lambda r: _share(r.renewable)[2]),
    ("kind", "text", lambda r: r.kind.value),
    ("fetched_at", "timestamptz", lambda r: r.fetched_at),
    ("usable_for", "interval", lambda r: r.usable_for),
)


def _told(of: Callable[[Provenance], object]) -> Callable[[Reading], object]:
    return lambda r: None if r.provenance is None else of(r.provenance)


def _mix(kind: str) -> Callable[[Reading], object]:
    return _told(lambda p: _percent((p.mix or {}).get(kind)))


_PROVENANCE: tuple[tuple[str, str, Callable[[Reading], object]], ...] = (
    ("provider_zone", "text", _told(lambda p: storable_text(p.provider_zone))),
    ("licence_class", "text", _told(lambda p: storable_text(p.licence_class))),
    ("accounting", "text", _told(lambda p: storable_text(p.accounting))),
    ("method", "text", _told(lambda p: storable_text(p.method))),
    ("lasts", "interval", _told(lambda p: storable_length(p.lasts))),
    ("generated_at", "timestamptz", _told(lambda p: p.generated_at)),
    ("provider_updated_at", "timestamptz", _told(lambda p: p.updated_at)),
    ("confidence_score", "float8", _told(lambda p: _confidence(p.confidence))),
    ("suspected", "text", _told(lambda p: storable_text(p.flagged))),
    ("metadata", "jsonb", _told(lambda p: storable_json(p.remarks))),
    *((f"energy_mix_{kind}", "float8", _mix(kind)) for kind in MIX_KINDS),
)
_COLUMNS: tuple[tuple[str, str, Callable[[Reading], object]], ...] = (
    ("region", "text", lambda r: r.region),
    ("timestamp", "timestamptz", lambda r: r.observed_at),
    ("source", "text", lambda r: r.source),
    ("signal", "text", lambda r: r.basis.signal.value),
    ("factors", "text", lambda r: r.basis.factors.value),
    *_VALUE,
    *_PROVENANCE,
)


_SHARE = ("renewable_percent", "renewable_at_least", "renewable_at_most")
_MIX = tuple(f"energy_mix_{kind}" for kind in MIX_KINDS)


def _statement() -> str:
    names = ", ".join(name for name, _, _ in _COLUMNS)
    arrays = ", ".join(f"${n}::{kind}[]" for n, (_, kind, _) in enumerate(_COLUMNS, start=2))
    key = ", ".join(_KEY)
    changes = ", ".join(f"{name} = {_new_or_kept(name)}" for name, _, _ in _VALUE + _PROVENANCE)
    return f"""
        WITH one_writer AS MATERIALIZED (SELECT pg_advisory_xact_lock($1))
        INSERT INTO co2e_emissions ({names})
        SELECT DISTINCT ON ({key}) {names}
        FROM one_writer, unnest({arrays}) WITH ORDINALITY AS reading ({names}, nth)
        ORDER BY {key}, nth DESC
        ON CONFLICT ({key}) DO UPDATE SET {changes}
        """  # noqa: S608 - names of columns


def _new_or_kept(name: str) -> str:
    """What a column of a stored row becomes."""
    kept_if = []
    if name in {column for column, _, _ in _PROVENANCE}:
        # Who tells nothing of where a value comes from takes away nothing of what is known of it.
        kept_if.append("excluded.licence_class IS NULL")
    if name in (*_SHARE, *_MIX, "metadata"):
        # The mix comes apart from the value, and not each time: it stays with its value.
        kept_if.append(
            "(excluded.gco2_per_kwh = co2e_emissions.gco2_per_kwh"
            f" AND {_mix_is_known('co2e_emissions')} AND NOT {_mix_is_known('excluded')})"
        )
    if not kept_if:
        return f"excluded.{name}"
    kept = f"co2e_emissions.{name}"
    return f"CASE WHEN {' OR '.join(kept_if)} THEN {kept} ELSE excluded.{name} END"


def _mix_is_known(row: str) -> str:
    """Any part of it, or any bound of the renewable share."""
    parts = ", ".join(f"{row}.{name}" for name in _MIX)
    bounds = f"{row}.renewable_at_least > 0 OR {row}.renewable_at_most < 100"
    return f"(num_nonnulls({parts}, {row}.renewable_percent) > 0 OR coalesce({bounds}, false))"


_UPSERT = _statement()


async def upsert(connection: Connection, readings: Sequence[Reading]) -> int:
    """Rows new or changed; triggers drop what changes nothing, and fill and flag the rest.

    Under a lock, because two writers of the same rows would wait for each other; of two values
    for one row the last counts.
    """
    columns = ([value_of(reading) for reading in readings] for _, _, value_of in _COLUMNS)
    tag = await connection.execute(_UPSERT, WRITER_LOCK, *columns)
    return int(tag.rpartition(" ")[2])


def storable_grams(grams: float) -> float:
    """As numeric(10,4) can hold it; what it can't is implausible and stays so."""
    return grams if grams != grams else min(max(grams, -LARGEST), LARGEST)  # noqa: PLR0124


def _share(share: RenewableShare) -> tuple[float | None, float | None, float | None]:
    """The share if it is known, else its bounds; stated even if unknown, before any mix."""
    at_least, at_most = round(share.at_least, 2), round(share.at_most, 2)
    if not 0 <= at_least <= at_most <= ALL:
        return None, 0.0, ALL
    return (at_least, None, None) if at_least == at_most else (None, at_least, at_most)


def _percent(percent: float | None) -> float | None:
    if percent is None or not isfinite(percent):
        return None
    rounded = round(percent, 2)
    return rounded if 0 <= rounded <= ALL else None


def _confidence(score: float | None) -> float | None:
    return None if score is None or not isfinite(score) else min(max(score, 0.0), 1.0)


def storable_length(lasts: timedelta | None) -> timedelta | None:
    """The length of an interval, None where it can be none."""
    return lasts if lasts is not None and timedelta(0) <= lasts <= LONGEST else None
