"""Settings from the environment and `.env`: read once, frozen."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from carbon_scaler.config.environment import (
    PREFIX,
    default_data_dir,
    is_injected,
)
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.trigger import quoted

SOURCES = ("replay",)
DEFAULT_RUN_REGION = "us-west-1"


class SettingsError(CarbonScalerError):
    """The environment says something that is not allowed."""


def _listed(value: object) -> object:
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
        default=1.0, ge=0.01, le=3600, description="how many replayed hours pass in a real one"
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
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` hands in: it has filtered what Kubernetes injects."""
        return (init_settings,)


def load_settings(environment: Mapping[str, str], **given: object) -> Settings:
    """The settings; what a command line gives stands above the environment."""
    stated = {name: value for name, value in given.items() if value is not None}
    for field in Settings.model_fields:
        value = environment.get(variable_of(field))
        if value and not is_injected(variable_of(field), value):
            stated.setdefault(field, value)
    stated.setdefault("data_dir", default_data_dir(environment))
    try:
        settings = Settings.model_validate(stated)
    except ValidationError as error:
        raise SettingsError("; ".join(_problems(error))) from None
    _check_sources(settings)
    return settings


def variable_of(field: str) -> str:
    """What a setting is called in the environment."""
    return "DATABASE_URL" if field == "database_url" else PREFIX + field.upper()


def _problems(error: ValidationError) -> Iterable[str]:
    for problem in error.errors(include_url=False):
        field = str(problem["loc"][0])
        said = quoted(str(problem["input"]))
        yield f"{variable_of(field)}: {said} is not allowed; {problem['msg'].lower()}"


def _check_sources(settings: Settings) -> None:
    for source in settings.sources:
        if source not in SOURCES:
            raise SettingsError(
                f"{PREFIX}SOURCES: {quoted(source)} is not allowed; this version only has "
                f"{', '.join(SOURCES)}"
            )
