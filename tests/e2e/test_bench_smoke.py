"""The benchmark works and every answer under it is right; how fast is not asserted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(120)
def test_a_small_benchmark_gets_only_right_answers_and_all_figures(tmp_path: Path):
    file = tmp_path / "result.json"

    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--smoke", "--json", str(file)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(file.read_text())
    assert result["answers"]["answers"] > 0
    assert (result["answers"]["wrong"], result["answers"]["errors"]) == (0, 0)
    known = result["known_triggers"]
    assert set(known["servers"]) == {
        "empty, uvloop",
        "empty, asyncio",
        "scaler's parts",
        "carbon-scaler serve",
    }
    assert all(figure > 0 for row in known["ratios"].values() for figure in row.values())
    assert result["many_triggers"]["many"]["triggers"] == result["scale"]["many"]
    assert all(row["swaps"] > 0 for row in result["swaps"].values())
    assert all(row["call_errors"] == 0 for row in result["swaps"].values())
    first, again = result["ingest"]["cycles"]["first"], result["ingest"]["cycles"]["again"]
    assert first["changed"] == first["rows"] > again["rows"] > 0
    assert again["changed"] == 0
    load = result["database_load"]
    assert load["1 trigger"]["transactions_per_minute"] > 0
    assert all(row["worst_ms"] > 0 for row in result["propagation"].values())
    written = "second cycle, rows written"
    assert result["goals"][written]["found"] == 0
    assert all(row["found"] > 0 for name, row in result["goals"].items() if name != written)
    for table in ("GetMetrics", "few against many", "all regions new", "ingest --once", "a commit"):
        assert table in done.stdout
