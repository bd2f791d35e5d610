"""What the environment says becomes settings, or one line that says what is allowed."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from carbon_scaler.config.environment import (
    EnvironmentFileError,
    default_data_dir,
    environment_warnings,
    is_injected,
    read_environment,
)
from carbon_scaler.config.settings import (
    SECRETS,
    Settings,
    SettingsError,
    load_settings,
    variable_of,
)
from carbon_scaler.domain.intensity import Factors

KNOWN = {variable_of(field) for field in Settings.model_fields}


def is_set(settings: Settings, variable: str) -> bool:
    """Whether a setting differs from its default."""
    field = next(name for name in Settings.model_fields if variable_of(name) == variable)
    return bool(getattr(settings, field) != Settings.model_fields[field].default)


def refusal(**environment: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(environment)
    return str(refused.value)


# Values


def test_without_anything_said_the_documented_defaults_hold():
    settings = load_settings({"HOME": "/nowhere"})

    assert settings.database_url is None
    assert (settings.region, settings.policy_dir) == (None, None)
    assert (settings.regions, settings.sources) == ((), ())
    assert (settings.replay_file, settings.replay_speed) == (None, 1.0)
    assert (settings.bind, settings.grpc_port, settings.http_port) == ("127.0.0.1", 6000, 8080)
    assert (settings.log_level, settings.log_format) == ("info", "console")


def test_every_setting_is_read_from_its_variable():
    settings = load_settings(
        {
            "DATABASE_URL": "postgresql://db/carbon",
            "CARBON_SCALER_DATA_DIR": "/data",
            "CARBON_SCALER_REGION": "eu-west-1",
            "CARBON_SCALER_REGIONS": "eu-west-1, us-west-1,",
            "CARBON_SCALER_POLICY_DIR": "/etc/policy",
            "CARBON_SCALER_SOURCES": "replay",
            "CARBON_SCALER_REPLAY_FILE": "grid.csv",
            "CARBON_SCALER_REPLAY_SPEED": "60",
            "CARBON_SCALER_BIND": "0.0.0.0",
            "CARBON_SCALER_GRPC_PORT": "0",
            "CARBON_SCALER_HTTP_PORT": "65535",
            "CARBON_SCALER_LOG_LEVEL": "debug",
            "CARBON_SCALER_LOG_FORMAT": "json",
            "CARBON_SCALER_ELECTRICITY_MAPS_URL": "http://proxy.internal:8080/",
            "CARBON_SCALER_ELECTRICITY_MAPS_VERSION": "v3",
            "CARBON_SCALER_ELECTRICITY_MAPS_FACTORS": "direct",
            "CARBON_SCALER_WATTTIME_URL": "https://watttime.internal",
            "CARBON_SCALER_NESO_URL": "https://neso.internal",
            "ELECTRICITY_MAPS_QUOTA_PER_DAY": "1000",
            "WATTTIME_QUOTA_PER_DAY": "2000",
            "NESO_QUOTA_PER_DAY": "3000",
            "CARBON_SCALER_ALLOW_SANDBOX": "true",
            "CARBON_SCALER_MIX": "false",
            "CARBON_SCALER_FORECAST_EVERY": "3h",
            "CARBON_SCALER_HISTORY_EVERY": "1d",
        }
    )

    assert settings == Settings(
        database_url="postgresql://db/carbon",
        data_dir=Path("/data"),
        region="eu-west-1",
        regions=("eu-west-1", "us-west-1"),
        policy_dir=Path("/etc/policy"),
        sources=("replay",),
        replay_file=Path("grid.csv"),
        replay_speed=60.0,
        bind="0.0.0.0",
        grpc_port=0,
        http_port=65535,
        log_level="debug",
        log_format="json",
        electricity_maps_url="http://proxy.internal:8080",
        electricity_maps_version="v3",
        electricity_maps_factors=Factors.DIRECT,
        watttime_url="https://watttime.internal",
        neso_url="https://neso.internal",
        electricity_maps_quota_per_day=1000,
        watttime_quota_per_day=2000,
        neso_quota_per_day=3000,
        allow_sandbox=True,
        mix=False,
        forecast_every=timedelta(hours=3),
        history_every=timedelta(days=1),
    )
    # What is a secret is no plain value: it is tested below.
    assert {variable for variable in KNOWN if not is_set(settings, variable)} == set(
        SECRETS.values()
    )


def test_a_command_line_option_stands_above_the_environment():
    environment = {"CARBON_SCALER_POLICY_DIR": "/etc/policy", "CARBON_SCALER_REGION": "eu-west-1"}

    settings = load_settings(environment, policy_dir=Path("/tmp/policy"), region=None)

    assert settings.policy_dir == Path("/tmp/policy")
    assert settings.region == "eu-west-1", "an option that is not given says nothing"


def test_an_empty_variable_says_nothing():
    settings = load_settings({"CARBON_SCALER_GRPC_PORT": "", "DATABASE_URL": ""})

    assert (settings.grpc_port, settings.database_url) == (6000, None)


def test_settings_never_change():
    with pytest.raises(ValidationError):
        load_settings({}).region = "eu-west-1"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("CARBON_SCALER_GRPC_PORT", "70000", "less than or equal to 65535"),
        ("CARBON_SCALER_HTTP_PORT", "web", "valid integer"),
        ("CARBON_SCALER_REPLAY_SPEED", "0", "greater than or equal to 0.01"),
        ("CARBON_SCALER_REPLAY_SPEED", "nan", "allowed"),
        ("CARBON_SCALER_LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("CARBON_SCALER_ELECTRICITY_MAPS_VERSION", "v5", "'v4' or 'v3'"),
        ("CARBON_SCALER_ELECTRICITY_MAPS_FACTORS", "both", "'lifecycle' or 'direct'"),
        ("CARBON_SCALER_MIX", "maybe", "valid boolean"),
        ("CARBON_SCALER_FORECAST_EVERY", "hourly", "a duration is needed: "),
        ("CARBON_SCALER_FORECAST_EVERY", "1m", "5m to 7d are allowed"),
        ("CARBON_SCALER_HISTORY_EVERY", "8d", "5m to 7d are allowed"),
        ("ELECTRICITY_MAPS_QUOTA_PER_DAY", "0", "greater than or equal to 1"),
        ("CARBON_SCALER_NESO_URL", "api.internal", "scheme, host and port are needed"),
        ("CARBON_SCALER_NESO_URL", "ftp://api.internal", "scheme, host and port are needed"),
        ("CARBON_SCALER_NESO_URL", "https://api.internal/v1", "only scheme, host and port"),
    ],
)
def test_a_bad_value_names_variable_value_and_what_is_allowed(variable: str, value: str, said: str):
    text = refusal(**{variable: value})

    assert f'{variable}: "{value}" is not allowed; ' in text
    assert said in text


def test_user_and_password_in_an_address_are_refused_and_never_shown():
    text = refusal(CARBON_SCALER_WATTTIME_URL="https://someone:hunter2@x@watttime.internal")

    assert 'CARBON_SCALER_WATTTIME_URL: "https://***@watttime.internal" is not allowed' in text
    assert "only scheme, host and port are allowed" in text


@pytest.mark.parametrize(("field", "variable"), sorted(SECRETS.items()))
def test_a_secret_is_read_from_its_variable_or_from_a_file(
    field: str, variable: str, tmp_path: Path
):
    file = tmp_path / "secret"
    file.write_text("hunter2-in-a-file\n")

    given = getattr(load_settings({variable: "hunter2-in-a-variable"}), field)
    filed = getattr(load_settings({f"{variable}_FILE": str(file)}), field)

    assert (given.reveal(), filed.reveal()) == ("hunter2-in-a-variable", "hunter2-in-a-file")
    assert "hunter2" not in f"{given!r}{given}{filed!r}{filed}"
    assert refusal(**{variable: "hunter2", f"{variable}_FILE": str(file)}) == (
        f"{variable} and {variable}_FILE are both set; keep one"
    )


def test_all_bad_values_are_named_at_once():
    text = refusal(CARBON_SCALER_GRPC_PORT="x", CARBON_SCALER_LOG_FORMAT="xml")

    assert "CARBON_SCALER_GRPC_PORT" in text
    assert "CARBON_SCALER_LOG_FORMAT" in text
    assert "\n" not in text


def test_a_replay_file_goes_with_the_source_replay_or_with_none_named():
    assert load_settings({}, replay_file=Path("grid.csv")).replay_file == Path("grid.csv")
    settings = load_settings({"CARBON_SCALER_SOURCES": "replay"}, replay_file=Path("grid.csv"))
    assert settings.replay_file == Path("grid.csv")


# What Kubernetes injects


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CARBON_SCALER_GRPC_PORT", "tcp://10.0.0.1:6000"),
        ("CARBON_SCALER_PORT", "tcp://10.0.0.1:6000"),
        ("CARBON_SCALER_PORT_6000_TCP", "tcp://10.0.0.1:6000"),
        ("CARBON_SCALER_PORT_6000_TCP_ADDR", "10.0.0.1"),
        ("CARBON_SCALER_PORT_53_UDP_PROTO", "udp"),
        ("CARBON_SCALER_SERVICE_HOST", "10.0.0.1"),
        ("CARBON_SCALER_SERVICE_PORT", "6000"),
        ("CARBON_SCALER_SERVICE_PORT_GRPC", "6000"),
        ("CARBON_SCALER_HTTP_SERVICE_HOST", "10.0.0.1"),
    ],
)
def test_what_kubernetes_injects_for_a_service_of_our_name_is_ignored(variable: str, value: str):
    environment = {variable: value}

    assert is_injected(variable, value)
    assert environment_warnings(environment, KNOWN) == []
    assert load_settings(environment) == load_settings({})


def test_an_unknown_variable_is_warned_of_with_what_it_may_mean():
    environment = {
        "CARBON_SCALER_POLICYDIR": "/etc",
        "CARBON_SCALER_COLOUR_OF_THE_SKY": "blue",
        "CARBON_SCALER_DATABASE_URL": "postgresql://db/carbon",
        "CARBON_SCALER_REGION": "eu-west-1",
        "SOMETHING_ELSE": "1",
    }

    assert environment_warnings(environment, KNOWN) == [
        "CARBON_SCALER_POLICYDIR: unknown setting; did you mean CARBON_SCALER_POLICY_DIR?",
        "CARBON_SCALER_COLOUR_OF_THE_SKY: unknown setting; it has no effect",
        "CARBON_SCALER_DATABASE_URL: unknown setting; did you mean DATABASE_URL?",
    ]


# .env


def test_the_environment_stands_above_dot_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CARBON_SCALER_REGION", "eu-west-1")
    file = tmp_path / ".env"
    file.write_text("CARBON_SCALER_REGION=us-west-1\nCARBON_SCALER_BIND='::1'\nEMPTY\n")

    environment = read_environment(file)

    assert environment["CARBON_SCALER_REGION"] == "eu-west-1"
    assert environment["CARBON_SCALER_BIND"] == "::1"
    assert "EMPTY" not in environment


def test_no_dot_env_is_fine(tmp_path: Path):
    assert read_environment(tmp_path / ".env") == dict(os.environ)


def test_a_dot_env_that_is_no_text_is_named(tmp_path: Path):
    file = tmp_path / ".env"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(EnvironmentFileError, match=r"\.env: cannot be read .*mend or remove it"):
        read_environment(file)


# Where data go


def test_data_go_to_the_users_data_home_where_there_is_one():
    environment = {"XDG_DATA_HOME": "/home/me/data", "HOME": "/home/me"}

    assert default_data_dir(environment) == Path("/home/me/data/carbon-scaler")


def test_roots_data_go_where_postgres_may_enter(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert default_data_dir({"HOME": "/root"}) == Path("/var/lib/carbon-scaler")


def test_a_users_data_go_to_the_home_that_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getuid", lambda: 1000)

    own = default_data_dir({"HOME": str(tmp_path)})
    gone = default_data_dir({"HOME": str(tmp_path / "gone")})
    none = default_data_dir({})

    assert own == tmp_path / ".local" / "share" / "carbon-scaler"
    assert gone == none == Path("/var/tmp/carbon-scaler-1000")
