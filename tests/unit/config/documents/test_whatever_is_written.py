"""Whatever stands in a document: it is read, or refused in one line that names the file."""

from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.config.documents.bands import BandModel, BandsDocument, BandsModel, read_bands
from carbon_scaler.config.documents.classes import ClassModel, read_classes
from carbon_scaler.config.documents.scheduler import SchedulerModel, WeightsModel, read_scheduler
from carbon_scaler.config.documents.settings_schema import SettingsModel
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.yaml_document import PolicyFileError, YamlDocument
from carbon_scaler.config.yaml_schema import StrictModel

# What the reader of YAML gives: its decimals are text, and a key has no lone surrogate.
KEYS = st.text(max_size=12)
TEXTS = st.one_of(
    KEYS,
    st.sampled_from(
        [
            "1.5", "1e9", "nan", "-inf", "1_0", "12h", "2d", "PT1H", "99999d", "clean", "very_high",
            "150:1,400:0", "eu-central-1", "aws:eu-central-1", ":", "\ud800", "open",
        ]
    ),
)  # fmt: skip
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**18), 10**18), st.integers(0, 500), TEXTS
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


def keys_of(*models: type[StrictModel]) -> st.SearchStrategy[object]:
    names = sorted({key for model in models for key in model.model_fields})
    return st.dictionaries(st.one_of(st.sampled_from(names), KEYS), VALUES, max_size=6)


def in_one_line_or_read(read: Callable[[YamlDocument], object], value: object) -> None:
    try:
        read(YamlDocument(file=Path("document.yaml"), value=value, lines={}))
    except PolicyFileError as error:
        refusal = str(error)
    else:
        refusal = "document.yaml: "
    assert refusal.startswith("document.yaml: ")
    assert "\n" not in refusal


@given(
    VALUES | st.dictionaries(st.sampled_from(["bands"]), st.lists(keys_of(BandModel), max_size=4))
)
def test_bands(value: object):
    in_one_line_or_read(read_bands, value)


@given(
    keys_of(BandsModel)
    | st.fixed_dictionaries(
        {"classes": VALUES | st.dictionaries(st.just("mine") | KEYS, keys_of(ClassModel))}
    )
)
def test_classes(value: object):
    catalog, bands = load_catalog(), BandsDocument()
    in_one_line_or_read(lambda document: read_classes(document, catalog, bands), value)


@given(
    VALUES
    | keys_of(SchedulerModel)
    | st.fixed_dictionaries({"defaults": keys_of(SettingsModel), "weights": keys_of(WeightsModel)})
)
def test_the_scheduler(value: object):
    in_one_line_or_read(lambda document: read_scheduler(document, BandsDocument()), value)
