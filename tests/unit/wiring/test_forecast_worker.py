"""The process that forecasts are made in, without the process."""

import pickle
from dataclasses import replace
from io import BytesIO
from typing import Any

from carbon_scaler.wiring.forecast_worker import LENGTH_BYTES, framed, serve
from tests.unit.application.forecast_fakes import NOON, lesson

LESSON = lesson(100.0, 200.0, 300.0)


def answers_to(lessons: bytes) -> list[Any]:
    written = BytesIO()
    serve(BytesIO(lessons), written)
    told, answers = written.getvalue(), []
    while told:
        length = int.from_bytes(told[:LENGTH_BYTES], "big")
        answers.append(pickle.loads(told[LENGTH_BYTES : LENGTH_BYTES + length]))
        told = told[LENGTH_BYTES + length :]
    return answers


def test_each_lesson_is_answered_in_its_turn():
    other = replace(LESSON, region="eu-west-1")

    first, second = answers_to(framed(LESSON) + framed(other))

    assert (first.region, first.known_until) == ("us-west-1", NOON)
    assert second.region == "eu-west-1"


def test_a_lesson_that_fails_is_told_and_the_next_one_is_answered():
    broken = replace(LESSON, covered=LESSON.covered[:1])

    failure, answer = answers_to(framed(broken) + framed(LESSON))

    assert failure.startswith("IndexError: ")
    assert answer.region == "us-west-1"


def test_it_ends_when_whoever_asks_is_gone():
    assert answers_to(b"") == []
    assert answers_to(framed(LESSON)[:3]) == []
