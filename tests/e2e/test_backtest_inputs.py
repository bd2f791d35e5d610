"""`carbon-scaler backtest` on what Kubernetes and a database know."""

import csv
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.e2e.postgres import running_postgres
from tests.e2e.program import finished

REGION, GAPPED, MARGINAL = "us-west-1", "us-east-1", "eu-west-1"
# Four days of a clean noon; the second region lacks five hours, the third is of another signal.
STORED = f"""
INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, source, signal)
SELECT region, hour, 300 + 100 * cos(2 * pi() * extract(hour FROM hour AT TIME ZONE 'UTC') / 24),
  'manual', CASE WHEN region = '{MARGINAL}' THEN 'marginal' ELSE 'average' END
FROM generate_series(
  timestamptz '2022-03-01Z', timestamptz '2022-03-04T23:00Z', interval '1 hour'
) AS hours (hour), unnest(ARRAY['{REGION}', '{GAPPED}', '{MARGINAL}']) AS regions (region)
WHERE region <> '{GAPPED}'
  OR hour NOT BETWEEN '2022-03-02T03:00Z' AND '2022-03-02T05:00Z'
  AND hour NOT BETWEEN '2022-03-02T09:00Z' AND '2022-03-02T10:00Z'
"""
OF_ANOTHER_SIGNAL = f"""
INSERT INTO grid_regions (region, signal, factors, chain)
VALUES ('{MARGINAL}', 'marginal', 'lifecycle', '{{manual}}')
"""
RUNS = """
CREATE TABLE runs (id int, queued timestamptz, local timestamp);
INSERT INTO runs SELECT number, timestamptz '2022-03-02Z' + number * interval '1 hour', now()
FROM generate_series(1, 20) AS numbers (number)
"""
QUERY = "SELECT id, queued AS submitted_at, 60 AS duration_minutes FROM runs\n"


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    with running_postgres() as server:
        server.start()
        url, elsewhere = server.database(), server.database(migrated=False)
        server.execute(url, STORED, OF_ANOTHER_SIGNAL)
        server.execute(elsewhere, RUNS)
        yield {"DATABASE_URL": url, "RUNS_URL": elsewhere, "BAD_URL": "mysql://me:secret@host/db"}


def told(settings: dict[str, str], *arguments: str) -> dict[str, Any]:
    done = finished("backtest", *arguments, "--json", settings=settings)
    assert (done.returncode, done.stderr) == (0, "")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def refused(settings: dict[str, str], *arguments: str) -> str:
    done = finished("backtest", *arguments, settings=settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.fixture
def query(tmp_path: Path) -> str:
    file = tmp_path / "jobs.sql"
    file.write_text(QUERY)
    return str(file)


def test_jobs_of_a_query_are_replayed_on_what_is_stored(
    settings: dict[str, str], query: str, tmp_path: Path
):
    figures, chart = tmp_path / "figures.csv", tmp_path / "chart.svg"

    document = told(
        settings,
        *("--intensity", f"{REGION}=database:2022-03-01T12:00Z", "--jobs", query),
        *("--jobs-database", "RUNS_URL", "--job-class", "deferrable", "--strategy", "quantile"),
        *("--csv", str(figures), "--chart", str(chart)),
    )

    region = document["regions"][REGION]
    assert (region["file"], region["column"]) == ("database", "v_co2e_hourly.gco2_per_kwh")
    assert (region["from"], region["until"]) == ("2022-03-01T12:00:00Z", "2022-03-05T00:00:00Z")
    outcome = document["strategies"]["quantile"]
    assert outcome["jobs"] == 20
    assert list(outcome["by_class"]) == ["deferrable"]
    assert 0 < outcome["saving_percent"] < 50
    with figures.open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [row["part"] for row in rows] == ["all", "class", "region"]
    assert {float(row["saving_percent"]) for row in rows} == {outcome["saving_percent"]}
    assert ET.parse(chart).getroot().tag.endswith("svg")


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--jobs", "jobs.csv", "--jobs-database asks a query"),
        ("--job-class", "defered", '--job-class: did you mean "deferrable"?'),
        ("--csv", "/", "--csv: / cannot be written (Is a directory)"),
        ("--chart", "/none/chart.svg", "--chart: /none/chart.svg cannot be written"),
    ],
)
def test_an_option_that_can_do_nothing_is_refused(
    settings: dict[str, str], query: str, *, option: str, value: str, says: str
):
    given = {"--jobs": query, "--jobs-database": "RUNS_URL", "--strategy": "run_now"}

    error = refused(
        settings,
        *("--intensity", f"{REGION}=database"),
        *chain.from_iterable({**given, option: value}.items()),
    )

    assert says in error


@pytest.mark.parametrize(
    ("region", "says"),
    [
        (
            f"{GAPPED}=database",
            "from 2022-03-02T03:00Z to 2022-03-02T06:00Z (5 hours are missing in all)",
        ),
        (
            f"{GAPPED}=database",
            f"begin later, like --intensity {GAPPED}=database:2022-03-02T11:00Z",
        ),
        (f"{REGION}=database:2022-03-04T23:00Z", "1 hours of us-west-1 are stored since"),
        ("us-wst-1=database", f'did you mean "{REGION}"?'),
        (f"{MARGINAL}=database", "add --signal marginal --factors lifecycle"),
        (f"{REGION}=database:2022-03-01", "SINCE is an instant with its offset"),
    ],
)
def test_what_is_not_stored_as_it_is_needed_is_refused(
    settings: dict[str, str], region: str, says: str
):
    assert says in refused(settings, "--intensity", region, "--mix", "seed")


def test_after_its_gaps_a_region_is_read(settings: dict[str, str]):
    document = told(
        settings,
        *("--intensity", f"{GAPPED}=database:2022-03-02T11:00Z", "--mix", "seed"),
        *("--strategy", "threshold"),
    )

    assert document["regions"][GAPPED]["from"] == "2022-03-02T11:00:00Z"


@pytest.mark.parametrize(
    ("text", "variable", "says"),
    [
        (QUERY.replace("queued", "local"), "RUNS_URL", "AT TIME ZONE 'UTC'"),
        (QUERY.replace("runs", "rums"), "RUNS_URL", "line 1, column 64: the server refused it"),
        (QUERY + "LIMIT 0", "RUNS_URL", "the query yields no jobs"),
        (
            QUERY.replace("60", "CASE WHEN id = 3 THEN -1 END"),
            "RUNS_URL",
            'row 3, column "duration_minutes": "-1": allowed is a number',
        ),
        (QUERY, "NO_URL", "the environment has no NO_URL"),
        (QUERY, "BAD_URL", "BAD_URL is not a PostgreSQL URL"),
        ("\0", "RUNS_URL", "holds zero bytes"),
    ],
)
def test_a_query_that_yields_no_jobs_is_refused(
    settings: dict[str, str], tmp_path: Path, *, text: str, variable: str, says: str
):
    file = tmp_path / "jobs.sql"
    file.write_text(text)

    error = refused(
        settings,
        *("--intensity", f"{REGION}=database", "--jobs", str(file), "--jobs-database", variable),
    )

    assert says in error
    assert "secret" not in error


def test_jobs_of_kubernetes_are_replayed_and_those_left_out_are_told(
    settings: dict[str, str], tmp_path: Path
):
    ended = {"startTime": "2022-03-02T06:00:05Z", "completionTime": "2022-03-02T07:00:05Z"}
    items = [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": name,
                "namespace": "shop",
                "creationTimestamp": "2022-03-02T06:00:00Z",
                "annotations": {"carbon-scaler/max-delay": "8h"},
            },
            "status": status,
        }
        for name, status in (("report", ended), ("running", {}))
    ]
    file, out = tmp_path / "jobs.json", tmp_path / "starts.csv"
    file.write_text(json.dumps({"kind": "List", "items": items}))

    document = told(
        settings,
        *("--intensity", f"{REGION}=database", "--jobs", str(file), "--starts-out", str(out)),
        *("--strategy", "oracle"),
    )

    assert f"{file}: 1 of 2 jobs are left out: 1 not finished" in document["warnings"]
    start = f"shop/report,oracle,{REGION},2022-03-02T12:00:00Z,100.0"
    assert out.read_text().splitlines()[1:] == [start]
