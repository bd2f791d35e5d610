"""The benchmark works and every answer under it is right; how fast is not asserted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(360)
def test_a_small_benchmark_gets_only_right_answers_and_all_figures(tmp_path: Path):
    file = tmp_path / "result.json"

    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--smoke", "--json", str(file)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=350,
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
    kinds = result["shapes"]
    assert {"queue, curve", "brake, quantile", "gate, curve", "queue, tenant abroad"} < set(kinds)
    assert all(figure > 0 for row in kinds.values() for figure in row.values())
    few, many, ratio = result["many_queues"].values()
    assert min(few["transactions_per_second"], many["transactions_per_second"], ratio) > 0
    reloads = result["reloads"]
    assert reloads["alone"]["call_errors"] == reloads["while swapped"]["call_errors"] == 0
    assert 0 < reloads["in force after, worst s"] < 10
    written, slower = "second cycle, rows written", "slower answers while a policy is swapped, ms"
    assert result["goals"][written]["found"] == 0
    # A difference between two loads of some seconds may be any.
    assert all(
        row["found"] > 0 for name, row in result["goals"].items() if name not in (written, slower)
    )
    for table in (
        *("GetMetrics", "few against many", "all regions new", "ingest --once", "a commit"),
        *("by kind of trigger", "on fifty backlogs", "swapped under load"),
    ):
        assert table in done.stdout
