"""Finds secrets in texts, in every form that they are likely to take there."""

import base64
import binascii
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote_plus

# What looks like base64 is also read as such, so a secret inside a longer value is found.
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")


@dataclass(frozen=True)
class Leak:
    """A secret, the text in which it is, and the form it has there."""

    secret: str
    text: str
    form: str


def leaks(secrets: Mapping[str, str], texts: Mapping[str, str]) -> list[Leak]:
    """Where which of these secrets (by name) appears in which of these texts (by name)."""
    return [
        Leak(secret=name, text=place, form=form)
        for name, secret in secrets.items()
        for place, text in texts.items()
        for form in _found(secret, text)
    ]


def _found(secret: str, text: str) -> Iterator[str]:
    readings = {
        "URL-encoded": unquote_plus(text),
        "HTML": html.unescape(text),
        "base64": "\n".join(_decoded(text)),
    }
    if secret in text:
        yield "plain"
    for form, reading in readings.items():
        # Once more than it is there in plain.
        if reading.count(secret) > text.count(secret) * (form != "base64"):
            yield form
    escaped = {json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret), quote_plus(secret)}
    if any(each in text for each in escaped - {secret}):
        yield "escaped"


def _decoded(text: str) -> Iterator[str]:
    for match in BASE64.findall(text):
        bare = match.rstrip("=").replace("-", "+").replace("_", "/")
        # From every offset of four: it may be glued to something that is no base64.
        for skipped in range(min(4, len(bare))):
            part = bare[skipped:]
            part = part[: len(part) - (len(part) % 4 == 1)]
            try:
                yield base64.b64decode(part + "=" * (-len(part) % 4)).decode("utf-8", "replace")
            except binascii.Error:
                continue
