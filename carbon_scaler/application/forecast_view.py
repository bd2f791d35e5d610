"""A forecast of our own told in full; pure."""

from collections.abc import Mapping
from typing import Any

from carbon_scaler.forecasting.accuracy import HORIZONS, Accuracy
from carbon_scaler.forecasting.forecast import Forecast
from carbon_scaler.forecasting.hours import HOUR_SECONDS, instant_of
from carbon_scaler.simulation.regret import Regret


def forecast_document(region: str, forecast: Forecast) -> dict[str, Any]:
    """What is expected, by which model, how sure it is, and how it fared."""
    return {
        "region": region,
        "model": forecast.model,
        "issued_at": forecast.issued_at,
        "known_until": forecast.known_until,
        "accuracy": None if forecast.accuracy is None else accuracy_document(forecast.accuracy),
        "rejected": rejected_documents(forecast),
        "points": [
            {
                "starts_at": instant_of(start / HOUR_SECONDS),
                "grams_per_kwh": round(float(grams), 3),
                "lower": round(float(lower), 3),
                "upper": round(float(upper), 3),
            }
            for start, grams, lower, upper in zip(
                forecast.starts, forecast.grams, forecast.lower, forecast.upper, strict=True
            )
        ],
    }


def rejected_documents(forecast: Forecast) -> list[dict[str, Any]]:
    """Models that are not used, each beside what was better."""
    return [
        {"model": accuracy_document(each.accuracy), "better": accuracy_document(each.better)}
        for each in forecast.rejected
    ]


def score_document(
    region: str, forecast: Forecast, scores: Mapping[str, Accuracy]
) -> dict[str, Any]:
    """How each model would have fared over the last days, the best first."""
    ordered = sorted(scores.values(), key=lambda score: score.grams)
    return {
        "region": region,
        "used": forecast.model,
        "models": [accuracy_document(score) for score in ordered],
        "rejected": rejected_documents(forecast),
    }


def regret_document(
    found: Regret | None, *, slack_hours: int, duration_hours: int
) -> dict[str, Any]:
    """What starting by each forecast cost beyond the best start, the least first."""
    beyond = {} if found is None else dict(sorted(found.beyond.items(), key=lambda each: each[1]))
    return {
        "slack_hours": slack_hours,
        "duration_hours": duration_hours,
        "decisions": 0 if found is None else found.decisions,
        "best_grams_per_kwh": None if found is None else round(found.best, 3),
        "beyond_best": {name: round(grams, 3) for name, grams in beyond.items()},
    }


def accuracy_document(score: Accuracy) -> dict[str, Any]:
    """Mean errors in g/kWh, up to a day ahead and by how far ahead."""
    by_horizon = zip(HORIZONS, score.by_horizon, strict=True)
    return {
        "model": score.model,
        "compared": score.pairs,
        "mean_error_grams": round(score.grams, 3),
        "mean_error_percent": round(score.percent, 3),
        "by_hours_ahead": {
            f"{first}-{last}": None if grams is None else round(grams, 3)
            for (first, last), grams in by_horizon
        },
    }
