"""Strategy `quantile`: open while the grid is clean for its own recent past."""

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.decision import Ruling


def rule(case: Case) -> Ruling | None:  # noqa: ARG001
    """Says nothing yet."""
    return None
