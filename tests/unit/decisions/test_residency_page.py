"""What docs/residency.md shows works as it says."""

import re
import runpy
from pathlib import Path

import pytest

from carbon_scaler.config.policy_files import read_policy
from carbon_scaler.domain.residency import Enforcement, Level

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "residency.md").read_text()


def block(language: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(found) == 1
    return found[0]


def test_the_python_example_prints_what_the_page_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    program = tmp_path / "example.py"
    program.write_text(block("python"))
    runpy.run_path(str(program))
    assert capsys.readouterr().out == block("text")


def test_the_document_on_the_page_is_a_policy(tmp_path: Path):
    (tmp_path / "gdpr-residency-overrides.yaml").write_text(block("yaml"))
    residency = read_policy(tmp_path).policy.residency
    acme, globex = residency.tenants["acme"], residency.tenants["globex"]
    assert (acme.level, acme.mode) == (Level.EU_ADEQUATE, Enforcement.STRICT)
    assert (globex.level, globex.mode) == (Level.US_ONLY, Enforcement.STRICT)
    assert residency.bound == {"acme-batch": "acme", "acme-reports": "acme"}
    assert list(residency.adequacy) == ["eu-west-2"]


@pytest.mark.parametrize("word", [*Level, *Enforcement])
def test_every_level_and_mode_is_on_the_page(word: str):
    assert f"`{word}`" in PAGE
