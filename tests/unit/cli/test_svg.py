from xml.etree import ElementTree as ET

from carbon_scaler.cli.svg import Drawing

SVG = "{http://www.w3.org/2000/svg}"


def a_drawing() -> Drawing:
    return Drawing(width=100, title="A < B", description="said & done")


def test_text_of_any_kind_stays_text():
    drawing = a_drawing()
    drawing.text((1, 2), "<script>a && 'b'</script>\x00\x1b")

    root = ET.fromstring(drawing.document(50))

    (text,) = root.findall(f"{SVG}text")
    assert text.text == "<script>a && 'b'</script>\ufffd\ufffd"
    assert root.findtext(f"{SVG}title") == "A < B"
    assert root.findtext(f"{SVG}desc") == "said & done"
    assert not root.findall(f".//{SVG}script")


def test_the_paper_is_as_large_as_the_drawing():
    root = ET.fromstring(a_drawing().document(50))

    paper = root.find(f"{SVG}rect")
    assert paper is not None
    assert (paper.get("width"), paper.get("height")) == ("100", "50")
    assert root.get("viewBox") == "0 0 100 50"


def test_boxes_and_lines_stand_where_they_are_put():
    drawing = a_drawing()
    drawing.box((1.234, 2), (-3, 4), fill="#000000", edge="#ffffff")
    drawing.line([(0, 0), (1.5, 2)], dashes="4 3")

    root = ET.fromstring(drawing.document(50))

    box = root.findall(f"{SVG}rect")[1]
    assert [box.get(name) for name in ("x", "y", "width", "height")] == ["1.23", "2", "0", "4"]
    line = root.find(f"{SVG}polyline")
    assert line is not None
    assert (line.get("points"), line.get("stroke-dasharray")) == ("0,0 1.5,2", "4 3")
