"""docs/backtest.md names every option, strategy and column of `backtest`."""

import re
from pathlib import Path

import pytest
import typer

from carbon_scaler.application.backtest import Way
from carbon_scaler.cli.app import program
from carbon_scaler.config.job_columns import COLUMNS
from carbon_scaler.config.jobs_json import WORDS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "backtest.md").read_text()
COMMAND = typer.main.get_command(program(["backtest"]))
OPTIONS = sorted(
    {
        name
        for parameter in COMMAND.commands["backtest"].params  # type: ignore[attr-defined]
        for name in parameter.opts
        if name != "--help"
    }
)


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_is_documented(option: str):
    assert re.search(rf"{re.escape(option)}\b", PAGE)


@pytest.mark.parametrize("name", [*Way, *COLUMNS, *WORDS.values()])
def test_a_strategy_column_or_word_is_documented(name: str):
    assert f"`{name}`" in PAGE
