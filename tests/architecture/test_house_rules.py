"""Modules stay small and names say what things are."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "carbon_scaler"
MODULES = sorted(path for path in ROOT.rglob("*.py") if "protocol" not in path.parts)
MOST_LINES = 300
MOST_BODY_LINES = 45
FORBIDDEN = re.compile(r"(Manager|Helper|Util|Impl|Info|Base[A-Z]|Abstract)")
FORBIDDEN_MODULES = {"utils", "util", "helpers", "helper", "common", "misc"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_small_and_well_named(path: Path):
    text = path.read_text()

    assert text.count("\n") <= MOST_LINES
    assert path.stem not in FORBIDDEN_MODULES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            assert not FORBIDDEN.search(node.name), node.name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last = node.end_lineno or node.lineno
            assert last - node.body[0].lineno < MOST_BODY_LINES, node.name
