"""Sources in other Python packages, found by the entry-point group `carbon_scaler.sources`."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from carbon_scaler.application.grid_sources import GridSource, SourceTraits
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.providers.transport import Transport

GROUP = "carbon_scaler.sources"
METHODS = ("serves", "zone_of", "zones", "latest", "history", "forecast")


class PluginError(CarbonScalerError):
    """A plug-in can't be used; the text names its distribution and entry point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContext:
    """What a plug-in is given to work with."""

    name: str
    # A transport to this address, which counts, retries, and keeps secrets out of errors.
    open_transport: Callable[[str], Transport]
    # The value of an environment variable; None where it is not set.
    variable: Callable[[str], str | None]


SourceFactory = Callable[[SourceContext], GridSource]


def installed() -> Collection[str]:
    """The names of the plug-ins that are installed; none is imported."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def load(names: Collection[str], built_in: Collection[str] = ()) -> Mapping[str, SourceFactory]:
    """The factories of these plug-ins by name; only these are imported."""
    return {name: _factory(_only(name, built_in)) for name in names}


def _only(name: str, built_in: Collection[str]) -> EntryPoint:
    points = sorted(entry_points(group=GROUP, name=name), key=_described)
    if not points:
        raise PluginError(f'no plug-in "{name}" is installed; {allowed_names(name, installed())}')
    if len(points) > 1:
        both = " and ".join(map(_described, points))
        raise PluginError(f'two plug-ins are called "{name}": {both}; remove one')
    if name in built_in:
        raise PluginError(
            f'{_described(points[0])}: "{name}" is a source that is built in; rename the entry point'
        )
    return points[0]


def _factory(point: EntryPoint) -> SourceFactory:
    where = _described(point)
    try:
        factory = point.load()
    except Exception as error:
        raise PluginError(f"{where}: can't be imported: {_said(error)}") from error
    if not callable(factory):
        raise PluginError(f"{where}: is not callable; name a function of a SourceContext")

    def made(context: SourceContext) -> GridSource:
        try:
            source = factory(context)
            traits = getattr(source, "traits", None)
        except Exception as error:
            raise PluginError(f"{where}: failed to make its source: {_said(error)}") from error
        return _checked(source, traits, where, point.name)

    return made


def _checked(source: GridSource, traits: object, where: str, name: str) -> GridSource:
    if not isinstance(traits, SourceTraits):
        raise PluginError(f"{where}: its source has no traits; give it a SourceTraits as `traits`")
    if traits.name != name:
        raise PluginError(f'{where}: its traits say the name "{traits.name}"; it must be "{name}"')
    lacking = [method for method in METHODS if not callable(getattr(source, method, None))]
    if lacking:
        raise PluginError(f"{where}: its source lacks {', '.join(lacking)}; see GridSource")
    return source


def _described(point: EntryPoint) -> str:
    distribution = point.dist.name if point.dist else "an unknown distribution"
    return f"{distribution}, entry point {point.name} = {point.value}"


def _said(error: Exception) -> str:
    """One line; the cause is chained for whoever mends it."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
