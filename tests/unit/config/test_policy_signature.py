"""Whatever happens to a policy directory is seen without reading it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from carbon_scaler.config.policy_signature import policy_signature

DOCUMENT = "scheduler-config.yaml"


def rewrite(directory: Path) -> None:
    (directory / DOCUMENT).write_text("enabled: false\n")


def add(directory: Path) -> None:
    (directory / "carbon-budgets.yaml").write_text("")


def remove(directory: Path) -> None:
    (directory / DOCUMENT).unlink()


def replace_by_rename(directory: Path) -> None:
    fresh = directory / ".new"
    fresh.write_text((directory / DOCUMENT).read_text())
    fresh.rename(directory / DOCUMENT)


def become_a_directory(directory: Path) -> None:
    (directory / DOCUMENT).unlink()
    (directory / DOCUMENT).mkdir()


@pytest.mark.parametrize("change", [rewrite, add, remove, replace_by_rename, become_a_directory])
def test_a_change_is_seen(change: Callable[[Path], None], tmp_path: Path):
    (tmp_path / DOCUMENT).write_text("enabled: true\n")
    before = policy_signature(tmp_path)
    assert policy_signature(tmp_path) == before
    change(tmp_path)
    assert policy_signature(tmp_path) != before


def test_the_swap_of_a_mounted_config_map_is_seen(tmp_path: Path):
    for version in ("..one", "..two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / DOCUMENT).write_text("enabled: true\n")
        os.utime(tmp_path / version / DOCUMENT, ns=(0, 0))
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / DOCUMENT).symlink_to(f"..data/{DOCUMENT}")
    before = policy_signature(tmp_path)

    (tmp_path / "..fresh").symlink_to("..two")
    (tmp_path / "..fresh").rename(tmp_path / "..data")
    assert policy_signature(tmp_path) != before, "of one size and one time, and yet another file"


def test_what_can_not_be_looked_at_has_a_signature_too(tmp_path: Path):
    (tmp_path / DOCUMENT).symlink_to("nowhere")
    assert policy_signature(tmp_path) == policy_signature(tmp_path)
    assert policy_signature(tmp_path / "gone") == policy_signature(tmp_path / "gone")
    assert policy_signature(None) == policy_signature(None)
