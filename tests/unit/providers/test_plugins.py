"""Sources of other packages, as their installed metadata name them."""

import importlib
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from carbon_scaler.application.grid_sources import GridSource, SourceError
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.settings import SOURCES
from carbon_scaler.providers.plugins import (
    PluginError,
    SourceContext,
    SourceFactory,
    installed,
    load,
)
from carbon_scaler.providers.transport import Transport

PAGE = Path(__file__).parents[3] / "docs" / "providers" / "custom.md"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODULE = "windmill_source_of_a_test"


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a test installs its packages."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop(MODULE, None)


def install(
    packages: Path, code: str, *, name: str = "windmill", distribution: str = "windmill-grid"
) -> None:
    (packages / f"{MODULE}.py").write_text(code)
    metadata = packages / f"{distribution.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        f"[carbon_scaler.sources]\n{name} = {MODULE}:source\n"
    )
    importlib.invalidate_caches()


def sample() -> str:
    """The code that the documentation shows."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(code)


def context(name: str = "windmill", answer: object = None) -> SourceContext:
    """With a transport that gets this answer, whatever is asked."""

    async def spend() -> bool:
        return True

    def open_transport(address: str) -> Transport:
        answers = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
        client = httpx.AsyncClient(transport=answers)
        return Transport(client, source=name, address=address, spend=spend)

    return SourceContext(name=name, open_transport=open_transport, variable=lambda _: None)


def factory(name: str = "windmill") -> SourceFactory:
    return load([name], SOURCES)[name]


def made() -> GridSource:
    return factory()(context())


def refusal() -> str:
    with pytest.raises(PluginError) as raised:
        made()
    return str(raised.value)


def test_the_documented_sample_is_a_source(packages: Path):
    install(packages, sample())

    source = made()

    assert source.traits.name == "windmill"
    assert source.serves(load_catalog()["denmarkeast"])
    assert "windmill" in installed()


async def test_the_documented_sample_reads_its_values(packages: Path):
    install(packages, sample())
    source = factory()(context(answer={"grams": 12, "from": "2026-03-01T12:00Z"}))

    (seen,) = await source.latest("DK-DK2", NOON)

    assert (seen.zone, seen.starts_at, seen.grams_per_kwh) == ("DK-DK2", NOON, 12.0)


async def test_the_documented_sample_refuses_what_it_should(packages: Path):
    install(packages, sample())
    source = factory()(context(answer={"grams": "12", "from": "2026-03-01T12:00Z"}))

    with pytest.raises(SourceError, match="windmill: `grams` is str, not a number"):
        await source.latest("DK-DK2", NOON)


def test_the_documented_sample_is_short():
    assert len([line for line in sample().splitlines() if line]) <= 60


def test_only_what_is_named_is_imported(packages: Path):
    install(packages, "raise RuntimeError('imported')")

    assert "windmill" in installed()
    assert load([]) == {}
    assert MODULE not in sys.modules


def test_an_unknown_name_asks_which_one_was_meant(packages: Path):
    install(packages, sample())

    with pytest.raises(PluginError, match=r'no plug-in "windmil" is installed; did you mean "wi'):
        load(["windmil"])


def test_two_plugins_of_one_name_are_refused(packages: Path):
    install(packages, sample())
    install(packages, sample(), distribution="other-mill")

    assert refusal() == (
        f'two plug-ins are called "windmill": other-mill, entry point windmill = {MODULE}:source '
        f"and windmill-grid, entry point windmill = {MODULE}:source; remove one"
    )


def test_a_name_that_is_built_in_is_refused(packages: Path):
    install(packages, sample(), name="neso")

    with pytest.raises(PluginError, match=r'windmill-grid.*"neso" is a source that is built in'):
        factory("neso")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nothing_like_this", "can't be imported: ModuleNotFoundError: No module named"),
        ("def other(): ...", "can't be imported: AttributeError: module"),
        ("source = 3", "is not callable; name a function of a SourceContext"),
        (
            "def source(context): raise ValueError('no\\nmeter')",
            "failed to make its source: ValueError: no meter",
        ),
        ("def source(): ...", "failed to make its source: TypeError: source() takes 0"),
        (
            "def source(context): return object()",
            "its source has no traits; give it a SourceTraits as `traits`",
        ),
        (
            "class Odd:\n    traits = {'name': 'windmill'}\ndef source(context): return Odd()",
            "its source has no traits",
        ),
        (
            "class Bad:\n    @property\n    def traits(self): raise KeyError('x')\n"
            "def source(context): return Bad()",
            "failed to make its source: KeyError: 'x'",
        ),
    ],
)
def test_a_plugin_that_does_not_work_is_named(packages: Path, code: str, said: str):
    install(packages, code)

    where = f"windmill-grid, entry point windmill = {MODULE}:source: "
    assert refusal().startswith(where + said)


def test_a_source_by_another_name_is_refused(packages: Path):
    install(packages, sample().replace("name=context.name", 'name="tide"'))

    assert refusal().endswith(': its traits say the name "tide"; it must be "windmill"')


def test_a_source_without_a_method_is_refused(packages: Path):
    install(packages, sample().replace("async def history", "async def past"))

    assert refusal().endswith(": its source lacks history; see GridSource")
