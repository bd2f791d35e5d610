"""Numbers side by side, one of each thing."""

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
