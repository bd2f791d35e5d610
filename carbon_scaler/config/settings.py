"""Settings from the environment and `.env`: read once, frozen."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
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
from carbon_scaler.config.secrets import Secret, SecretTwiceError, secret_of
from carbon_scaler.domain.durations import DURATION_FORMS, parse_duration
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Factors
from carbon_scaler.domain.trigger import quoted

# In the order in which they serve when no order is given; replay is never chosen by itself.
SOURCES = ("electricity_maps", "watttime", "neso", "static", "replay")
KEYLESS_SOURCES = ("neso", "static")
DEFAULT_RUN_REGION = "us-west-1"


class SettingsError(CarbonScalerError):
    """The environment says something that is not allowed."""


def _listed(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    duration = parse_duration(value)
    if duration is None:
        raise ValueError(f"a duration is needed: {DURATION_FORMS}")
    return duration


def _within_bounds(every: timedelta) -> timedelta:
    if not timedelta(minutes=5) <= every <= timedelta(days=7):
        raise ValueError("5m to 7d are allowed")
    return every


def _address(value: object) -> object:
    """Scheme, host and port; the path is ours."""
    parts = urlsplit(str(value))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("scheme, host and port are needed, like https://proxy.internal:8443")
    if parts.path not in ("", "/") or parts.query or parts.username:
        raise ValueError("only scheme, host and port are allowed; version and path are ours")
    return f"{parts.scheme}://{parts.netloc}"


_USERINFO = re.compile(r"://.*@", re.DOTALL)

Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Port = Annotated[int, Field(ge=0, le=65535)]
Every = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_within_bounds)]
Quota = Annotated[int, Field(ge=1)]
Address = Annotated[str, BeforeValidator(_address)]

# Known to others by these names; each setting of SECRETS also as NAME_FILE.
SECRETS = {
    "electricity_maps_api_key": "ELECTRICITY_MAPS_API_KEY",
    "watttime_username": "WATTTIME_USERNAME",
    "watttime_password": "WATTTIME_PASSWORD",
    "slack_webhook_url": "SLACK_WEBHOOK_URL",
    "alert_urls": "CARBON_SCALER_ALERT_URLS",
}
UNPREFIXED = {
    "database_url": "DATABASE_URL",
    "electricity_maps_quota_per_day": "ELECTRICITY_MAPS_QUOTA_PER_DAY",
    "watttime_quota_per_day": "WATTTIME_QUOTA_PER_DAY",
    "neso_quota_per_day": "NESO_QUOTA_PER_DAY",
    **SECRETS,
}


class Settings(BaseSettings):
    """Every setting; the name in the environment is PREFIX and the field's in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        arbitrary_types_allowed=True,
    )

    database_url: str | None = Field(
        default=None, description="Postgres to use instead of the embedded one"
    )
    data_dir: Path = Field(
        description="where the embedded Postgres keeps its data",
    )
    region: str | None = Field(
        default=None, description="region of this cluster, for triggers that name none"
    )
    regions: Names = Field(default=(), description="regions to ingest; empty: all the source has")
    policy_dir: Path | None = Field(default=None, description="directory of the policy files")
    sources: Names = Field(
        default=(),
        description="ordered list of data sources; empty: those with a key, then the keyless ones",
    )
    electricity_maps_api_key: Secret | None = Field(
        default=None, description="token of Electricity Maps"
    )
    electricity_maps_url: Address = Field(
        default="https://api.electricitymaps.com", description="address of Electricity Maps"
    )
    electricity_maps_version: Literal["v4", "v3"] = Field(
        default="v4", description="version of Electricity Maps' API"
    )
    electricity_maps_factors: Factors = Field(
        default=Factors.LIFECYCLE, description="emission factors to ask Electricity Maps for"
    )
    electricity_maps_quota_per_day: Quota | None = Field(
        default=None, description="requests a day that your plan allows"
    )
    watttime_username: Secret | None = Field(default=None, description="user at WattTime")
    watttime_password: Secret | None = Field(default=None, description="password at WattTime")
    watttime_url: Address = Field(
        default="https://api.watttime.org", description="address of WattTime"
    )
    watttime_quota_per_day: Quota | None = Field(
        default=None, description="requests a day that you want to make at most"
    )
    neso_url: Address = Field(
        default="https://api.carbonintensity.org.uk",
        description="address of Great Britain's carbon intensity API",
    )
    neso_quota_per_day: Quota | None = Field(
        default=None, description="requests a day that you want to make at most"
    )
    allow_sandbox: bool = Field(
        default=False, description="take the invented values of a sandbox key"
    )
    mix: bool = Field(
        default=True, description="ask for the mix of generation too, one more request a value"
    )
    forecast_every: Every = Field(
        default=timedelta(hours=1), description="how often to ask for forecasts"
    )
    history_every: Every = Field(
        default=timedelta(hours=6), description="how often to ask for corrections of the last day"
    )
    slack_webhook_url: Secret | None = Field(default=None, description="where alerts go in Slack")
    alert_urls: Secret | None = Field(
        default=None, description="where else alerts go, as Apprise URLs with commas between"
    )
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
    stated |= _secrets(environment)
    stated.setdefault("data_dir", default_data_dir(environment))
    try:
        return Settings.model_validate(stated)
    except ValidationError as error:
        raise SettingsError("; ".join(_problems(error))) from None


def variable_of(field: str) -> str:
    """What a setting is called in the environment."""
    return UNPREFIXED.get(field, PREFIX + field.upper())


def _secrets(environment: Mapping[str, str]) -> dict[str, Secret]:
    try:
        found = {field: secret_of(variable, environment) for field, variable in SECRETS.items()}
    except SecretTwiceError as error:
        raise SettingsError(str(error)) from None
    return {field: secret for field, secret in found.items() if secret is not None}


def _problems(error: ValidationError) -> Iterable[str]:
    for problem in error.errors(include_url=False):
        field = str(problem["loc"][0])
        # Of an address, whoever reads the refusal must not learn user and password.
        said = quoted(_USERINFO.sub("://***@", str(problem["input"])))
        yield f"{variable_of(field)}: {said} is not allowed; {problem['msg'].lower()}"
