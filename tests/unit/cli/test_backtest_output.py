import csv
from pathlib import Path

import pytest

from carbon_scaler.cli.backtest_output import write_figures
from carbon_scaler.config.settings import SettingsError
from tests.builders import HOME
from tests.unit.cli.backtests import AT_ONCE, BEST, WORSE, a_found


def test_every_figure_stands_in_its_row(tmp_path: Path):
    file = tmp_path / "figures.csv"

    write_figures(file, a_found(AT_ONCE, WORSE, BEST).document)

    with file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    parts = [(row["part"], row["name"]) for row in rows[:3]]
    assert parts == [("all", ""), ("class", "a <class> & more"), ("region", HOME)]
    assert [row["strategy"] for row in rows[::3]] == ["run_now", "threshold", "oracle"]
    best = rows[6]
    assert (best["emissions_g"], best["energy_kwh"], best["jobs"]) == ("200.0", "4.0", "2")
    assert best["grams_per_kwh_weighted_by_energy"] == "50.0"
    assert best["grams_per_kwh_plain_mean_over_jobs"] == "50.0"
    assert (best["saving_percent"], best["share_of_oracle"]) == ("50.0", "1.0")
    assert (best["delay_minutes_mean"], best["delay_minutes_max"]) == ("120.0", "120.0")
    assert (best["signal"], best["factors"]) == ("average", "lifecycle")
    assert (best["from"], best["until"]) == ("2026-03-02T12:00:00Z", "2026-03-02T18:00:00Z")
    assert best["method"] == "in a way, as it was"


def test_what_is_not_known_of_a_part_is_empty(tmp_path: Path):
    file = tmp_path / "figures.csv"

    write_figures(file, a_found(AT_ONCE).document)

    with file.open(newline="") as text:
        whole, by_class, _ = csv.DictReader(text)
    assert float(whole["busiest_minute_hours"]) > 0
    assert by_class["busiest_minute_hours"] == ""


def test_figures_that_cant_be_written_are_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match="cannot be written"):
        write_figures(tmp_path, a_found(AT_ONCE).document)
