"""An explanation becomes one word, one line and a code."""

from typing import Any

import pytest

from carbon_scaler.cli.check import EXITS, answer_of, line_of

T = "2026-03-02T13:00:00Z"


def an_explanation(
    verdict: str = "closed", reason: str = "above_threshold", outcome: str = "closed", **stated: Any
) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "reason": reason,
        "why": "of this",
        "rules": [{"outcome": "passed"}, {"outcome": outcome}],
        "would_change": [],
        "residency": None,
        **stated,
    }


@pytest.mark.parametrize(
    ("document", "answer", "code"),
    [
        (an_explanation("open", "below_threshold", "open"), "go", 0),
        (an_explanation("open", "blind_open", "open"), "go", 0),
        (an_explanation(), "wait", 75),
        (an_explanation(reason="held", outcome="held"), "wait", 75),
        (an_explanation(reason="residency_denied", outcome="denied"), "denied", 77),
        (an_explanation(reason="residency_redirect", outcome="redirected"), "redirected", 77),
        (an_explanation(reason="blind_closed"), "no_data", 69),
        (an_explanation("error", "blind_error", "error"), "no_data", 69),
        (an_explanation("error", "backlog_unknown", "error"), "no_data", 69),
        (an_explanation("error", "bad_metadata", "error"), "error", 1),
    ],
)
def test_each_answer_has_its_code(document: dict[str, Any], answer: str, code: int):
    assert answer_of(document) == answer
    assert EXITS[answer] == code


def test_a_wait_names_the_first_instant_at_which_time_alone_opens():
    ahead = [
        {"at": None, "verdict": "open"},
        {"at": "2026-03-02T12:30:00Z", "verdict": "error"},
        {"at": T, "verdict": "open"},
        {"at": "2026-03-02T14:00:00Z", "verdict": "open"},
    ]

    line = line_of("wait", an_explanation(would_change=ahead))

    assert line == f"wait until {T} at the latest because of this"


def test_a_wait_without_an_end_names_none():
    assert line_of("wait", an_explanation()) == "wait because of this"


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("go", "go: of this"),
        ("denied", "denied: of this"),
        ("redirected", "redirected to eu-west-1: of this"),
        ("no_data", "no data: of this"),
        ("error", "error: of this"),
    ],
)
def test_every_answer_is_one_line_that_begins_with_it(answer: str, line: str):
    document = an_explanation(residency={"enforced_region": "eu-west-1"})

    assert line_of(answer, document) == line
