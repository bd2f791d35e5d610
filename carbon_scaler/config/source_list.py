"""Which sources serve, and for which regions, where the user leaves that open."""

from collections.abc import Callable, Collection, Sequence

from carbon_scaler.config.settings import (
    KEYLESS_SOURCES,
    SECRETS,
    SOURCES,
    Settings,
    SettingsError,
)
from carbon_scaler.domain.regions import Catalog, CloudRegion
from carbon_scaler.domain.suggestions import allowed_names

# One of each large market, and the one that has live values without a key.
DEFAULT_REGIONS = ("us-east-1", "us-west-2", "eu-central-1", "eu-west-2")
# What a source can't do without.
KEYS = {
    "electricity_maps": ("electricity_maps_api_key",),
    "watttime": ("watttime_username", "watttime_password"),
}
NOT_LIVE = frozenset({"static", "replay"})


def sources_in_force(
    settings: Settings, own: Sequence[str] = (), plug_ins: Collection[str] = ()
) -> tuple[str, ...]:
    """The listed sources; without a list the user's own ones, those with a key, the keyless ones.

    Plug-ins serve only where they are listed: being installed is not being wanted.
    """
    if not settings.sources:
        keyed = [source for source in KEYS if not _missing_keys(settings, source)]
        return (*own, *keyed, *KEYLESS_SOURCES)
    for source in settings.sources:
        _check(settings, source, (*own, *plug_ins, *SOURCES))
    if "replay" in settings.sources and len(settings.sources) > 1:
        raise SettingsError(
            "CARBON_SCALER_SOURCES: replay stands alone; replayed values never mix with live ones"
        )
    return tuple(dict.fromkeys(settings.sources))


def wanted_regions(
    settings: Settings, catalog: Catalog, serves: Callable[[CloudRegion], bool]
) -> tuple[str, ...]:
    """The regions that are named, else of the default ones those that a source serves."""
    named = settings.regions or ((settings.region,) if settings.region else ())
    return named or tuple(name for name in DEFAULT_REGIONS if serves(catalog[name]))


def live(sources: Collection[str]) -> tuple[str, ...]:
    """Those whose values are of now."""
    return tuple(source for source in sources if source not in NOT_LIVE)


def _check(settings: Settings, source: str, known: Collection[str]) -> None:
    if source not in known:
        raise SettingsError(
            f'CARBON_SCALER_SOURCES: "{source}" is not known; {allowed_names(source, known)}'
        )
    missing = _missing_keys(settings, source)
    if missing:
        raise SettingsError(
            f"CARBON_SCALER_SOURCES names {source}, which needs {' and '.join(missing)} "
            "(or the same with _FILE)"
        )


def _missing_keys(settings: Settings, source: str) -> list[str]:
    return [SECRETS[field] for field in KEYS.get(source, ()) if getattr(settings, field) is None]
