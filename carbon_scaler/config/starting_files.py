"""Commented files to start a policy directory from; they state nothing until one is edited."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from carbon_scaler.config.policy_directory import DOCUMENTS
from carbon_scaler.domain.errors import CarbonScalerError


class StartingFilesError(CarbonScalerError):
    """The files could not be written; none that was there is touched."""


def starting_files() -> Mapping[str, str]:
    """One text per document, by its name."""
    shipped = resources.files("carbon_scaler.config") / "policy_templates"
    return {name: (shipped / name).read_text("utf-8") for name in sorted(DOCUMENTS)}


def write_starting_files(directory: Path) -> list[Path]:
    """Writes all of them; refuses, before it writes any, where one of them is there."""
    texts = {directory / name: text for name, text in starting_files().items()}
    present = [file.name for file in texts if file.exists() or file.is_symlink()]
    if present:
        raise StartingFilesError(
            f"{directory}: holds {', '.join(present)} already; nothing was written. "
            "Name another directory, or move them away"
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            with file.open("x", encoding="utf-8") as stream:
                stream.write(text)
    except OSError as error:
        raise StartingFilesError(
            f"{error.filename or directory}: cannot be written: {error.strerror}"
        ) from error
    return list(texts)
