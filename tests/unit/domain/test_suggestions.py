from collections.abc import Sequence

import pytest

from carbon_scaler.domain.suggestions import allowed_names, did_you_mean

NAMES = ("maxDelay", "maxJobs", "minRenewablePercent", "region")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("maxdelay", "maxDelay"),
        ("MAXDELAY", "maxDelay"),
        ("max_delay", "maxDelay"),
        ("maxDelya", "maxDelay"),
        ("minRenewablesPercent", "minRenewablePercent"),
        ("reg", None),
        ("colour", None),
        ("", None),
        ("r" * 1_000_000, None),
    ],
)
def test_a_typo_finds_the_name_that_was_meant(text: str | None, name: str | None):
    assert did_you_mean(text, NAMES) == name


def test_a_text_that_is_too_long_for_a_typo_is_not_compared():
    name = "r" * 64
    assert did_you_mean(name, [name]) == name
    assert did_you_mean(name + "r", [name]) is None


def test_nothing_is_like_a_name_where_there_are_none():
    assert did_you_mean("region", ()) is None


@pytest.mark.parametrize(
    ("text", "names", "said"),
    [
        ("regoin", ["region", "backlog"], 'did you mean "region"? one of backlog, region'),
        ("colour", ["region", "backlog"], "one of backlog, region"),
        (None, ["region", "backlog"], "one of backlog, region"),
        ("", ["region"], "one of region"),
        ("region", [], "there is none"),
        (None, [], "there is none"),
    ],
    ids=["typo", "nothing like it", "nothing said", "empty", "none known", "none known, said none"],
)
def test_what_is_allowed_is_listed_with_the_likely_name_first(
    text: str | None, names: Sequence[str], said: str
):
    assert allowed_names(text, names) == said


def test_a_long_list_is_cut_but_still_finds_the_name():
    names = [f"region-{number:02}" for number in range(30)]
    assert allowed_names("region-29", names, most=2) == (
        'did you mean "region-29"? one of region-00, region-01, …'
    )


def test_twelve_names_are_listed_at_most():
    names = [f"region-{number:02}" for number in range(13)]
    assert allowed_names(None, names[:12]) == f"one of {', '.join(names[:12])}"
    assert allowed_names(None, names) == f"one of {', '.join(names[:12])}, …"


def test_a_list_that_just_fits_is_not_cut():
    assert allowed_names(None, ["a", "b"], most=2) == "one of a, b"
