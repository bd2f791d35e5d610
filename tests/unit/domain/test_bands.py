import pytest

from carbon_scaler.config.documents.bands import BandsDocument
from carbon_scaler.domain.bands import CLASSIFICATION, FIVE_BANDS, band_of


@pytest.mark.parametrize(
    ("grams", "band", "classification"),
    [
        (0.0, "very_clean", "clean"),
        (99.9, "very_clean", "clean"),
        (100.0, "clean", "clean"),
        (199.9, "clean", "clean"),
        (200.0, "moderate", "moderate"),
        (399.9, "moderate", "moderate"),
        (400.0, "high", "high"),
        (599.9, "high", "high"),
        (600.0, "very_high", "very_high"),
        (5000.0, "very_high", "very_high"),
    ],
)
def test_a_limit_belongs_to_the_next_band(grams: float, band: str, classification: str):
    assert band_of(grams, FIVE_BANDS).name == band
    assert band_of(grams, CLASSIFICATION).name == classification


@pytest.mark.parametrize(
    ("name", "limit"), [("moderate", 400.0), ("very_high", None), ("purple", None)]
)
def test_a_bands_name_stands_for_the_limit_where_it_ends(name: str, limit: float | None):
    assert BandsDocument(bands=FIVE_BANDS).limits.get(name) == limit
