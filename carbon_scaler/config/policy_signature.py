"""Tells whether the policy directory is what it was, without reading it."""

from collections.abc import Collection
from pathlib import Path

Signature = tuple[object, ...]


def policy_signature(directory: Path | None, names: Collection[str] | None = None) -> Signature:
    """Changes with any document, or any of these: written, replaced, removed, or linked anew."""
    if directory is None:
        return ()
    try:
        # A mounted ConfigMap is swapped as a whole: its files' links lead elsewhere from then on.
        files = sorted(file for file in directory.iterdir() if not file.name.startswith("."))
    except OSError as error:
        return ("unreadable", error.errno)
    return tuple(_signature_of(file) for file in files if names is None or file.name in names)


def _signature_of(file: Path) -> Signature:
    try:
        about = file.stat()
    except OSError as error:
        return (file.name, error.errno)
    return (file.name, about.st_dev, about.st_ino, about.st_mtime_ns, about.st_size, about.st_mode)
