import numpy as np
import pytest

from carbon_scaler.forecasting.accuracy import Accuracy
from carbon_scaler.forecasting.choice import Scored, chosen

EVERY = ("regression", "profile_offset", "yesterday", "static_average", "persistence")


def scored(**grams: float) -> dict[str, Scored]:
    return {
        model: Scored(
            accuracy=Accuracy(
                model=model, pairs=8000, grams=error, percent=error / 3, by_horizon=(error,) * 3
            ),
            losses=np.full(14 * 24, error),
        )
        for model, error in grams.items()
    }


def test_the_best_founded_model_is_used_where_nothing_speaks_against_it():
    model, rejected = chosen(EVERY, {})
    assert model == "regression"
    assert rejected == ()


@pytest.mark.parametrize(
    ("available", "model"),
    [
        (("profile_offset", "yesterday", "persistence"), "profile_offset"),
        (("yesterday", "static_average", "persistence"), "yesterday"),
        (("static_average", "persistence"), "static_average"),
        (("persistence",), "persistence"),
    ],
)
def test_what_is_not_there_is_passed_over(available: tuple[str, ...], model: str):
    assert chosen(available, {})[0] == model


def test_a_worse_regression_leaves_it_to_the_profile():
    scores = scored(regression=30.0, profile_offset=20.0, persistence=25.0, yesterday=40.0)
    model, (rejection,) = chosen(EVERY, scores)
    assert model == "profile_offset"
    assert rejection.accuracy.model == "regression"
    assert rejection.better.model == "persistence"


@pytest.mark.parametrize("best", ["persistence", "yesterday"])
def test_where_both_are_worse_the_best_yardstick_is_used(best: str):
    scores = scored(regression=30.0, profile_offset=30.0, persistence=25.0, yesterday=25.0)
    scores |= scored(**{best: 20.0})
    model, rejected = chosen(EVERY, scores)
    assert model == best
    assert [rejection.better.model for rejection in rejected] == [best, best]


def test_a_yardstick_that_is_not_there_cannot_stand_in():
    scores = scored(regression=30.0, profile_offset=30.0, yesterday=20.0)
    assert chosen(("regression", "profile_offset", "persistence"), scores)[0] == "persistence"
