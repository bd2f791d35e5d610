"""What a backtest found, drawn: what each strategy saves, how late it starts, when it draws power."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carbon_scaler.cli.output_file import written
from carbon_scaler.cli.svg import FAINT, INK, Drawing
from carbon_scaler.domain.columns import Column
from carbon_scaler.simulation.load import load_by_hour_of_day
from carbon_scaler.wiring.backtest import BacktestFound

WIDTH, MARGIN = 960.0, 24.0
NAMES, ROW, BAR = 120.0, 24.0, 16.0
BARS = WIDTH - 2 * MARGIN - NAMES
# To the right of the longest bar, for its label.
LABELS = 300.0
LINE, LONGEST_LINE = 18.0, 140
FILL, LOSS = "#2b6cb0", "#c05621"
PANELS, PANEL_HEIGHT, PANEL_GAP = 3, 96.0, 28.0
HOURS = 24
AXIS_HOURS = (0, 6, 12, 18, 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    name: str
    value: float | None
    label: str


def write_chart(file: Path, found: BacktestFound) -> None:
    """As an SVG file that a browser shows."""
    with written("--chart", file) as text:
        text.write(chart(found))


def chart(found: BacktestFound) -> str:
    """The SVG document."""
    told = found.document
    drawing = Drawing(width=WIDTH, title="Backtest", description=told["method"])
    below = _head(drawing, told)
    strategies: Mapping[str, Any] = told["strategies"]
    savings = [_saving(name, each) for name, each in strategies.items()]
    below = _bars(drawing, below, "Saved against starting at once, % of the emissions", savings)
    delays = [_delay(name, each) for name, each in strategies.items()]
    below = _bars(drawing, below, "Mean delay of the starts, minutes", delays)
    below = _loads(drawing, below, found)
    return drawing.document(below + MARGIN / 2)


def _head(drawing: Drawing, told: Mapping[str, Any]) -> float:
    period = told["period"]
    lines = [
        f"jobs: {told['jobs_from']}, submitted {period['from']} to {period['until']}",
        f"regions: {', '.join(told['regions'])}; signal {told['signal']}, factors "
        f"{told['factors']}; policy {told['policy']['version']}; lag {told['lag_seconds']:g} s, "
        f"spread {told['spread_seconds']:g} s",
        told["place"]["what"],
        *textwrap.wrap(told["method"], LONGEST_LINE),
    ]
    drawing.text((MARGIN, MARGIN + 16), "Backtest: the same jobs by each strategy", size=20)
    for number, line in enumerate(lines, 1):
        drawing.text((MARGIN, MARGIN + 18 + number * LINE), _short(line), size=12, fill=FAINT)
    return MARGIN + 18 + len(lines) * LINE + 34


def _saving(name: str, outcome: Mapping[str, Any]) -> _Bar:
    saving, share = outcome["saving_percent"], outcome["share_of_oracle"]
    if saving is None:
        return _Bar(name=name, value=None, label="nothing is emitted")
    of_oracle = "" if share is None else f", {100 * share:.1f} % of the oracle's"
    return _Bar(name=name, value=saving, label=f"{saving:.2f} %{of_oracle}")


def _delay(name: str, outcome: Mapping[str, Any]) -> _Bar:
    delays = outcome["delay_minutes"]
    label = (
        f"{delays['mean']:.0f} min; 95 of 100 within {delays['p95']:.0f}, all {delays['max']:.0f}"
    )
    return _Bar(name=name, value=delays["mean"], label=label)


def _bars(drawing: Drawing, top: float, title: str, bars: Sequence[_Bar]) -> float:
    """Rows from the top on, one for each; returns where the next part begins."""
    drawing.text((MARGIN, top), title, size=15)
    values = [bar.value or 0.0 for bar in bars]
    least, most = min(0.0, *values), max(0.0, *values)
    scale = (BARS - LABELS) / ((most - least) or 1.0)
    zero = MARGIN + NAMES - least * scale
    for number, bar in enumerate(bars):
        upper = top + 12 + number * ROW
        value = bar.value or 0.0
        left, right = zero + min(0.0, value) * scale, zero + max(0.0, value) * scale
        drawing.text((MARGIN, upper + BAR - 3), bar.name)
        drawing.box((left, upper), (right - left, BAR), fill=FILL if value >= 0 else LOSS)
        drawing.text((right + 8, upper + BAR - 3), bar.label)
    bottom = top + 12 + len(bars) * ROW
    drawing.line([(zero, top + 8), (zero, bottom)], stroke=INK)
    return bottom + 34


def _loads(drawing: Drawing, top: float, found: BacktestFound) -> float:
    """A small picture for each strategy, all to one scale."""
    at_once = load_by_hour_of_day(found.jobs, found.jobs.submitted)
    loads = [load_by_hour_of_day(found.jobs, starts.started) for starts in found.starts]
    most = max(float(load.max()) for load in (at_once, *loads)) or 1.0
    title = f"Mean power by hour of the day (UTC), 0 to {most:.4g} kW; dashed: all jobs at once"
    drawing.text((MARGIN, top), title, size=15)
    names = [str(starts.strategy) for starts in found.starts]
    for number, (name, load) in enumerate(zip(names, loads, strict=True)):
        place = _place(top + 36, number)
        _panel(drawing, place, name, load / most)
        drawing.line(_outline(place, at_once / most), stroke=INK, dashes="4 3")
    rows = -(-len(names) // PANELS)
    return top + 36 + rows * (PANEL_HEIGHT + PANEL_GAP + LINE)


Place = tuple[float, float]


def _place(top: float, number: int) -> Place:
    """The upper left corner of a picture; they stand row by row."""
    row, column = divmod(number, PANELS)
    left = MARGIN + column * (_panel_width() + PANEL_GAP)
    return left, top + row * (PANEL_HEIGHT + PANEL_GAP + LINE)


def _panel_width() -> float:
    return (WIDTH - 2 * MARGIN - (PANELS - 1) * PANEL_GAP) / PANELS


def _panel(drawing: Drawing, place: Place, name: str, heights: Column) -> None:
    left, top = place
    bottom, across = top + PANEL_HEIGHT, _panel_width() / HOURS
    drawing.text((left, top - 6), name)
    for hour, height in enumerate(heights.tolist()):
        size = across - 1, height * PANEL_HEIGHT
        drawing.box((left + hour * across, bottom - size[1]), size, fill=FILL)
    drawing.line([(left, bottom), (left + _panel_width(), bottom)])
    for hour in AXIS_HOURS:
        at = left + hour * across, bottom + 14
        drawing.text(at, str(hour), size=11, fill=FAINT, anchor="middle")


def _outline(place: Place, heights: Column) -> list[Place]:
    """The steps of the columns."""
    left, top = place
    bottom, across = top + PANEL_HEIGHT, _panel_width() / HOURS
    return [
        (left + edge * across, bottom - height * PANEL_HEIGHT)
        for hour, height in enumerate(heights.tolist())
        for edge in (hour, hour + 1)
    ]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 1]}…"
