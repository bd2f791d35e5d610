"""Files that the user asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from carbon_scaler.config.settings import SettingsError


@contextmanager
def written(option: str, file: Path) -> Iterator[TextIO]:
    """Open for UTF-8 text; where it can't be written the error names the option."""
    try:
        with file.open("w", encoding="utf-8", newline="") as text:
            yield text
    except OSError as error:
        raise SettingsError(
            f"{option}: {file} cannot be written ({error.strerror or error}); "
            "name a file in a directory that is there"
        ) from error
