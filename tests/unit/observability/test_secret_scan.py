"""The scan that other tests rely on finds what it should."""

from base64 import b64encode
from urllib.parse import quote

import pytest

from tests.secret_scan import Leak, leaks

SECRET = 'pä"ss/word+1'


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (f"key={SECRET};", "plain"),
        (f"https://user:{quote(SECRET, safe='')}@host", "URL-encoded"),
        (f"Basic {b64encode(f'me:{SECRET}'.encode()).decode()}", "base64"),
        ("<b>p&auml;&quot;ss/word+1</b>", "HTML"),
        ('{"key": "p\\u00e4\\"ss/word+1"}', "escaped"),
    ],
)
def test_a_secret_is_found_in_the_form_it_has(text: str, form: str):
    assert Leak(secret="KEY", text="log", form=form) in leaks({"KEY": SECRET}, {"log": text})


def test_an_ordinary_key_is_found_within_basic_authentication():
    header = b64encode(b"someone:tr0ub4dor-and-3").decode()

    assert leaks({"PASSWORD": "tr0ub4dor-and-3"}, {"log": f"Authorization: Basic {header}"})


def test_a_text_without_secrets_is_clean():
    assert leaks({"KEY": SECRET}, {"log": "GET /v4/zones 200 bm90aGluZyBoZXJl", "status": ""}) == []
