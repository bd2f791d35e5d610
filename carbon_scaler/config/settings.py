"""Settings from the environment and `.env`: read once, frozen."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import AliasChoices, BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.suggestions import allowed_names, did_you_mean
from carbon_scaler.domain.trigger import quoted

PREFIX = "CARBON_SCALER_"
SOURCES = ("replay",)
DEFAULT_RUN_REGION = "us-west-1"

# What Kubernetes injects into a pod for a Service of our name.
_INJECTED_NAME = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_|$)")
_INJECTED_VALUE = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)


class SettingsError(CarbonScalerError):
    """The environment says something that is not allowed."""


def _listed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseSettings):
    """Every setting; the name in the environment is PREFIX and the field's in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("database_url", "DATABASE_URL"),
        description="Postgres to use instead of the embedded one",
    )
    data_dir: Path = Field(
        default_factory=lambda: default_data_dir(os.environ),
        description="where the embedded Postgres keeps its data",
    )
    region: str | None = Field(
        default=None, description="region of this cluster, for triggers that name none"
    )
    regions: Names = Field(default=(), description="regions to ingest; empty: all the source has")
    policy_dir: Path | None = Field(default=None, description="directory of the policy files")
    sources: Names = Field(default=(), description="ordered list of data sources: replay")
    replay_file: Path | None = Field(default=None, description="CSV to replay instead of 2022")
    replay_speed: float = Field(
        default=1.0, gt=0, le=3600, description="how many replayed hours pass in a real one"
    )
    bind: str = Field(default="127.0.0.1", description="address to listen on")
    grpc_port: Port = Field(default=6000, description="port of KEDA's contract; 0 picks a free one")
    http_port: Port = Field(default=8080, description="port of health, metrics and status")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severity that is logged"
    )
    log_format: Literal["console", "json"] = Field(default="console", description="shape of logs")

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], **sources: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` hands in: it has filtered what Kubernetes injects."""
        return (sources["init_settings"],)


def default_data_dir(environment: Mapping[str, str]) -> Path:
    """Where data go by default: the user's data home, else a directory per user in /var/tmp."""
    if environment.get("XDG_DATA_HOME"):
        return Path(environment["XDG_DATA_HOME"]) / "carbon-scaler"
    home = Path(environment.get("HOME") or "/")
    if home != Path("/") and os.access(home, os.W_OK):
        return home / ".local" / "share" / "carbon-scaler"
    return Path(f"/var/tmp/carbon-scaler-{os.getuid()}")  # noqa: S108  made 0700 by its user


def read_environment(dotenv: Path = Path(".env")) -> dict[str, str]:
    """The process's environment over what `.env` says."""
    try:
        filed = {k: v for k, v in dotenv_values(dotenv).items() if v is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{dotenv}: cannot be read ({error}); mend or remove it") from error
    return {**filed, **os.environ}


def load_settings(environment: Mapping[str, str], **given: Any) -> Settings:
    """The settings; what a command line gives stands above the environment."""
    stated = {name: value for name, value in given.items() if value is not None}
    names = {_variable(field): field for field in Settings.model_fields}
    for variable, field in names.items():
        value = environment.get(variable)
        if value and field not in stated and not _INJECTED_VALUE.match(value):
            stated[field] = value
    try:
        settings = Settings.model_validate(stated)
    except ValidationError as error:
        raise SettingsError("; ".join(_problems(error))) from None
    _check_sources(settings)
    return settings


def environment_warnings(environment: Iterable[tuple[str, str]]) -> list[str]:
    """Variables that look like ours and are not."""
    known = {_variable(field) for field in Settings.model_fields}
    warnings = []
    for variable, value in environment:
        if not variable.startswith(PREFIX) or variable in known:
            continue
        if _INJECTED_NAME.search(variable) or _INJECTED_VALUE.match(value):
            continue
        suggestion = did_you_mean(variable, known)
        hint = f"did you mean {suggestion}?" if suggestion else "it has no effect"
        warnings.append(f"{variable}: unknown setting; {hint}")
    return warnings


def _variable(field: str) -> str:
    return "DATABASE_URL" if field == "database_url" else PREFIX + field.upper()


def _problems(error: ValidationError) -> Iterable[str]:
    for problem in error.errors(include_url=False):
        field = str(problem["loc"][0])
        said = quoted(str(problem["input"]))
        yield f"{_variable(field)}: {said} is not allowed; {problem['msg'].lower()}"


def _check_sources(settings: Settings) -> None:
    for source in settings.sources:
        if source not in SOURCES:
            raise SettingsError(
                f"{PREFIX}SOURCES: {quoted(source)} is not allowed; this version has "
                f"{allowed_names(source, SOURCES)}"
            )
    if settings.replay_file is not None and settings.sources and "replay" not in settings.sources:
        raise SettingsError(f"{PREFIX}REPLAY_FILE: give it only with {PREFIX}SOURCES=replay")
