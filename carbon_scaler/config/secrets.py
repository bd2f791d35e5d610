"""Secrets: from the environment, or from a file that is read again when it changes."""

from collections.abc import Mapping
from pathlib import Path

from carbon_scaler.domain.errors import CarbonScalerError


class SecretFileError(CarbonScalerError):
    """A file that should hold a secret does not."""


class SecretTwiceError(CarbonScalerError):
    """A secret is stated and its file as well."""


class Secret:
    """A value that is told to nobody but its user; its own text is a mask."""

    def __init__(self, name: str, *, value: str | None = None, file: Path | None = None) -> None:
        self.name = name
        self._file = file
        self._value = (value or "").strip()
        self._read_at_version: tuple[int, int, int] | None = None
        if file is not None:
            self.reveal()

    def reveal(self) -> str:
        """The present value; raises SecretFileError where a file lacks one at the start.

        A file that is away or empty for a moment, as while it is replaced, leaves the last value.
        """
        if self._file is not None:
            self._read_if_changed(self._file)
        return self._value

    def _read_if_changed(self, file: Path) -> None:
        try:
            stat = file.stat()
            version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if version == self._read_at_version:
                return
            value = file.read_text("utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            if self._value:
                return
            cause = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise SecretFileError(
                f"{self.name}_FILE: {file} cannot be read ({cause}); put the secret there, alone"
            ) from None
        if value:
            self._value = value
            self._read_at_version = version
        elif not self._value:
            raise SecretFileError(f"{self.name}_FILE: {file} is empty; put the secret there, alone")

    def __repr__(self) -> str:
        return f"Secret({self.name}=***)"

    __str__ = __repr__


def secret_of(variable: str, environment: Mapping[str, str]) -> Secret | None:
    """The secret of a variable or of its file; None where neither is set."""
    value, file = environment.get(variable), environment.get(variable + "_FILE")
    if value and file:
        raise SecretTwiceError(f"{variable} and {variable}_FILE are both set; keep one")
    if not value and not file:
        return None
    return Secret(variable, value=value, file=Path(file) if file else None)
