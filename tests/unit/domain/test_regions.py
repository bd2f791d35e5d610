import pytest

from carbon_scaler.domain.regions import split_region


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("us-west-1", (None, "us-west-1")),
        ("aws:us-west-1", ("aws", "us-west-1")),
        ("gcp:europe-west1", ("gcp", "europe-west1")),
        ("azure:westeurope", ("azure", "westeurope")),
        ("gcp:", ("gcp", "")),
        ("gcp", (None, "gcp")),
        ("oracle:eu-1", (None, "oracle:eu-1")),
        ("AWS:us-west-1", (None, "AWS:us-west-1")),
        (":us-west-1", (None, ":us-west-1")),
        ("", (None, "")),
    ],
)
def test_only_a_known_provider_is_taken_for_a_prefix(text: str, parts: tuple[str | None, str]):
    assert split_region(text) == parts
