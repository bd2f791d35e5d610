"""No form of a secret survives in what is logged."""

import json
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.observability.masking import Masking
from tests.secret_scan import leaks

USER, PASSWORD = "alice@example", 'p ä"ss/w+rd'


def masking(*secrets: str) -> Masking:
    return Masking([lambda secret=secret: secret for secret in secrets])


@pytest.mark.parametrize(
    "text",
    [
        f"GET /login?user={USER}&key={PASSWORD}",
        f"https://host/{quote(PASSWORD, safe='')}?x={quote_plus(PASSWORD)}",
        f"Authorization: Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}",
        json.dumps({"password": PASSWORD}),
        repr({"password": PASSWORD}),
        f"X-Key: {b64encode(PASSWORD.encode()).decode()}",
    ],
)
def test_a_secret_is_masked_in_every_form(text: str):
    masked = masking(USER, PASSWORD).text(text)

    assert "***" in masked
    assert leaks({"user": USER, "password": PASSWORD}, {"line": masked}) == []


CHARACTERS = st.characters(categories=["L", "N", "P", "S"], exclude_characters="*")


@given(secret=st.text(CHARACTERS, min_size=6, max_size=40), around=st.text(CHARACTERS, max_size=20))
def test_any_secret_is_masked_wherever_it_stands(secret: str, around: str):
    masked = masking(secret).text(f"{around}{secret}{around}")

    assert secret not in masked.replace("***", " ")


def test_a_secret_is_masked_deep_inside_and_in_what_objects_show():
    @dataclass
    class Request:
        token: str

    event = {
        "event": "asked",
        "headers": {"auth-token": ["Bearer sesame-open"]},
        "request": Request("sesame-open"),
        "error": ValueError("refused sesame-open"),
        "body": b"key=sesame-open",
        "count": 3,
        "none": None,
    }

    masked = masking("sesame-open").deep(event)

    assert "sesame-open" not in repr(masked)
    assert isinstance(masked, dict)
    assert (masked["event"], masked["count"], masked["none"]) == ("asked", 3, None)
    assert masked["body"] == "key=***"


def test_a_secret_that_was_replaced_stays_masked():
    present = ["first-secret"]
    masked = Masking([lambda: present[0]])
    masked.text("")
    present[0] = "second-secret"

    assert masked.text("first-secret second-secret") == "*** ***"


def test_what_is_too_short_to_be_told_from_a_word_is_left():
    assert masking("short").text("a short text") == "a short text"


def test_the_keys_within_a_url_are_masked_alone_too():
    url = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
    mail = "mailto://me:hunter22@mail.example, pagerduty://0123456789abcdef@fedcba9876543210"
    masked = masking(url, mail)

    text = "hunter22 0123456789abcdef fedcba9876543210 XXXXXXXXXXXXXXXXXXXXXXXX services slack.com"

    assert masked.text(text) == "*** *** *** *** services slack.com"


def test_without_secrets_a_text_stays_as_it_is():
    assert masking().text("all of it") == "all of it"
    assert masking("").deep(["all", "of it"]) == ["all", "of it"]
