from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from carbon_scaler.cli.backtest_chart import FILL, LOSS, chart, write_chart
from carbon_scaler.config.settings import SettingsError
from tests.unit.cli.backtests import AT_ONCE, BEST, WORSE, a_found

SVG = "{http://www.w3.org/2000/svg}"


def drawn() -> ET.Element:
    return ET.fromstring(chart(a_found(AT_ONCE, WORSE, BEST)))


def test_every_bar_has_its_name_and_figure_in_words():
    texts = [each.text for each in drawn().findall(f"{SVG}text")]

    for name in ("run_now", "threshold", "oracle"):
        assert texts.count(name) == 3
    assert "50.00 %, 100.0 % of the oracle's" in texts
    assert "-25.00 %, -50.0 % of the oracle's" in texts
    assert "60 min; 95 of 100 within 60, all 60" in texts


def test_method_signal_and_period_are_named():
    texts = " ".join(each.text or "" for each in drawn().findall(f"{SVG}text"))

    assert "in a way, as it was" in texts
    assert "signal average, factors lifecycle" in texts
    assert "a&b.csv, submitted 2026-03-02T12:00:00Z to 2026-03-02T18:00:00Z" in texts


def test_what_is_lost_lies_left_of_what_is_saved():
    boxes = {box.get("fill"): box for box in reversed(drawn().findall(f"{SVG}rect"))}

    lost, saved = boxes[LOSS], boxes[FILL]
    ends = float(lost.get("x", "")) + float(lost.get("width", ""))
    assert ends == pytest.approx(float(saved.get("x", "")), abs=0.02)


def test_everything_lies_on_the_paper():
    root = drawn()
    width, height = float(root.get("width", "")), float(root.get("height", ""))

    for box in root.findall(f"{SVG}rect"):
        right = float(box.get("x", "0")) + float(box.get("width", ""))
        bottom = float(box.get("y", "0")) + float(box.get("height", ""))
        assert 0 <= right <= width
        assert 0 <= bottom <= height


def test_where_nothing_is_emitted_there_is_no_saving_to_draw():
    found = a_found(AT_ONCE)
    found.document["strategies"]["run_now"]["saving_percent"] = None

    assert "nothing is emitted" in chart(found)


def test_a_chart_that_cant_be_written_is_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match="cannot be written"):
        write_chart(tmp_path / "none" / "chart.svg", a_found(AT_ONCE))
