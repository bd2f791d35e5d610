import pytest

from carbon_scaler.domain.policy import NOTHING_STATED
from carbon_scaler.domain.trigger import Mode, Problem, Rejection, quoted
from tests.builders import a_plan, a_trigger


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tomorrow", '"tomorrow"'),
        ("", '""'),
        ("x" * 60, '"' + "x" * 60 + '"'),
        ("x" * 61, '"' + "x" * 60 + '…"'),
        ("a\nb\x00c\u202ed", '"a�b�c�d"'),
        ("Zürich 東京", '"Zürich 東京"'),
        ("\ud800", '"�"'),
    ],
    ids=["plain", "empty", "just fits", "cut", "control characters", "letters", "half a character"],
)
def test_a_users_text_is_quoted_short_and_printable(text: str, shown: str):
    assert quoted(text) == shown


def test_a_huge_text_is_cut_before_it_is_looked_at():
    assert len(quoted("\x00" * 10_000_000)) == 63


def test_a_problem_names_the_key_the_value_and_what_is_allowed():
    problem = Problem(key="maxDelay", said="tomorrow", allowed="a duration like 12h")
    assert str(problem) == 'maxDelay: "tomorrow" is not allowed; a duration like 12h'


def test_a_problem_without_a_value_says_that_the_key_is_missing():
    assert str(Problem(key="region", said=None, allowed="name it")) == "region: is missing; name it"


def test_a_trigger_that_says_nothing_takes_one_item_a_job_and_is_in_earnest():
    trigger = a_trigger()
    assert (trigger.items_per_job, trigger.max_jobs, trigger.shadow) == (1, None, False)
    assert trigger.stated == NOTHING_STATED


def a_rejection(*allowed: str):
    problems = tuple(Problem(key="key", said=None, allowed=text) for text in allowed)
    return Rejection(namespace="batch", name="embeddings", problems=problems)


def test_a_rejection_puts_all_problems_on_one_line():
    assert a_rejection("one", "two").text() == "key: is missing; one | key: is missing; two"


@pytest.mark.parametrize("letter", ["x", "ü", "東", "🌍"])
@pytest.mark.parametrize("limit", [64, 65, 66, 67, 1024])
def test_a_long_rejection_is_cut_to_whole_letters_within_the_limit(letter: str, limit: int):
    text = a_rejection(letter * 2000).text(limit)
    assert limit - 3 <= len(text.encode()) <= limit
    assert text.endswith(letter + "…")
    assert "�" not in text


def test_a_rejection_that_just_fits_is_not_cut():
    line = "key: is missing; "
    fits = "x" * (1024 - len(line))
    assert a_rejection(fits).text() == line + fits
    assert a_rejection(fits + "x").text().endswith("…")


@pytest.mark.parametrize(
    ("mode", "target"), [(Mode.BRAKE, 0.0), (Mode.QUEUE, 5.0)], ids=["brake", "queue"]
)
def test_the_target_is_the_items_of_a_job_but_a_brake_never_asks_for_work(
    mode: Mode, target: float
):
    assert a_plan(mode, items_per_job=5).target == target
