"""Which expected path a decision may plan on."""

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.policy import Strategy


def is_there(case: Case) -> bool:
    """Whether the region has a forecast of our own, usable or not."""
    return _path(case) is not None


def usable_path(case: Case) -> ExpectedPath | None:
    """The region's own, while it tells of the present hour; None: see `wanting`."""
    path = _path(case)
    return None if path is None or wanting(case) else path


def wanting(case: Case) -> str:
    """Why there is nothing to plan on; empty where there is."""
    path = _path(case)
    if path is None:
        return "no forecast of our own is there yet"
    if case.reading is None or case.reading.basis != path.basis:
        return "the forecast is of another basis than the value that counts"
    if case.plan.settings.strategy is Strategy.AUTO and not path.is_seasoned:
        return f"the forecast was learned from {path.past_hours} h of the past only"
    if path.index_at(case.now) is None:
        return f"the forecast of {path.issued_at:%Y-%m-%dT%H:%MZ} tells nothing of this hour"
    return ""


def _path(case: Case) -> ExpectedPath | None:
    return None if case.series is None else case.series.expected
