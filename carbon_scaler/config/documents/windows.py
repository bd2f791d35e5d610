"""time-shift-policies.yaml: whether work is shifted, and the hours to seek or avoid."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Annotated, Literal

from pydantic import Field

from carbon_scaler.config.documents.overlaps import first_overlap
from carbon_scaler.config.documents.words import check_words, refusal, region_named
from carbon_scaler.config.hours import HOURS_ALLOWED, HoursText, span_of, time_zone, zone_meant
from carbon_scaler.config.yaml_document import KeyPath, YamlDocument
from carbon_scaler.config.yaml_schema import Number, StatingModel, read_whole
from carbon_scaler.domain.policy import TimeShift
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.windows import TimeWindow, WindowEffect

# Every pair is compared in every region.
MOST_WINDOWS = 200
USUAL_BONUS = 10.0
OF_THE_REGION = "region"


class WindowModel(StatingModel):
    """One window as it is written."""

    name: Annotated[str, Field(pattern=r"^[^\s\x00-\x1f]([^\x00-\x1f]{0,98}[^\s\x00-\x1f])?$")]
    hours: HoursText
    timezone: str = "UTC"
    regions: Annotated[list[str], Field(min_length=1)] | None = None
    effect: Literal["prefer", "forbid"]
    priority: Annotated[int, Field(ge=1, le=9)] = 1
    bonus_percent: Annotated[Number, Field(ge=0, le=100)] | None = None


class TimeShiftModel(StatingModel):
    """The whole document."""

    enabled: bool = True
    windows: list[WindowModel] = Field(default_factory=list)


ALLOWED: Mapping[str, str] = {
    "enabled": "true or false",
    "name": "a text of up to 100 characters in one line",
    "hours": HOURS_ALLOWED,
    "timezone": "UTC, region (each region's own) or an IANA name like Europe/Berlin",
    "regions": "a list of cloud regions; leave it out for all",
    "effect": "prefer or forbid",
    "priority": "a whole number from 1 (counts first) to 9",
    "bonus_percent": "a number from 0 to 100, how much cleaner a preferred hour counts",
    "windows": "a list of windows, each with name, hours and effect",
}


def read_time_shift(document: YamlDocument, catalog: Catalog) -> TimeShift:
    """The windows in their order; those that contradict each other are refused."""
    check_words(document, "windows", {"effect": list(WindowEffect)})
    written = read_whole(TimeShiftModel, document, allowed=ALLOWED)
    if len(written.windows) > MOST_WINDOWS:
        raise document.error(
            ("windows",), f"windows: {len(written.windows)} are too many; at most {MOST_WINDOWS}"
        )
    _check_names(document, written.windows)
    windows = [
        _window(document, ("windows", index), each, catalog)
        for index, each in enumerate(written.windows)
    ]
    _check_overlaps(document, windows, catalog)
    return TimeShift(enabled=written.enabled, windows=tuple(windows))


def _check_names(document: YamlDocument, windows: Sequence[WindowModel]) -> None:
    names: set[str] = set()
    for index, window in enumerate(windows):
        if window.name in names:
            allowed = "another window has that name; each needs its own"
            raise refusal(document, ("windows", index, "name"), window.name, allowed)
        names.add(window.name)


def _window(
    document: YamlDocument, path: KeyPath, written: WindowModel, catalog: Catalog
) -> TimeWindow:
    begins, ends = span_of(written.hours)
    return TimeWindow(
        name=written.name,
        begins=begins,
        ends=ends,
        effect=WindowEffect(written.effect),
        timezone=_zone(document, (*path, "timezone"), written.timezone),
        regions=frozenset(
            region_named(document, (*path, "regions", index), text, catalog)
            for index, text in enumerate(written.regions or ())
        ),
        priority=written.priority,
        bonus_percent=_bonus(document, (*path, "bonus_percent"), written),
    )


def _zone(document: YamlDocument, path: KeyPath, name: str) -> tzinfo | None:
    if name == OF_THE_REGION:
        return None
    zone = time_zone(name)
    if zone is None:
        raise refusal(document, path, name, zone_meant(name) + ALLOWED["timezone"])
    return zone


def _bonus(document: YamlDocument, path: KeyPath, written: WindowModel) -> float:
    if written.effect == "forbid":
        if written.bonus_percent is not None:
            said = f"{written.bonus_percent:g}"
            raise refusal(document, path, said, "it counts with effect: prefer only")
        return 0.0
    return USUAL_BONUS if written.bonus_percent is None else written.bonus_percent


def _check_overlaps(document: YamlDocument, windows: list[TimeWindow], catalog: Catalog) -> None:
    found = first_overlap(windows, catalog)
    if found is not None:
        window, other = windows[found.later], windows[found.earlier]
        raise document.error(
            ("windows", found.later, "hours"),
            f'windows.{found.later}.hours: "{window.name}" overlaps "{other.name}" in '
            f"{found.region} in {found.month} with the same priority {window.priority}; give one "
            "another priority, other hours or other regions",
        )
