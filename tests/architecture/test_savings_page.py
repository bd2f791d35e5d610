"""docs/savings.md names the command that made it, and has its rows."""

from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "savings.md").read_text()


def test_the_command_is_named():
    assert "make bench-savings" in PAGE
    assert "--markdown" in PAGE
    assert "--page" in PAGE


@pytest.mark.parametrize(
    "row",
    [
        *(
            "| zone | g/kWh | threshold | quantile | forecast | oracle |",
            "| DE |",
            "| mean of 41 |",
        ),
        *("| em_DE_2023 |", "| dacf_CISO_2020-2021", "| mean of 6 |"),
        *("| forecast, home |", "| forecast, cleanest |"),
        *("| oracle, free in time and place |", "ran elsewhere in", "MAPE %"),
    ],
)
def test_a_row_of_the_measurement_is_there(row: str):
    assert row in PAGE
