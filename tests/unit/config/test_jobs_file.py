import os
from pathlib import Path
from threading import Thread

import pytest

from carbon_scaler.config.csv_table import TableError
from carbon_scaler.config.job_columns import COLUMNS, MOST_JOBS, ClassTerms, JobFrame
from carbon_scaler.config.jobs_file import read_jobs
from carbon_scaler.simulation.jobs import Jobs
from tests.builders import HOME
from tests.unit.simulation.worlds import AWAY, BEGINS, HOUR, a_history

HEADER = ",".join(COLUMNS)
TERMS = {
    "standard": ClassTerms(slack=HOUR, duration=1800.0, energy_kwh=0.5),
    "deferrable": ClassTerms(slack=12 * HOUR, duration=HOUR, energy_kwh=2.0),
}
DAY = {HOME: a_history(*[1.0] * 24), AWAY: a_history(*[1.0] * 48, region=AWAY)}
JOB = f"a,2026-03-02T13:00Z,90,1.5,deferrable,120,{HOME}|{AWAY}"


def read(
    tmp_path: Path, *lines: str, header: str = HEADER, alone: bool = False, most: int = MOST_JOBS
) -> Jobs:
    file = tmp_path / "jobs.csv"
    file.write_text("\n".join([header, *lines, ""]))
    histories = {HOME: DAY[HOME]} if alone else DAY
    return read_jobs(file, JobFrame(terms=TERMS, histories=histories, most=most))


def refusal(tmp_path: Path, *lines: str, header: str = HEADER, most: int = MOST_JOBS) -> TableError:
    with pytest.raises(TableError) as caught:
        read(tmp_path, *lines, header=header, most=most)
    assert caught.value.file == tmp_path / "jobs.csv"
    return caught.value


def test_a_job_is_read_as_it_is_written(tmp_path: Path):
    jobs = read(tmp_path, JOB)

    assert jobs.ids == ("a",)
    assert jobs.submitted.tolist() == [BEGINS + HOUR]
    assert jobs.duration.tolist() == [5400]
    assert jobs.energy_kwh.tolist() == [1.5]
    assert jobs.latest.tolist() == [BEGINS + 3 * HOUR]
    assert [jobs.classes[each] for each in jobs.class_of] == ["deferrable"]
    assert [jobs.choices[each] for each in jobs.choice_of] == [(HOME, AWAY)]


def test_what_is_left_empty_is_what_the_class_states(tmp_path: Path):
    jobs = read(
        tmp_path, f"a,2026-03-02T13:00Z,,,deferrable,,{HOME}", "b,2026-03-02T13:00Z,,,,," + AWAY
    )

    assert jobs.duration.tolist() == [HOUR, 1800]
    assert jobs.energy_kwh.tolist() == [2.0, 0.5]
    assert jobs.slack.tolist() == [12 * HOUR, HOUR]
    assert [jobs.classes[each] for each in jobs.class_of] == ["deferrable", "standard"]


def test_columns_may_be_left_out_and_stand_in_any_order(tmp_path: Path):
    jobs = read(tmp_path, "2026-03-02T13:00Z,a", header="submitted_at,id", alone=True)

    assert jobs.ids == ("a",)
    assert jobs.choices == ((HOME,),)


def test_jobs_may_be_out_of_order(tmp_path: Path):
    jobs = read(tmp_path, f"b,2026-03-02T15:00Z,,,,,{HOME}", f"a,2026-03-02T14:00Z,,,,,{HOME}")

    assert jobs.ids == ("b", "a")
    assert jobs.submitted.tolist() == [BEGINS + 3 * HOUR, BEGINS + 2 * HOUR]


def test_a_job_may_end_with_the_last_interval(tmp_path: Path):
    assert len(read(tmp_path, f"a,2026-03-03T10:00Z,60,1,,60,{HOME}")) == 1


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("id", "", "every job has one"),
        ("submitted_at", "2026-03-02T13:00", "an instant with its offset"),
        ("submitted_at", "", "an instant with its offset"),
        ("submitted_at", "2026-03-02T11:59Z", f"the intensity of {HOME} begins later"),
        ("submitted_at", "2026-03-03T09:00Z", "it would run until 2026-03-03T12:30:00Z"),
        ("duration_minutes", "0", "a number from 0.0167 to 527040"),
        ("duration_minutes", "-60", "a number from"),
        ("duration_minutes", "long", "a number from"),
        ("duration_minutes", "nan", "a number from"),
        ("energy_kwh", "-1", "a number from 0 to"),
        ("workload_class", "defered", 'did you mean "deferrable"? one of deferrable, standard'),
        ("max_delay_minutes", "-1", "a number from 0 to 527040"),
        ("max_delay_minutes", "inf", "a number from 0 to 527040"),
        ("regions", "", "name regions whose intensity is given"),
        ("regions", "eu-wst-1", f'did you mean "{AWAY}"?'),
        ("regions", f"{HOME}|", "name regions whose intensity is given"),
    ],
)
def test_a_job_that_cant_be_replayed_is_refused_with_line_and_column(
    tmp_path: Path, column: str, cell: str, says: str
):
    cells = dict(zip(COLUMNS, JOB.split(","), strict=True))
    good = JOB.replace("a,", "first,", 1)

    error = refusal(tmp_path, good, ",".join({**cells, column: cell}.values()))

    assert (error.line, error.column, error.value) == (3, column, cell)
    assert says in str(error)


def test_an_id_that_is_there_twice_is_refused(tmp_path: Path):
    error = refusal(tmp_path, JOB, JOB)

    assert (error.line, error.column) == (3, "id")
    assert "is on line 2 already" in str(error)


def test_a_column_that_nobody_knows_is_refused(tmp_path: Path):
    error = refusal(tmp_path, header=HEADER.replace("regions", "region"))

    assert (error.line, error.column) == (1, "region")
    assert 'did you mean "regions"' in str(error)


@pytest.mark.parametrize("missing", ["id", "submitted_at"])
def test_a_column_that_must_be_there_is_missed(tmp_path: Path, missing: str):
    error = refusal(tmp_path, header=HEADER.replace(missing + ",", ""))

    assert error.column == missing
    assert "is missing; the first line is like id,submitted_at" in str(error)


def test_a_file_without_jobs_is_refused(tmp_path: Path):
    assert "has no jobs" in str(refusal(tmp_path))


def test_a_line_with_too_few_cells_is_refused(tmp_path: Path):
    assert "has 2 cells; the first line has 7" in str(refusal(tmp_path, "a,b"))


def test_more_jobs_than_are_replayed_are_refused_before_any_is_looked_at(tmp_path: Path):
    error = refusal(tmp_path, "not a job", "", "nor this", most=1)

    assert error.line == 4
    assert "there are over 1 jobs; replay them in parts" in str(error)


def test_as_many_jobs_as_are_replayed_are_read(tmp_path: Path):
    assert len(read(tmp_path, JOB, "", JOB.replace("a,", "b,", 1), "", most=2)) == 2


def test_jobs_from_a_pipe_are_counted_as_they_come(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    lines = "\n".join([HEADER, JOB, JOB.replace("a,", "b,", 1)])
    writer = Thread(target=pipe.write_text, args=(lines,))
    writer.start()

    with pytest.raises(TableError, match="there are over 1 jobs"):
        read_jobs(pipe, JobFrame(terms=TERMS, histories=DAY, most=1))
    writer.join(10)


def test_a_job_without_a_class_is_of_the_one_that_is_named(tmp_path: Path):
    file = tmp_path / "jobs.csv"
    file.write_text(f"id,submitted_at,regions\na,2026-03-02T13:00Z,{HOME}\n")

    jobs = read_jobs(file, JobFrame(terms=TERMS, histories=DAY, usual_class="deferrable"))

    assert jobs.classes == ("deferrable",)
