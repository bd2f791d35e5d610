"""Words in a document that must be among known ones."""

import re
from collections.abc import Collection, Mapping

from carbon_scaler.config.yaml_document import KeyPath, PolicyFileError, YamlDocument
from carbon_scaler.config.yaml_schema import dotted
from carbon_scaler.domain.regions import Catalog, split_region
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import Problem, quoted

# As triggers may write it.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", re.ASCII)
NAME_ALLOWED = "a name of letters, digits and . _ : - up to 100 long"


def refusal(document: YamlDocument, path: KeyPath, said: str, allowed: str) -> PolicyFileError:
    """A complaint that names the key, what it says and what may stand there."""
    return document.error(path, str(Problem(key=dotted(path), said=said, allowed=allowed)))


def check_name(document: YamlDocument, path: tuple[str, str]) -> None:
    """Refuses what no trigger could name: a path is what is listed, and the name of one."""
    listed, name = path
    if not NAME.fullmatch(name):
        raise document.error(path, f"{listed}: {quoted(name, 100)} is not {NAME_ALLOWED}")


def check_words(document: YamlDocument, key: str, words: Mapping[str, Collection[str]]) -> None:
    """Refuses what is none of the words that entries below a key may state, with the likely one.

    What is wrong in any other way is left to the document's model.
    """
    named = document.value.get(key) if isinstance(document.value, dict) else None
    pairs = named.items() if isinstance(named, dict) else enumerate(_listed(named))
    for entry, value in pairs:
        for word, names in words.items():
            said = value.get(word) if isinstance(value, dict) else None
            if isinstance(said, str) and said not in names:
                raise refusal(document, (key, entry, word), said, allowed_names(said, names))


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def region_named(document: YamlDocument, path: KeyPath, text: str, catalog: Catalog) -> str:
    """The known region at this path by its bare name; `aws:` may stand before it."""
    provider, name = split_region(text)
    region = catalog.get(name)
    if region is None:
        raise refusal(document, path, text, allowed_names(name, catalog))
    if provider not in (None, region.provider):
        raise refusal(document, path, text, f"{name} is a region of {region.provider}")
    return name
