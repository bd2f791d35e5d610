"""What other grids have taught the forecaster, as shipped in data/forecast_priors.npz."""

from functools import cache
from importlib import resources
from io import BytesIO

import numpy as np

from carbon_scaler.forecasting.regression import Priors

FILE = "forecast_priors.npz"


@cache
def load_priors() -> Priors:
    """The shipped coefficients and their strengths, one row per hour ahead."""
    shipped = resources.files("carbon_scaler.config") / "data" / FILE
    with np.load(BytesIO(shipped.read_bytes()), allow_pickle=False) as arrays:
        columns = {name: arrays[name].astype(np.float64) for name in arrays.files}
    return Priors(**columns)
