import numpy as np

from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.forecasting.inputs import INTERCEPT, SHARED, WIDTH


def test_the_shipped_priors_cover_two_days_and_three_hours_of_delay():
    priors = load_priors()
    assert priors.ahead == 51
    assert priors.coefficients.shape == priors.mean_squares.shape == (51, WIDTH)
    assert priors.fading.shape == priors.lower.shape == priors.upper.shape == (51,)


def test_only_shared_inputs_have_a_prior_of_their_own():
    coefficients = load_priors().coefficients
    assert (coefficients[:, SHARED:] == 0).all()
    assert (np.abs(coefficients[:, :SHARED]).max(axis=1) > 0.01).all()


def test_every_input_has_a_strength():
    priors = load_priors()
    assert np.isfinite(priors.coefficients).all()
    assert (priors.mean_squares > 0).all()
    assert (priors.mean_squares[:, INTERCEPT] == 1).all()


def test_the_present_offset_fades():
    fading = load_priors().fading
    assert 0.8 < fading[0] <= 1.0
    assert (np.diff(fading[:12]) < 0).all()
    assert fading[-1] < 0.5


def test_eight_of_ten_errors_lie_on_both_sides_of_the_path():
    priors = load_priors()
    assert (priors.lower < 0).all()
    assert (priors.upper > 0).all()
    assert priors.upper[23] - priors.lower[23] > priors.upper[0] - priors.lower[0]
