"""Jobs as `kubectl get jobs -A -o json` prints them."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from carbon_scaler.config.csv_table import instant
from carbon_scaler.config.job_columns import JobColumns, JobFrame, OutsideError, ReadJobs
from carbon_scaler.config.json_document import JsonNode, read_json
from carbon_scaler.domain.durations import DURATION_FORMS, parse_duration

JOB, JOB_VERSION = "Job", "batch/v1"
LISTS = ("List", "JobList")
FORM = "what kubectl get jobs -A -o json prints"
TIME_FORM = "an instant like 2026-03-01T12:00:00Z"
# Kubernetes keeps whole seconds, so that a short run may last none.
SHORTEST_SECONDS = 1.0

# What a job says of itself, by the column that it fills.
WORDS: Mapping[str, str] = {
    "workload_class": "carbon-scaler/workload-class",
    "max_delay_minutes": "carbon-scaler/max-delay",
    "energy_kwh": "carbon-scaler/energy-kwh",
    "regions": "carbon-scaler/regions",
}
# The first that has the word counts; the template of a ScaledJob gives its own to the pods alone.
WORD_PLACES = (
    ("metadata", "annotations"),
    ("metadata", "labels"),
    ("spec", "template", "metadata", "annotations"),
    ("spec", "template", "metadata", "labels"),
)

OTHER_KIND = f"no {JOB} of {JOB_VERSION}"
SUSPENDED = "suspended"
UNFINISHED = "not finished"
NEVER_STARTED = "never started"
BACKWARDS = "ended before the start"
OUTSIDE = "outside the time whose intensity is given"


def read_cluster_jobs(file: Path, frame: JobFrame) -> ReadJobs:
    """Jobs that ended and lie in the time of the histories; the others are counted."""
    items, jobs = _jobs(read_json(file, FORM))
    if len(jobs) > frame.most:
        raise items.refused(frame.too_many())
    read = JobColumns(frame=frame, place=lambda row: f"in {jobs[row].shown()}")
    reasons = Counter(filter(None, (_added(read, *each) for each in enumerate(jobs))))
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    if not len(read):
        raise items.refused(f"has no jobs to replay ({told or 'the list is empty'})")
    left_out = f"{file}: {reasons.total()} of {len(jobs)} jobs are left out: {told}"
    return ReadJobs(jobs=read.jobs(), warnings=(left_out,) if reasons else ())


def _jobs(document: JsonNode) -> tuple[JsonNode, list[JsonNode]]:
    """The list, and each job of it; a job may stand alone."""
    kind = document.at("kind").text()
    if kind == JOB:
        return document, [document]
    if kind not in LISTS:
        raise document.at("kind").refused(f"is not {FORM}: a List, or one Job")
    items = document.at("items")
    return items, list(items.entries())


def _added(read: JobColumns, row: int, job: JsonNode) -> str | None:
    """Why the job is left out; None: it is not."""
    kind, version = job.at("kind").text(), job.at("apiVersion").text()
    if kind not in ("", JOB) or version not in ("", JOB_VERSION):
        return OTHER_KIND
    lasted = _lasted(job)
    if isinstance(lasted, str):
        return lasted
    stated = _stated(job)
    try:
        read.add(row, _cells(stated, lasted), lambda column, wrong: stated[column].refused(wrong))
    except OutsideError:
        return OUTSIDE
    return None


def _lasted(job: JsonNode) -> float | str:
    """In seconds, or why that is not known."""
    ended = _ended(job)
    if ended is None:
        return SUSPENDED if job.at("spec", "suspend").value is True else UNFINISHED
    started = job.at("status", "startTime")
    if not started.text():
        return NEVER_STARTED
    lasted = _instant(ended) - _instant(started)
    return BACKWARDS if lasted < 0 else max(lasted, SHORTEST_SECONDS)


def _ended(job: JsonNode) -> JsonNode | None:
    """When it was complete, or had failed for good."""
    completed = job.at("status", "completionTime")
    if completed.text():
        return completed
    for condition in job.at("status", "conditions").entries():
        if (condition.at("type").text(), condition.at("status").text()) == ("Failed", "True"):
            return condition.at("lastTransitionTime")
    return None


def _instant(node: JsonNode) -> float:
    seconds = instant(node.text())
    if seconds is None:
        raise node.refused(TIME_FORM)
    return seconds


def _stated(job: JsonNode) -> Mapping[str, JsonNode]:
    """Where the job states what fills each column."""
    return {
        **{column: _said(job, word) for column, word in WORDS.items()},
        "id": job.at("metadata", "name"),
        "namespace": job.at("metadata", "namespace"),
        "submitted_at": job.at("metadata", "creationTimestamp"),
        "duration_minutes": job.at("status"),
    }


def _cells(stated: Mapping[str, JsonNode], lasted: float) -> Mapping[str, str]:
    name, namespace = stated["id"].text(), stated["namespace"].text()
    return {
        **{column: stated[column].text() for column in ("submitted_at", *WORDS)},
        "id": name and f"{namespace or 'default'}/{name}",
        "duration_minutes": repr(lasted / 60),
        "max_delay_minutes": _minutes(stated["max_delay_minutes"]),
        "regions": stated["regions"].text().replace(",", "|"),
    }


def _said(job: JsonNode, word: str) -> JsonNode:
    nodes = [job.at(*place, word) for place in WORD_PLACES]
    return next((node for node in nodes if node.text()), nodes[0])


def _minutes(node: JsonNode) -> str:
    if not node.text():
        return ""
    duration = parse_duration(node.text())
    if duration is None:
        raise node.refused(f"allowed is a duration up to 366d, like {DURATION_FORMS}")
    return repr(duration.total_seconds() / 60)
