"""Secrets are kept out of every line that is logged, in whatever form they turn up."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import permutations
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
SHORTEST = 6
# In a URL, what is shorter may be a word that every log uses.
SHORTEST_IN_URL = 16
IN_URL = re.compile(r"[^\s/?&=#:@,]+")
PASSWORD_IN_URL = re.compile(r"://[^\s/?#]*?:([^\s/?#]+)@")

# Tells a secret's present value; one that is replaced stays masked.
Reveal = Callable[[], str]


class Masking:
    """Replaces present and former values of secrets in texts."""

    def __init__(self, secrets: Sequence[Reveal] = ()) -> None:
        self._secrets = secrets
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def text(self, text: str) -> str:
        """The text without secrets."""
        self._learn()
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def deep(self, value: object) -> object:
        """The value without secrets in the strings it holds."""
        match value:
            case str():
                return self.text(value)
            case bytes():
                return self.text(value.decode("utf-8", "replace"))
            case dict():
                return {self.deep(key): self.deep(each) for key, each in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.deep(each) for each in value]
            case None | bool() | int() | float():
                return value
            case _:
                # It would be shown by its repr; only one that tells too much is replaced.
                shown = repr(value)
                masked = self.text(shown)
                return value if masked == shown else masked

    def _learn(self) -> None:
        present = {reveal() for reveal in self._secrets} - {""}
        if present <= self._values:
            return
        self._values |= present
        forms = {form for form in _forms(self._values) if len(form) >= SHORTEST}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None


def _forms(values: Iterable[str]) -> Iterator[str]:
    whole = sorted(values)
    for value in whole:
        yield from _encoded(value)
        if "://" in value:
            for part in _parts(value):
                yield from _encoded(part)
    for user, password in permutations(whole, 2):
        yield from _base64(f"{user}:{password}")


def _encoded(value: str) -> Iterator[str]:
    if len(value) < SHORTEST:
        return
    yield value
    yield from (quote(value, safe=""), quote(value), quote_plus(value), unquote(value))
    # As JSON and Python write it between quotes.
    yield from (json.dumps(value)[1:-1], repr(value)[1:-1])
    yield from _base64(value)


def _base64(value: str) -> Iterator[str]:
    for encode in (b64encode, urlsafe_b64encode):
        encoded = encode(value.encode()).decode()
        yield from (encoded, encoded.rstrip("="))


def _parts(url: str) -> Iterator[str]:
    """What in a URL is a key: the passwords, and what is too long for a word."""
    yield from PASSWORD_IN_URL.findall(url)
    for part in IN_URL.findall(url):
        # Names of hosts and files are no keys.
        if len(part) >= SHORTEST_IN_URL and "." not in part:
            yield part
