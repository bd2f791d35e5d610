"""carbon-thresholds.yaml becomes two tables of names, or one line that says what is wrong."""

from pathlib import Path

import pytest

from carbon_scaler.config.documents.bands import BandsDocument, read_bands
from carbon_scaler.config.yaml_document import PolicyFileError, read_yaml
from carbon_scaler.domain.bands import CLASSIFICATION, FIVE_BANDS, Band, band_of

TWO = """\
bands:
- {name: green, below: 150.5, min_renewable_percent: 35}
- name: grey
"""


def read(directory: Path, text: str) -> BandsDocument:
    file = directory / "carbon-thresholds.yaml"
    file.write_text(text)
    return read_bands(read_yaml(file))


def refusal(directory: Path, text: str) -> str:
    with pytest.raises(PolicyFileError) as raised:
        read(directory, text)
    return str(raised.value).removeprefix(f"{directory}/carbon-thresholds.yaml:")


@pytest.mark.parametrize("text", ["", "# nothing\n", "bands:\n", "bands:\nclassification:\n", "{}"])
def test_a_document_that_states_nothing_leaves_the_built_in_tables(tmp_path: Path, text: str):
    assert read(tmp_path, text) == BandsDocument(bands=FIVE_BANDS, classification=CLASSIFICATION)


def test_a_stated_table_replaces_the_built_in_one_and_leaves_the_other(tmp_path: Path):
    document = read(tmp_path, TWO)

    assert document.bands == (
        Band(name="green", below=150.5, min_renewable_percent=35.0),
        Band(name="grey", below=None),
    )
    assert document.classification == CLASSIFICATION


def test_the_classification_is_stated_in_the_same_way(tmp_path: Path):
    document = read(tmp_path, TWO.replace("bands", "classification"))

    assert [band.name for band in document.classification] == ["green", "grey"]
    assert document.bands == FIVE_BANDS


@pytest.mark.parametrize(
    ("grams", "name"),
    [
        (0.0, "clean"),
        (199.99, "clean"),
        (200.0, "moderate"),
        (399.99, "moderate"),
        (400.0, "high"),
        (599.99, "high"),
        (600.0, "very_high"),
        (9000.0, "very_high"),
    ],
)
def test_the_built_in_classification_is_half_open(tmp_path: Path, grams: float, name: str):
    assert band_of(grams, read(tmp_path, "").classification).name == name


@pytest.mark.parametrize(
    ("grams", "name"),
    [
        (99.99, "very_clean"),
        (100.0, "clean"),
        (200.0, "moderate"),
        (400.0, "high"),
        (600.0, "very_high"),
    ],
)
def test_the_five_built_in_bands_are_half_open(tmp_path: Path, grams: float, name: str):
    assert band_of(grams, read(tmp_path, "").bands).name == name


def test_a_name_in_both_tables_is_that_of_bands(tmp_path: Path):
    text = (
        "bands: [{name: clean, below: 120}, {name: rest}]\n"
        "classification: [{name: clean, below: 220}, {name: fair, below: 300}, {name: bad}]\n"
    )

    assert read(tmp_path, text).limits == {
        "clean": 120.0, "rest": None, "fair": 300.0, "bad": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("below: 150.5", "blow: 150.5", '2: bands.0.blow: unknown key; did you mean "below"? one of below, min_renewable_percent, name'),
        ("bands:", "band:", '1: band: unknown key; did you mean "bands"? one of bands, classification'),
        ("below: 150.5", "below: 150g", '2: bands.0.below: "150g" is not allowed; a number above 0 to 10000, in g/kWh and without a unit'),
        ("below: 150.5", "below: 0", '2: bands.0.below: "0" is not allowed; a number above 0'),
        ("below: 150.5", "below: 10001", '2: bands.0.below: "10001" is not allowed; a number above 0'),
        ("below: 150.5", "below: .nan", '2: bands.0.below: ".nan" is not allowed; a number above 0'),
        ("below: 150.5", "below:", '2: bands.0.below: "" is not allowed; a number above 0'),
        ("35", "101", '2: bands.0.min_renewable_percent: "101" is not allowed; a number from 0 to 100'),
        ("35", "true", '2: bands.0.min_renewable_percent: "True" is not allowed; a number from 0 to 100'),
        ("name: green", "name: 1green", '2: bands.0.name: "1green" is not allowed; a name that begins with a letter'),
        ("name: green", "name: grün", '2: bands.0.name: "grün" is not allowed; a name that begins with a letter'),
        ("name: green, ", "", "2: bands.0.name: is missing; a name that begins with a letter"),
        ("name: grey", "name: green", '3: bands.1: "green" is listed twice; give each band a name of its own'),
        ("name: grey", "{name: grey, below: 300}", '3: bands.1: "grey" is the last band: leave out its `below`'),
        ("below: 150.5, ", "", '2: bands.0: "green" has no `below`; only the last band goes on without end'),
        ("- name: grey", "- {name: mid, below: 150.5}\n- name: grey", '3: bands.1: "mid" ends below 150.5; more than 150.5, where the band before it ends'),
        (TWO, "bands: []", '1: bands: "a list" is not allowed; a list of bands, from clean to dirty'),
        (TWO, "bands: {green: 150}", '1: bands: "a mapping" is not allowed; a list of bands'),
        (TWO, "bands: [green]", '1: bands.0: "green" is not allowed; a list of bands'),
        (TWO, "- bands", " is not a mapping; begin it with bands: or classification:"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, says: str):
    assert old in TWO

    assert refusal(tmp_path, TWO.replace(old, new)).startswith(says)
