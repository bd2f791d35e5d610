"""docs/simulate.md names every option, baseline and strategy of `simulate`."""

import re
from pathlib import Path

import pytest
import typer

from carbon_scaler.application.simulate import STRATEGIES, Baseline
from carbon_scaler.cli.app import program

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "simulate.md").read_text()
COMMAND = typer.main.get_command(program(["simulate"]))
OPTIONS = sorted(
    {
        name
        for parameter in COMMAND.commands["simulate"].params  # type: ignore[attr-defined]
        for name in parameter.opts
        if name != "--help"
    }
)


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_is_documented(option: str):
    assert re.search(rf"{re.escape(option)}\b", PAGE)


@pytest.mark.parametrize("name", [*Baseline, *STRATEGIES])
def test_a_baseline_or_strategy_is_documented(name: str):
    assert f"`{name}`" in PAGE
