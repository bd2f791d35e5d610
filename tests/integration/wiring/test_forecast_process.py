"""Forecasts are made in a process of their own, which ends with the one that asks."""

import asyncio
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import structlog

from carbon_scaler.application.own_forecasts import ForecastingFailedError
from carbon_scaler.application.own_issue import issue_of
from carbon_scaler.config.environment import read_environment
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.wiring.forecast_process import forecasting_apart
from tests.unit.application.forecast_fakes import lesson

LESSON = lesson(*(300.0 + np.arange(24 * 10) % 24))


async def test_it_says_what_would_be_said_here():
    async with forecasting_apart(read_environment()) as process:
        issue = await process.issue(LESSON)
        nothing = await process.issue(lesson())

    expected = issue_of(LESSON, load_priors())
    assert issue is not None
    assert expected is not None
    assert nothing is None
    assert (issue.model, issue.known_until) == (expected.model, expected.known_until)
    assert np.allclose(issue.grams, expected.grams)


async def test_it_is_started_by_the_first_lesson_and_ended_at_the_end():
    async with forecasting_apart(read_environment()) as process:
        assert process.pid is None
        await process.issue(LESSON)
        pid = process.pid

    assert pid is not None
    assert not is_running(pid)


async def test_a_lesson_that_fails_leaves_the_process_for_the_next():
    broken = replace(LESSON, starts=LESSON.starts[:3])
    async with forecasting_apart(read_environment()) as process:
        with pytest.raises(ForecastingFailedError, match="Error: "):
            await process.issue(broken)
        pid = process.pid
        assert await process.issue(LESSON) is not None

        assert process.pid == pid


async def test_a_process_that_crashed_is_replaced_and_that_is_said():
    async with forecasting_apart(read_environment()) as process:
        await process.issue(LESSON)
        former = process.pid
        assert former is not None
        os.kill(former, signal.SIGKILL)

        with structlog.testing.capture_logs() as logs, pytest.raises(ForecastingFailedError):
            await process.issue(LESSON)
        assert await process.issue(LESSON) is not None

        assert process.pid != former
    assert [entry["event"] for entry in logs] == ["forecast.process_ended"]


async def test_a_lesson_that_is_given_up_ends_the_process():
    async with forecasting_apart(read_environment()) as process:
        await process.issue(LESSON)
        former = process.pid
        assert former is not None
        os.kill(former, signal.SIGSTOP)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await process.issue(LESSON)

        assert not is_running(former)
        assert await process.issue(LESSON) is not None


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
