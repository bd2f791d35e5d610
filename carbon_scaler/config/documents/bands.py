"""carbon-thresholds.yaml: names for intensities."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from carbon_scaler.config.yaml_document import YamlDocument
from carbon_scaler.config.yaml_schema import Number, StatingModel, dotted, matching, read_whole
from carbon_scaler.domain.bands import CLASSIFICATION, FIVE_BANDS, Band, Bands
from carbon_scaler.domain.curves import MOST_GRAMS
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import quoted

# It begins with a letter, so that a number with a unit is no name.
BAND_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}", re.ASCII)
LIMIT_ALLOWED = f"a number above 0 to {MOST_GRAMS:g}, in g/kWh and without a unit"

BandName = Annotated[str, matching(BAND_NAME)]


class BandModel(StatingModel):
    """One band as it is written."""

    name: BandName
    below: Annotated[Number, Field(gt=0, le=MOST_GRAMS)] | None = None
    min_renewable_percent: Annotated[Number, Field(ge=0, le=100)] | None = None


Table = Annotated[list[BandModel], Field(min_length=1)]


class BandsModel(StatingModel):
    """The whole document."""

    bands: Table | None = None
    classification: Table | None = None


ALLOWED: Mapping[str, str] = {
    "name": "a name that begins with a letter, of letters, digits and _ - up to 40 long",
    "below": LIMIT_ALLOWED,
    "min_renewable_percent": "a number from 0 to 100",
    "bands": "a list of bands, from clean to dirty: - {name: clean, below: 200}",
    "classification": "a list of bands, from clean to dirty: - {name: clean, below: 200}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BandsDocument:
    """Both tables of names."""

    bands: Bands = FIVE_BANDS
    classification: Bands = CLASSIFICATION

    @property
    def limits(self) -> Mapping[str, float | None]:
        """Where each band ends, in g/kWh; a name in both tables is that of `bands`."""
        return {band.name: band.below for band in (*self.classification, *self.bands)}

    def limit(self, written: float | str, document: YamlDocument, path: tuple[str, ...]) -> float:
        """The number that stands at a path, or the end of the band that is named there."""
        if isinstance(written, float):
            return written
        ends = {name: below for name, below in self.limits.items() if below is not None}
        if written in ends:
            return ends[written]
        wrong = "is the last band and ends nowhere" if written in self.limits else "is no band"
        raise document.error(
            path,
            f"{dotted(path)}: {quoted(written)} {wrong}; {LIMIT_ALLOWED}, or the name of a "
            f"band: {allowed_names(written, ends)}",
        )


def read_bands(document: YamlDocument) -> BandsDocument:
    """The tables of this document; one that it does not have is the built-in one."""
    written = read_whole(BandsModel, document, allowed=ALLOWED)
    return BandsDocument(
        bands=_table(written.bands, "bands", document) or FIVE_BANDS,
        classification=_table(written.classification, "classification", document) or CLASSIFICATION,
    )


def _table(written: Sequence[BandModel] | None, key: str, document: YamlDocument) -> Bands:
    bands = tuple(
        Band(name=each.name, below=each.below, min_renewable_percent=each.min_renewable_percent)
        for each in written or ()
    )
    for index in range(len(bands)):
        wrong = _wrong(bands, index)
        if wrong:
            raise document.error(
                (key, index), f"{key}.{index}: {quoted(bands[index].name)} {wrong}"
            )
    return bands


def _wrong(bands: Bands, index: int) -> str | None:
    band, before = bands[index], bands[:index]
    if any(each.name == band.name for each in before):
        return "is listed twice; give each band a name of its own"
    if index == len(bands) - 1:
        return None if band.below is None else "is the last band: leave out its `below`"
    if band.below is None:
        return "has no `below`; only the last band goes on without end"
    previous = before[-1].below if before else None
    if previous is not None and band.below <= previous:
        return f"ends below {band.below:g}; more than {previous:g}, where the band before it ends"
    return None
