"""A drawing as SVG: boxes, lines and text."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

NAMESPACE = "http://www.w3.org/2000/svg"
INK, FAINT, PAPER = "#1b1b1b", "#5c5c5c", "#ffffff"
FONT = "system-ui, 'DejaVu Sans', Verdana, sans-serif"

Point = tuple[float, float]


class Drawing:
    """Grows element by element; places in pixels from the upper left corner."""

    def __init__(self, *, width: float, title: str, description: str) -> None:
        self._width = width
        self._root = ET.Element("svg", {"xmlns": NAMESPACE, "role": "img", "font-family": FONT})
        ET.SubElement(self._root, "title").text = printable(title)
        ET.SubElement(self._root, "desc").text = printable(description)
        self._paper = ET.SubElement(self._root, "rect", {"fill": PAPER, "width": _number(width)})

    def box(self, corner: Point, size: Point, *, fill: str, edge: str | None = None) -> None:
        """A filled rectangle."""
        x, y = corner
        width, height = size
        attributes = {"x": x, "y": y, "width": max(0.0, width), "height": max(0.0, height)}
        box = self._add("rect", attributes, fill=fill)
        if edge is not None:
            box.set("stroke", edge)

    def line(
        self, points: Sequence[Point], *, stroke: str = INK, dashes: str | None = None
    ) -> None:
        """From point to point."""
        places = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
        line = self._add("polyline", {}, points=places, fill="none", stroke=stroke)
        if dashes is not None:
            line.set("stroke-dasharray", dashes)

    def text(
        self, place: Point, text: str, *, size: float = 13, fill: str = INK, anchor: str = "start"
    ) -> None:
        """One line that begins, is centred or ends at the place."""
        x, y = place
        numbers = {"x": x, "y": y, "font-size": size}
        line = self._add("text", numbers, **{"fill": fill, "text-anchor": anchor})
        line.text = printable(text)

    def document(self, height: float) -> str:
        """The XML of the drawing, so high."""
        self._paper.set("height", _number(height))
        size = {"width": self._width, "height": height}
        for name, value in size.items():
            self._root.set(name, _number(value))
        self._root.set("viewBox", f"0 0 {_number(self._width)} {_number(height)}")
        ET.indent(self._root)
        return ET.tostring(self._root, encoding="unicode", xml_declaration=False) + "\n"

    def _add(self, kind: str, numbers: dict[str, float], **words: str) -> ET.Element:
        attributes = {name: _number(value) for name, value in numbers.items()}
        return ET.SubElement(self._root, kind, {**attributes, **words})


def printable(text: str) -> str:
    """Without what no XML may hold."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
