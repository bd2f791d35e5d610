"""What an intensity counts for: itself, less the bonus of a preferred hour."""

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.intensity import Reading


def counted_grams(case: Case, reading: Reading) -> float:
    """What is compared in this hour, in g/kWh."""
    return reading.grams_per_kwh * (1 - case.bonus_percent / 100)


def counted_text(case: Case, reading: Reading) -> str:
    """The value and, where it differs, what it counts as, in g/kWh."""
    window = case.window
    if window is None or case.bonus_percent == 0:
        return f"{reading.grams_per_kwh:g} g/kWh"
    counted = counted_grams(case, reading)
    return (
        f"{reading.grams_per_kwh:g} g/kWh, in the preferred hours of {window.name} "
        f"counted as {counted:g},"
    )
