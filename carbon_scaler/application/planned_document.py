"""What is planned for waiting work, and on which forecast; pure."""

from typing import Any

from carbon_scaler.decisions.case import Case
from carbon_scaler.decisions.foresight import usable_path, wanting
from carbon_scaler.decisions.planning import planned_start
from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.policy import Strategy

PLANNING = (Strategy.AUTO, Strategy.FORECAST)


def planned_document(case: Case) -> dict[str, Any] | None:
    """The best later start and what waiting for it is expected to save; None: nobody asks for it."""
    if case.plan.settings.strategy not in PLANNING:
        return None
    path = usable_path(case)
    if path is None:
        return {"wanting": wanting(case), "start": None, "forecast": None}
    return {"wanting": None, "start": _start(case), "forecast": _forecast(path)}


def _start(case: Case) -> dict[str, Any] | None:
    planned = planned_start(case)
    if planned is None:
        return None
    saved = planned.now_grams_per_kwh - planned.grams_per_kwh
    return {
        "starts_at": planned.starts_at,
        "latest_start_at": planned.latest_start_at,
        "duration": planned.duration,
        "grams_per_kwh": round(planned.grams_per_kwh, 3),
        "lower": round(planned.lower, 3),
        "upper": round(planned.upper, 3),
        "now_grams_per_kwh": round(planned.now_grams_per_kwh, 3),
        "saving_percent": round(planned.saving_percent, 1),
        "saving_grams_per_job": round(saved * case.plan.settings.job_energy_kwh, 3),
        "job_energy_kwh": case.plan.settings.job_energy_kwh,
    }


def _forecast(path: ExpectedPath) -> dict[str, Any]:
    error = path.error
    return {
        "model": path.model,
        "issued_at": path.issued_at,
        "known_until": path.known_until,
        "learned_from_hours": path.past_hours,
        "error_grams": None if error is None else round(error.grams, 3),
        "error_percent": None if error is None else round(error.percent, 3),
        "compared": None if error is None else error.compared,
        "rejected": list(path.rejected),
    }
