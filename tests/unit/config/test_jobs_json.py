import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from carbon_scaler.config import json_document
from carbon_scaler.config.csv_table import TableError
from carbon_scaler.config.job_columns import MOST_JOBS, ClassTerms, JobFrame, ReadJobs
from carbon_scaler.config.jobs_json import read_cluster_jobs
from tests.builders import HOME
from tests.unit.simulation.worlds import AWAY, BEGINS, HOUR, a_history

TERMS = {
    "standard": ClassTerms(slack=HOUR, duration=1800.0, energy_kwh=0.5),
    "deferrable": ClassTerms(slack=12 * HOUR, duration=HOUR, energy_kwh=2.0),
}
DAY = {HOME: a_history(*[1.0] * 24), AWAY: a_history(*[1.0] * 24, region=AWAY)}
COMPLETE: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {
        "name": "report",
        "namespace": "shop",
        "creationTimestamp": "2026-03-02T13:00:00Z",
    },
    "spec": {},
    "status": {
        "startTime": "2026-03-02T13:00:10Z",
        "completionTime": "2026-03-02T13:45:10Z",
        "conditions": [{"type": "Complete", "status": "True"}],
    },
}


def a_job(name: str = "report", **changed: Any) -> dict[str, Any]:
    """A complete Job; `spec__suspend=True` changes what is below."""
    job = deepcopy(COMPLETE)
    job["metadata"]["name"] = name
    for keys, value in changed.items():
        *above, last = keys.split("__")
        place = job
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
    return job


def read(
    tmp_path: Path,
    document: object,
    *,
    alone: bool = True,
    most: int = MOST_JOBS,
    usual_class: str = "standard",
) -> ReadJobs:
    file = tmp_path / "jobs.json"
    file.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    histories = {HOME: DAY[HOME]} if alone else DAY
    frame = JobFrame(terms=TERMS, histories=histories, most=most, usual_class=usual_class)
    return read_cluster_jobs(file, frame)


def a_list(*jobs: object) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "List", "items": list(jobs)}


def refusal(tmp_path: Path, document: object, **settings: Any) -> TableError:
    with pytest.raises(TableError) as caught:
        read(tmp_path, document, **settings)
    assert str(caught.value).startswith(str(tmp_path / "jobs.json"))
    return caught.value


def test_a_job_that_completed_ran_from_its_start_to_its_completion(tmp_path: Path):
    found = read(tmp_path, a_list(a_job()))

    jobs = found.jobs
    assert found.warnings == ()
    assert jobs.ids == ("shop/report",)
    assert jobs.submitted.tolist() == [BEGINS + HOUR]
    assert jobs.duration.tolist() == [2700]
    assert (jobs.energy_kwh.tolist(), jobs.slack.tolist()) == ([0.5], [HOUR])
    assert (jobs.classes, jobs.choices) == (("standard",), ((HOME,),))


def test_a_job_that_failed_ran_until_it_had_failed(tmp_path: Path):
    failed = {"type": "Failed", "status": "True", "lastTransitionTime": "2026-03-02T14:00:10Z"}
    job = a_job(status__completionTime=None, status__conditions=[failed])

    assert read(tmp_path, a_list(job)).jobs.duration.tolist() == [HOUR]


def test_a_job_may_stand_alone_and_in_the_list_that_the_server_itself_gives(tmp_path: Path):
    bare = {key: value for key, value in a_job().items() if key not in ("kind", "apiVersion")}

    assert len(read(tmp_path, a_job()).jobs) == 1
    assert len(read(tmp_path, {"kind": "JobList", "items": [bare]}).jobs) == 1


def test_what_a_job_says_of_itself_counts(tmp_path: Path):
    words = {
        "carbon-scaler/workload-class": "deferrable",
        "carbon-scaler/max-delay": "2h30m",
        "carbon-scaler/energy-kwh": "1.5",
        "carbon-scaler/regions": f"{AWAY}|aws:{HOME}",
    }

    jobs = read(tmp_path, a_list(a_job(metadata__annotations=words)), alone=False).jobs

    assert jobs.classes == ("deferrable",)
    assert (jobs.slack.tolist(), jobs.energy_kwh.tolist()) == ([2.5 * HOUR], [1.5])
    assert jobs.choices == ((AWAY, HOME),)


@pytest.mark.parametrize(
    "place",
    [
        "metadata__labels",
        "spec__template__metadata__annotations",
        "spec__template__metadata__labels",
    ],
)
def test_a_word_may_be_a_label_or_that_of_the_pods(tmp_path: Path, place: str):
    job = a_job(**{place: {"carbon-scaler/workload-class": "deferrable"}})

    assert read(tmp_path, a_list(job)).jobs.classes == ("deferrable",)


def test_an_annotation_counts_before_the_word_of_the_pods(tmp_path: Path):
    job = a_job(
        metadata__annotations={"carbon-scaler/max-delay": "10m"},
        spec__template__metadata__annotations={"carbon-scaler/max-delay": "20m"},
    )

    assert read(tmp_path, a_list(job)).jobs.slack.tolist() == [600]


def test_a_job_without_a_class_is_of_the_one_that_is_named(tmp_path: Path):
    found = read(tmp_path, a_list(a_job()), usual_class="deferrable")

    assert found.jobs.classes == ("deferrable",)


def test_a_run_of_less_than_a_second_counts_as_one(tmp_path: Path):
    job = a_job(status__completionTime="2026-03-02T13:00:10Z")

    assert read(tmp_path, a_list(job)).jobs.duration.tolist() == [1]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"status__completionTime": None}, "not finished"),
        ({"status": {}, "spec__suspend": True}, "suspended"),
        ({"status__startTime": None}, "never started"),
        ({"status__completionTime": "2026-03-02T13:00:09Z"}, "ended before the start"),
        ({"metadata__creationTimestamp": "2026-03-02T11:59:59Z"}, "outside the time"),
        ({"metadata__creationTimestamp": "2026-03-03T11:00:00Z"}, "outside the time"),
        ({"kind": "CronJob"}, "no Job of batch/v1"),
        ({"apiVersion": "batch.volcano.sh/v1alpha1"}, "no Job of batch/v1"),
    ],
)
def test_a_job_that_says_nothing_of_its_run_is_left_out_and_counted(
    tmp_path: Path, changed: dict[str, Any], why: str
):
    found = read(tmp_path, a_list(a_job("other", **changed), a_job()))

    assert found.jobs.ids == ("shop/report",)
    (warning,) = found.warnings
    assert f"1 of 2 jobs are left out: 1 {why}" in warning


def test_reasons_are_counted_apart(tmp_path: Path):
    unfinished = [a_job(f"new-{number}", status__completionTime=None) for number in range(3)]
    suspended = a_job("later", status={}, spec__suspend=True)

    (warning,) = read(tmp_path, a_list(*unfinished, suspended, a_job())).warnings

    assert warning.endswith("4 of 5 jobs are left out: 3 not finished, 1 suspended")


@pytest.mark.parametrize(
    ("changed", "path", "says"),
    [
        ({"metadata__name": ""}, "items[1].metadata.name", "every job has one"),
        ({"metadata__name": 7}, "items[1].metadata.name", "should be text"),
        ({"metadata__name": "report"}, "items[1].metadata.name", "is in items[0] already"),
        ({"metadata": []}, "items[1].metadata", "should be an object"),
        (
            {"metadata__creationTimestamp": "2026-03-02T13:00:00"},
            "items[1].metadata.creationTimestamp",
            "an instant with its offset",
        ),
        ({"status__startTime": "soon"}, "items[1].status.startTime", "an instant like"),
        (
            {"status__conditions": {}, "status__completionTime": ""},
            "items[1].status.conditions",
            "should be a list",
        ),
        (
            {"metadata__labels": {"carbon-scaler/workload-class": "defered"}},
            "items[1].metadata.labels.carbon-scaler/workload-class",
            'did you mean "deferrable"?',
        ),
        (
            {"metadata__annotations": {"carbon-scaler/max-delay": "a while"}},
            "items[1].metadata.annotations.carbon-scaler/max-delay",
            "a duration up to 366d",
        ),
        (
            {"metadata__annotations": {"carbon-scaler/energy-kwh": "-1"}},
            "items[1].metadata.annotations.carbon-scaler/energy-kwh",
            "a number from 0 to",
        ),
        (
            {"metadata__annotations": {"carbon-scaler/regions": "us-wst-1"}},
            "items[1].metadata.annotations.carbon-scaler/regions",
            f'did you mean "{HOME}"?',
        ),
        (
            {"status__completionTime": "2028-03-02T13:00:10Z"},
            "items[1].status",
            "a number from 0.0167 to 527040",
        ),
    ],
)
def test_a_job_that_says_something_wrong_is_refused_with_its_path(
    tmp_path: Path, changed: dict[str, Any], path: str, says: str
):
    error = refusal(tmp_path, a_list(a_job(), a_job("other", **changed)))

    assert error.path == path
    assert says in str(error)


def test_of_several_regions_one_must_be_named(tmp_path: Path):
    error = refusal(tmp_path, a_list(a_job()), alone=False)

    assert error.path == "items[0].metadata.annotations.carbon-scaler/regions"
    assert "name regions whose intensity is given" in str(error)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"", "is empty; it should be what kubectl get jobs"),
        (b"\n\n {", "line 3, column 3: is no JSON"),
        (b'{"kind": "\xff"}', "is no text in UTF-8"),
        (b"\x7fELF\x02\x01\x01", "is no JSON"),
        (b"[" * 100_000, "is no JSON that can be read"),
        (b'{"kind": ' + b"9" * 5000 + b"}", "is no JSON that can be read"),
        ([], "the document: should be an object"),
        ({"kind": "PodList", "items": []}, 'kind: "PodList": is not what kubectl get jobs'),
        ({}, "kind: is not what kubectl get jobs"),
        ({"kind": "List", "items": {}}, "items: should be a list"),
        ({"kind": "List", "items": []}, "items: has no jobs to replay (the list is empty)"),
        ({"kind": "List", "items": ["job"]}, 'items[0]: "job": should be an object'),
    ],
)
def test_what_is_no_list_of_jobs_is_refused(tmp_path: Path, document: object, says: str):
    assert says in str(refusal(tmp_path, document))


def test_where_no_job_is_left_the_reasons_are_told(tmp_path: Path):
    error = refusal(tmp_path, a_list(a_job(status={})))

    assert "has no jobs to replay (1 not finished)" in str(error)


def test_the_encodings_of_other_shells_are_read(tmp_path: Path):
    text = json.dumps(a_list(a_job()))

    assert len(read(tmp_path, text.encode("utf-16")).jobs) == 1
    assert len(read(tmp_path, text.encode("utf-8-sig")).jobs) == 1


def test_a_file_that_is_too_large_is_refused_before_it_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(json_document, "MOST_BYTES", 1024**2)

    assert "is over 1 MiB" in str(refusal(tmp_path, b" " * (1024**2 + 1)))


def test_more_jobs_than_are_replayed_are_refused(tmp_path: Path):
    error = refusal(tmp_path, a_list(a_job(), a_job("other")), most=1)

    assert "items: there are over 1 jobs" in str(error)


def test_a_directory_is_refused(tmp_path: Path):
    with pytest.raises(TableError, match="cannot be read"):
        read_cluster_jobs(tmp_path, JobFrame(terms=TERMS, histories=DAY))
