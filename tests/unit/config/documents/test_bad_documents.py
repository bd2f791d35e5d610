"""What is no sensible document of windows, tenants or budgets: each is refused in one line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from carbon_scaler.config.documents.budgets import read_budgets
from carbon_scaler.config.documents.residency import read_residency
from carbon_scaler.config.documents.windows import read_time_shift
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.yaml_document import PolicyFileError, YamlDocument, read_yaml

READERS: dict[str, tuple[Callable[[YamlDocument], object], str, str]] = {
    "time-shift-policies.yaml": (
        lambda document: read_time_shift(document, load_catalog()),
        "windows",
        "[{name: N, hours: 02:00-06:00, effect: prefer}]",
    ),
    "gdpr-residency-overrides.yaml": (
        lambda document: read_residency(document, load_catalog()),
        "tenants",
        "{acme: {level: GLOBAL}}",
    ),
    "carbon-budgets.yaml": (
        lambda document: read_budgets(document, ["urgent"]),
        "services",
        "{api: {monthly_kg: 5}}",
    ),
}


def refusal(directory: Path, name: str, content: bytes) -> str:
    file = directory / name
    file.write_bytes(content)
    with pytest.raises(PolicyFileError) as raised:
        READERS[name][0](read_yaml(file))
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 600 + len(str(directory))
    return str(raised.value).removeprefix(f"{directory}/{name}")


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: " + b"x" * 10_000_000, ": is larger than 1,000,000 bytes"),
        (b"\x7fELF\x02\x01\xff\xfe", ":1: is not text in UTF-8; save it as that"),
        (b"%KEY: {}\na: \x00\n", ":2: holds an unprintable character; save it as plain text"),
        (b"%KEY: &a {x: *a}\n", ":1: aliases (*name) are not read; write the value out"),
        (b"%KEY: !!python/object:os.system {}\n", ":1: tags (!name) are not read"),
        (b"%KEY:\n\t- x\n", ":2: a tab stands where YAML wants spaces; indent with spaces"),
        (b"%KEY: {}\n%KEY: {}\n", ':2: the key "%KEY" occurs twice; keep one'),
        (b"%KEY: {}\n---\n%KEY: {}\n", ":2: a second document begins here; keep one, without ---"),
        (b"%KEY: {acme: [" + b"[" * 50, ":1: is nested too deeply to be read"),
        (b"- 3\n", ": is not a mapping; begin it with "),
        (b"%KEY: 3\n", ':1: %KEY: "3" is not allowed; a '),
    ],
)
def test_what_is_no_such_document_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, said: str
):
    key = READERS[name][1]

    told = refusal(tmp_path, name, content.replace(b"%KEY", key.encode()))
    assert told.startswith(said.replace("%KEY", key))


@pytest.mark.parametrize("name", READERS)
def test_a_document_cut_short_anywhere_is_refused_or_states_nothing(tmp_path: Path, name: str):
    read, key, value = READERS[name]
    whole = f"{key}: {value}"
    file = tmp_path / name
    file.write_text("")
    nothing = read(read_yaml(file))
    refused = 0
    for length in range(len(whole)):
        file.write_text(whole[:length])
        try:
            assert read(read_yaml(file)) == nothing, whole[:length]
        except PolicyFileError:
            refused += 1

    assert refused > len(value)


@pytest.mark.parametrize(
    "text",
    [
        "tenants:\n  acme: {level: GLOBAL}\n  acme: {level: EU_STRICT}\n",
        "tenants:\n  acme: {level: EU_STRICT}\n  'acme': {level: GLOBAL}\n",
    ],
)
def test_a_tenant_that_is_listed_twice_is_refused(tmp_path: Path, text: str):
    assert refusal(tmp_path, "gdpr-residency-overrides.yaml", text.encode()) == (
        ':3: the key "acme" occurs twice; keep one'
    )


def test_a_tenant_of_which_half_a_line_is_written_is_refused_rather_than_guessed(tmp_path: Path):
    for half in ("mode:", "primary_region:", "allowed_regions:", "namespaces:", "level:"):
        others = "" if half == "level:" else "level: EU_STRICT, "
        text = f"tenants: {{acme: {{{others}{half} }}}}"

        said = refusal(tmp_path, "gdpr-residency-overrides.yaml", text.encode())
        assert said.startswith(f':1: tenants.acme.{half} "" is not allowed; ')
