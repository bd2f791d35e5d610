"""backlogs.yaml becomes settings, or one line that says what is wrong and where."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from carbon_scaler.application.backlog_settings import BacklogKind, BacklogSettings
from carbon_scaler.config.backlogs_file import read_backlogs
from carbon_scaler.config.yaml_document import MOST_BYTES, PolicyFileError

PASSWORD = "s3cr3t"
URL = f"postgresql://carbon:{PASSWORD}@db.example:5432/queue"
ENVIRONMENT = {"QUEUE_URL": URL}
SHIPPED = Path(__file__).parents[3] / "deploy" / "examples" / "policy"

MINIMAL = """\
backlogs:
  q2q:
    kind: postgres
    url_env: QUEUE_URL
    query: SELECT enqueued_at FROM queue
"""


def written(directory: Path, text: str | bytes, *, name: str = "backlogs.yaml") -> Path:
    content = text.encode() if isinstance(text, str) else text
    (directory / name).write_bytes(content)
    return directory


def refusal(directory: Path) -> str:
    """The one line, relative to the directory."""
    with pytest.raises(PolicyFileError) as raised:
        read_backlogs(directory, ENVIRONMENT)
    text = str(raised.value)
    assert "\n" not in text
    assert PASSWORD not in text
    return text.removeprefix(f"{directory}/")


def test_what_is_left_out_has_its_default(tmp_path: Path):
    (backlog,) = read_backlogs(written(tmp_path, MINIMAL), ENVIRONMENT)

    assert backlog == BacklogSettings(
        name="q2q",
        kind=BacklogKind.POSTGRES,
        url_env="QUEUE_URL",
        url=URL,
        query="SELECT enqueued_at FROM queue",
        refresh=timedelta(seconds=5),
        timeout=timedelta(seconds=2),
        max_age=timedelta(seconds=60),
        namespaces=None,
        max_rows=100_000,
        starts_per_minute=None,
    )


def test_what_is_stated_stands(tmp_path: Path):
    text = MINIMAL + (
        "    refresh: 1m30s\n    timeout: PT10S\n    max_age: 10\n    max_rows: 7\n"
        "    starts_per_minute: 30\n"
        "    namespaces: [team-a, team-b]\n"
    )

    (backlog,) = read_backlogs(written(tmp_path, text), ENVIRONMENT)

    assert backlog.refresh == timedelta(seconds=90)
    assert backlog.timeout == timedelta(seconds=10)
    assert backlog.max_age == timedelta(minutes=10), "a plain number is minutes"
    assert backlog.max_rows == 7
    assert backlog.starts_per_minute == 30
    assert backlog.namespaces == {"team-a", "team-b"}


def test_a_timeout_may_be_longer_than_the_refresh(tmp_path: Path):
    text = MINIMAL + "    refresh: 1s\n    timeout: 30s\n"

    (backlog,) = read_backlogs(written(tmp_path, text), ENVIRONMENT)

    assert backlog.timeout > backlog.refresh


def test_the_url_with_its_password_is_not_shown(tmp_path: Path):
    (backlog,) = read_backlogs(written(tmp_path, MINIMAL), ENVIRONMENT)

    assert PASSWORD not in repr(backlog)


def test_the_shipped_example_is_accepted():
    text = (SHIPPED / "backlogs.yaml").read_text()
    variables = {each["url_env"] for each in yaml.safe_load(text)["backlogs"].values()}

    backlogs = read_backlogs(SHIPPED, dict.fromkeys(variables, URL))

    assert [backlog.name for backlog in backlogs] == ["q2q-embeddings", "analytics-backfill"]
    assert all(backlog.namespaces for backlog in backlogs)


@pytest.mark.parametrize(
    "text",
    ["", "# nothing yet\n", "---\n", "backlogs:\n", "backlogs: {}\n", "{}", "\ufeff", "\n\n"],
)
def test_a_file_without_backlogs_has_none(tmp_path: Path, text: str):
    assert read_backlogs(written(tmp_path, text), ENVIRONMENT) == ()


def test_a_directory_without_the_file_has_none(tmp_path: Path):
    written(tmp_path, "# how to", name="README.md")

    assert read_backlogs(tmp_path, ENVIRONMENT) == ()


def test_a_mounted_config_map_is_read(tmp_path: Path):
    version = tmp_path / "..2026_03_04_05_06_07.1"
    version.mkdir()
    written(version, MINIMAL)
    (tmp_path / "..data").symlink_to(version)
    (tmp_path / "backlogs.yaml").symlink_to("..data/backlogs.yaml")
    written(tmp_path, "left by an editor", name=".backlogs.yaml")

    assert [backlog.name for backlog in read_backlogs(tmp_path, ENVIRONMENT)] == ["q2q"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("refrsh: 5s", '6: backlogs.q2q.refrsh: unknown key; did you mean "refresh"? one of '),
        ("refresh: 5 s", '6: backlogs.q2q.refresh: "5 s" is not allowed; a duration from 1s to 1h'),
        ("refresh: 0s", '6: backlogs.q2q.refresh: "0s" is not allowed; a duration from 1s'),
        ("refresh: 500ms", '6: backlogs.q2q.refresh: "500ms" is not allowed'),
        ("refresh: true", '6: backlogs.q2q.refresh: "True" is not allowed'),
        ("refresh:", '6: backlogs.q2q.refresh: "" is not allowed'),
        ("timeout: 1:30", '6: backlogs.q2q.timeout: "1:30" is not allowed; a duration from 1s'),
        ("timeout: 2m", '6: backlogs.q2q.timeout: "2m" is not allowed; a duration from 1s to 1m'),
        ("max_age: -1", '6: backlogs.q2q.max_age: "-1" is not allowed; a duration'),
        ("max_rows: many", '6: backlogs.q2q.max_rows: "many" is not allowed; a whole number'),
        ("max_rows: 0", '6: backlogs.q2q.max_rows: "0" is not allowed; a whole number from 1 to'),
        ("max_rows: 1.5", '6: backlogs.q2q.max_rows: "1.5" is not allowed; a whole number'),
        (
            "starts_per_minute: 0",
            '6: backlogs.q2q.starts_per_minute: "0" is not allowed; a whole number from 1 to',
        ),
        ("max_rows: 1000001", '6: backlogs.q2q.max_rows: "1000001" is not allowed'),
        ("namespaces: team-a", '6: backlogs.q2q.namespaces: "team-a" is not allowed; a list'),
        ("namespaces: []", '6: backlogs.q2q.namespaces: "a list" is not allowed; a list of'),
        ("namespaces:", '6: backlogs.q2q.namespaces: "" is not allowed; a list of'),
        ("namespaces:\n    - a\n    - B_c", '8: backlogs.q2q.namespaces.1: "B_c" is not allowed'),
        ("query: again", '6: the key "query" occurs twice; keep one'),
        ("url: " + URL, "6: backlogs.q2q.url: unknown key; one of kind, max_age"),
        ("refresh: &r 5s\n    timeout: *r", "7: aliases (*name) are not read; write the value out"),
        ("refresh: !fast 5s", "6: tags (!name) are not read; write a plain value"),
        ("refresh: !!binary aGk=", "6: tags (!name) are not read"),
        ("refresh: !fast {a: b}", "6: tags (!name) are not read"),
        ("refresh: !!python/none x", "6: tags (!name) are not read"),
        ("? [a, b]\n    : c", "6: a key must be plain text"),
        ("\trefresh: 5s", "6: a tab stands where YAML wants spaces; indent with spaces"),
        ("refresh: [5s", "7: is not YAML: "),
        ("refresh: 5s: 6s", "6: is not YAML: mapping values are not allowed here"),
        ("refresh: 5s\n---\nbacklogs: {}", "7: a second document begins here; keep one"),
        ("refresh: '5s\x00'", "6: holds an unprintable character; save it as plain text"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, line: str, says: str):
    text = refusal(written(tmp_path, f"{MINIMAL}    {line}\n"))

    assert text.startswith(f"backlogs.yaml:{says}")
    assert text.count("unknown key") + text.count("is not allowed") <= 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kind: postgres", "kind: mysql", '3: backlogs.q2q.kind: "mysql" is not allowed; this version only has postgres'),
        ("kind: postgres", "kind: redis\n    url: redis://x", '3: backlogs.q2q.kind: "redis" is not allowed; this version only has postgres'),
        ("    url_env: QUEUE_URL\n", "", "2: backlogs.q2q.url_env: is missing; the name of the environment variable"),
        ("url_env: QUEUE_URL", "url_env: " + URL, "4: backlogs.q2q.url_env: is not allowed; the name of"),
        ("url_env: QUEUE_URL", "url_env: OTHER_URL", "4: backlogs.q2q.url_env: the environment variable OTHER_URL is not set; set it to"),
        ("SELECT enqueued_at FROM queue", "''", '5: backlogs.q2q.query: "" is not allowed; one SELECT'),
        ("SELECT enqueued_at FROM queue", '"SELECT\\0"', '5: backlogs.q2q.query: "SELECT�" is not allowed'),
        ("SELECT enqueued_at FROM queue", '"\\ud800"', '5: backlogs.q2q.query: "�" is not allowed'),
        ("SELECT enqueued_at FROM queue", "[a]", '5: backlogs.q2q.query: "a list" is not allowed'),
        ("SELECT enqueued_at FROM queue", "{a: b}", '5: backlogs.q2q.query: "a mapping" is not allowed'),
        ("q2q:", "q 2 q:", '2: backlogs: "q 2 q" is not a name of letters, digits and . _ : - up to 100 long'),
        ("q2q:", "~:\n   kind: postgres\n  q2q:", '2: backlogs: "~" is not a name'),
        ("backlogs:", "backlog:", '1: "backlog": unknown key; did you mean "backlogs"? one of backlogs'),
        (MINIMAL, "backlogs:\n  q2q: postgres\n", "2: backlogs.q2q: is not a mapping of keys"),
        (MINIMAL, "backlogs:\n- kind: postgres\n", "1: backlogs: is not a mapping of NAME"),
        (MINIMAL, "other: {}\n", '1: "other": unknown key; one of backlogs'),
        (MINIMAL, "- backlogs\n", " is not a mapping; begin it with backlogs:"),
        (MINIMAL, "just text\n", " is not a mapping; begin it with backlogs:"),
        (MINIMAL, "a: &a [x,x]\nb: [*a,*a]\n", "2: aliases (*name) are not read"),
        (MINIMAL, "[" * 50_000, "1: is nested too deeply to be read"),
        (MINIMAL, "%PDF-1.7\n", "1: is not YAML: "),
        (MINIMAL, "x" * (MOST_BYTES + 1), " is larger than 1,000,000 bytes"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, old: str, new: str, says: str):
    assert old in MINIMAL

    text = refusal(written(tmp_path, MINIMAL.replace(old, new)))

    assert text.startswith(f"backlogs.yaml:{says}")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"backlogs: {}\n\xff\xfe\x00", 2),
        (MINIMAL.encode("utf-16"), 1),
        (b"\x7fELF\x02\x01\x01\x00\xf0\x9f", 1),
    ],
)
def test_what_is_not_text_is_refused(tmp_path: Path, content: bytes, line: int):
    assert refusal(written(tmp_path, content)) == (
        f"backlogs.yaml:{line}: is not text in UTF-8; save it as that"
    )


def test_several_mistakes_are_counted_and_the_telling_one_is_named(tmp_path: Path):
    text = MINIMAL.replace("query:", "qeury:") + "    max_rows: 0\n"

    assert refusal(written(tmp_path, text)) == (
        'backlogs.yaml:5: backlogs.q2q.qeury: unknown key; did you mean "query"? one of kind, '
        "max_age, max_rows, namespaces, query, refresh, starts_per_minute, timeout, url_env "
        "(and 2 more)"
    )


def test_a_reading_must_outlive_the_time_until_the_next_one(tmp_path: Path):
    text = MINIMAL + "    max_age: 60s\n    refresh: 1m\n"

    assert refusal(written(tmp_path, text)) == (
        "backlogs.yaml:6: backlogs.q2q.max_age: 1m is over before the next reading; "
        "at least refresh plus timeout (1m2s)"
    )


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_variable_is_as_good_as_none(tmp_path: Path, value: str):
    with pytest.raises(PolicyFileError, match=r"q2q.*QUEUE_URL is not set"):
        read_backlogs(written(tmp_path, MINIMAL), {"QUEUE_URL": value})


def test_a_variable_with_another_servers_url_is_refused_without_showing_it(tmp_path: Path):
    with pytest.raises(PolicyFileError, match="QUEUE_URL does not begin with") as raised:
        read_backlogs(written(tmp_path, MINIMAL), {"QUEUE_URL": f"mysql://root:{PASSWORD}@db"})

    assert PASSWORD not in str(raised.value)


def test_something_else_than_a_file_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "backlogs.yaml")

    assert refusal(tmp_path) == "backlogs.yaml: is not a file that can be read"


def test_a_link_to_nothing_is_refused(tmp_path: Path):
    (tmp_path / "backlogs.yaml").symlink_to("..data/backlogs.yaml")

    assert refusal(tmp_path) == "backlogs.yaml: is not a file that can be read"


def test_a_file_that_breaks_off_while_it_is_read_is_refused(tmp_path: Path):
    (tmp_path / "backlogs.yaml").symlink_to("/proc/self/mem")

    assert refusal(tmp_path) == "backlogs.yaml: cannot be read: Input/output error"
