"""The measurement of savings works; how much is saved is not asserted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(300)
def test_savings_are_measured_on_what_is_shipped_and_no_job_is_late_or_abroad():
    shipped = {name: value for name, value in os.environ.items() if name != "TRACES"}

    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.savings", "--per-month", "20", "--markdown"],
        cwd=ROOT,
        env={**shipped, "OPENBLAS_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=290,
    )

    assert done.returncode == 0, done.stderr
    zones, regions = done.stdout.split("### ")[1:]
    for zone in ("US-MIDA-PJM", "US-CAL-CISO", "DE", "IE", "GB", "ES", "mean of 6"):
        assert f"| {zone} |" in zones
    assert "Starts past their latest: 0." in zones
    assert "US-CAL-CISO stands in for US-NW-PACW" in regions
    assert "of them 0 ran elsewhere" in regions
    for row in ("forecast, home", "forecast, cleanest", "forecast, planned", "oracle, free"):
        assert f"| {row}" in regions
