"""`python -m tests.bench.forecasting.learn`: the shipped coefficients, from the traces of 2020 and
2021 alone. The same traces give the same file."""

import argparse
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

from carbon_scaler.config.forecast_priors import FILE, load_priors
from carbon_scaler.forecasting.hours import HourlyHistory
from carbon_scaler.forecasting.regression import Priors
from tests.bench.forecasting.learning import learned, pooled
from tests.bench.forecasting.traces import PROJECT, histories, traces_directory

PATTERNS = ("dacf_*_2020-2021.csv", "em_*_2021.csv")
TARGET = PROJECT / "carbon_scaler" / "config" / "data" / FILE
# Of an archive, so that its bytes depend on its contents alone.
TIMESTAMP = (1980, 1, 1, 0, 0, 0)


def teachers(directory: Path) -> list[HourlyHistory]:
    """The grids to learn from, in one order."""
    files = sorted(file for pattern in PATTERNS for file in directory.glob(pattern))
    return [history for file in files for _, history in histories(file)]


def written(priors: Priors) -> bytes:
    """As an archive of arrays in single precision."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(Priors.__dataclass_fields__):
            array = io.BytesIO()
            np.save(array, np.float32(getattr(priors, name)))
            entry = zipfile.ZipInfo(f"{name}.npy", TIMESTAMP)
            archive.writestr(entry, array.getvalue(), zipfile.ZIP_DEFLATED)
    return target.getvalue()


def check(priors: Priors) -> None:
    """Fail where what is shipped is not what the traces teach."""
    for name in Priors.__dataclass_fields__:
        shipped, made = getattr(load_priors(), name), getattr(priors, name)
        if not np.allclose(shipped, made, rtol=1e-4, atol=1e-6):
            sys.exit(f"{name} in {FILE} is not what the traces teach: run this without --check")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    wanted = parser.parse_args()
    grids = teachers(traces_directory())
    priors = learned(pooled(grids))
    if wanted.check:
        check(priors)
        print(f"{FILE} is what {len(grids)} grids teach")
        return
    content = written(priors)
    TARGET.write_bytes(content)
    print(f"{len(content)} bytes from {len(grids)} grids in {TARGET.relative_to(PROJECT)}")


if __name__ == "__main__":
    main()
