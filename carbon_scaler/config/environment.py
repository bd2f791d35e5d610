"""The one reader of the process's environment."""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from dotenv import dotenv_values

from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.suggestions import did_you_mean

PREFIX = "CARBON_SCALER_"

# What Kubernetes injects into a pod for a Service of our name.
_INJECTED_NAME = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_|$)")
_INJECTED_VALUE = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)


class EnvironmentFileError(CarbonScalerError):
    """The `.env` file can't be read."""


def read_environment(dotenv: Path = Path(".env")) -> dict[str, str]:
    """The process's environment over what `.env` says."""
    try:
        filed = {key: value for key, value in dotenv_values(dotenv).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFileError(
            f"{dotenv}: cannot be read ({error}); mend or remove it"
        ) from error
    return {**filed, **os.environ}


def default_data_dir(environment: Mapping[str, str]) -> Path:
    """Where data go: the user's data home; where there is none, a directory per user in /var/tmp."""
    if environment.get("XDG_DATA_HOME"):
        return Path(environment["XDG_DATA_HOME"]) / "carbon-scaler"
    if os.geteuid() == 0:
        # Postgres never runs as root, and no other user may enter root's home.
        return Path("/var/lib/carbon-scaler")
    home = Path(environment.get("HOME") or "/")
    if home != Path("/") and os.access(home, os.W_OK):
        return home / ".local" / "share" / "carbon-scaler"
    return Path(f"/var/tmp/carbon-scaler-{os.getuid()}")  # noqa: S108  made 0700 by its user


def is_injected(variable: str, value: str) -> bool:
    """Whether Kubernetes put this there for a Service of our name."""
    return bool(_INJECTED_NAME.search(variable) or _INJECTED_VALUE.match(value))


def environment_warnings(environment: Mapping[str, str], known: Collection[str]) -> list[str]:
    """Variables that look like ours and are not."""
    warnings = []
    # Without the prefix, which alone would make any two names look alike.
    names = {variable.removeprefix(PREFIX): variable for variable in known}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX) or variable in known or is_injected(variable, value):
            continue
        suggestion = did_you_mean(variable.removeprefix(PREFIX), names)
        hint = f"did you mean {names[suggestion]}?" if suggestion else "it has no effect"
        warnings.append(f"{variable}: unknown setting; {hint}")
    return warnings
