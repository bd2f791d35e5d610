"""Which forecasts `backtest` plans on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from carbon_scaler.config.forecast_file import read_forecast
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.regions import split_region
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import quoted
from carbon_scaler.simulation.issues import Issues

OWN, NONE = "own", "none"
FORM = f"{OWN}, {NONE}, or REGION=FILE once for each region that has one"


class ForecastArgumentError(CarbonScalerError):
    """What says where forecasts come from is not understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastsAsked:
    """Whether anything is forecast, and the files of what others said of some regions."""

    own: bool
    files: Mapping[str, Path]


def parse_forecast_arguments(texts: Sequence[str]) -> ForecastsAsked:
    """All values of the option together."""
    files: dict[str, Path] = {}
    for text in texts:
        written, equals, file = text.partition("=")
        _, region = split_region(written.strip())
        if text not in (OWN, NONE) and not (equals and region and file):
            raise ForecastArgumentError(f"--forecast: {quoted(text)} is not allowed; write {FORM}")
        if equals and region in files:
            raise ForecastArgumentError(f"--forecast: {region} is there twice; keep one")
        if equals:
            files[region] = Path(file)
    if NONE in texts and len(texts) > 1:
        raise ForecastArgumentError(f"--forecast: {NONE} goes with nothing else; write {FORM}")
    return ForecastsAsked(own=NONE not in texts, files=files)


def read_forecasts(asked: ForecastsAsked, regions: Collection[str]) -> Mapping[str, Issues]:
    """What was issued, by region."""
    for region in asked.files:
        if region not in regions:
            raise ForecastArgumentError(
                f"--forecast: no --intensity is given for {quoted(region)}; "
                f"{allowed_names(region, regions)}"
            )
    return {region: read_forecast(file) for region, file in asked.files.items()}


def named(asked: ForecastsAsked) -> str:
    """Whose forecasts they are, in a line."""
    if not asked.own:
        return NONE
    files = (f"{region}={file}" for region, file in asked.files.items())
    return ", ".join([*files, OWN])
