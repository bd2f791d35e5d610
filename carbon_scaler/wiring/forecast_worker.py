"""The process that forecasts are made in: lessons come in on stdin, issues go out on stdout."""

import os
import pickle
import signal
import sys
from typing import BinaryIO

from carbon_scaler.application.own_issue import Lesson, OwnIssue, issue_of
from carbon_scaler.config.forecast_priors import load_priors

LENGTH_BYTES = 8
# Whoever answers KEDA comes first.
NICE = 10

# An issue, None where nothing is known, or why there is none.
Answer = OwnIssue | None | str


def framed(message: object) -> bytes:
    """A message with its length before it."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def serve(lessons: BinaryIO, answers: BinaryIO) -> None:
    """Answer one lesson after the other, until the process that asks is gone."""
    while len(length := lessons.read(LENGTH_BYTES)) == LENGTH_BYTES:
        body = lessons.read(int.from_bytes(length, "big"))
        answers.write(framed(_answer(pickle.loads(body))))  # noqa: S301  our own parent wrote it
        answers.flush()


def _answer(lesson: Lesson) -> Answer:
    try:
        return issue_of(lesson, load_priors())
    except Exception as error:  # noqa: BLE001  the top of this process: the next region goes on
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    # Ctrl-C reaches the whole group; the process that asks ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    serve(sys.stdin.buffer, sys.stdout.buffer)
