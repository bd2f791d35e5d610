"""sources.yaml becomes settings, or one line that says what is wrong and where."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from carbon_scaler.application.custom_sources import (
    CustomSourceSettings,
    JsonSeries,
    Stamp,
    Unit,
)
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.sources_file import read_sources
from carbon_scaler.config.yaml_document import PolicyFileError
from carbon_scaler.domain.intensity import Basis, Factors, Kind, Signal

TOKEN = "t0psecret"
ENVIRONMENT = {"ONSITE_TOKEN": TOKEN}
MINIMAL = """\
sources:
  roof:
    url: http://meter.local/api?zone={zone}
    zones: {eu-west-1: roof}
    value: /data/0/intensity
    time: /data/0/from
    unit: g_per_kwh
    interval: 15m
"""
FULL = """\
sources:
  roof:
    url: https://meter.local:8443/{zone}/now
    zones: {aws:eu-west-1: roof, eu-west-2: cellar}
    rows: /data
    value: /intensity
    time: /from
    renewable: /green
    unit: lbs_co2_per_mwh
    signal: marginal
    factors: direct
    accounting: mixed
    kind: estimated
    interval: 15m
    lag: 20m
    stamp: end
    every: 5m
    headers_env: {Authorization: ONSITE_TOKEN}
    forecast: {url: "https://meter.local:8443/f", rows: /d, value: /v, time: /t, horizon: 2d}
    licence: attribution
    attribution: The roof
"""


def read(
    directory: Path, text: str, environment: Mapping[str, str] = ENVIRONMENT
) -> tuple[CustomSourceSettings, ...]:
    (directory / "sources.yaml").write_text(text)
    return read_sources(directory, environment, load_catalog())


def refusal(directory: Path, text: str, environment: Mapping[str, str] = ENVIRONMENT) -> str:
    with pytest.raises(PolicyFileError) as raised:
        read(directory, text, environment)
    said = str(raised.value)
    assert TOKEN not in said
    return said.removeprefix(f"{directory}/")


def test_without_a_directory_or_a_file_there_are_none(tmp_path: Path):
    assert read_sources(None, {}, load_catalog()) == ()
    assert read_sources(tmp_path, {}, load_catalog()) == ()
    assert read(tmp_path, "sources:\n") == ()


def test_what_is_left_out_has_its_default(tmp_path: Path):
    (source,) = read(tmp_path, MINIMAL)

    assert source == CustomSourceSettings(
        name="roof",
        zones={"eu-west-1": "roof"},
        values=JsonSeries(
            url="http://meter.local/api?zone={zone}",
            value="/data/0/intensity",
            time="/data/0/from",
        ),
        forecast=None,
        horizon=timedelta(0),
        unit=Unit.G_PER_KWH,
        basis=Basis(),
        accounting="consumption",
        kind=Kind.MEASURED,
        interval=timedelta(minutes=15),
        lag=timedelta(0),
        stamp=Stamp.START,
        every=timedelta(minutes=15),
        headers={},
        licence_class="own",
    )
    assert source.address == "http://meter.local"


def test_what_is_stated_stands(tmp_path: Path):
    (source,) = read(tmp_path, FULL)

    assert source.zones == {"eu-west-1": "roof", "eu-west-2": "cellar"}
    assert source.values.rows == "/data"
    assert source.values.renewable == "/green"
    assert source.basis == Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT)
    assert (source.accounting, source.kind) == ("mixed", Kind.ESTIMATED)
    assert source.unit is Unit.LBS_CO2_PER_MWH
    assert source.stamp is Stamp.END
    assert (source.lag, source.every) == (timedelta(minutes=20), timedelta(minutes=5))
    assert source.forecast == JsonSeries(
        url="https://meter.local:8443/f", rows="/d", value="/v", time="/t"
    )
    assert source.horizon == timedelta(days=2)
    assert (source.licence_class, source.attribution) == ("attribution", "The roof")
    assert source.address == "https://meter.local:8443"


def test_a_value_stamped_with_its_end_is_there_when_its_interval_is_over(tmp_path: Path):
    (source,) = read(tmp_path, MINIMAL + "    stamp: end\n")

    assert source.lag == source.interval


def test_a_header_is_asked_for_anew_and_never_shown(tmp_path: Path):
    file = tmp_path / "token"
    file.write_text("first")
    (source,) = read(tmp_path, FULL, {"ONSITE_TOKEN_FILE": str(file)})
    before = source.headers["Authorization"]()

    file.write_text("an0ther")

    assert (before, source.headers["Authorization"]()) == ("first", "an0ther")
    assert "an0ther" not in repr(source)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "the environment variable ONSITE_TOKEN (or ONSITE_TOKEN_FILE) is not set"),
        (
            {"ONSITE_TOKEN": TOKEN, "ONSITE_TOKEN_FILE": "/x"},
            "ONSITE_TOKEN and ONSITE_TOKEN_FILE are both set; keep one",
        ),
        (
            {"ONSITE_TOKEN_FILE": "/nowhere/token"},
            "ONSITE_TOKEN_FILE: /nowhere/token cannot be read",
        ),
    ],
)
def test_a_header_without_its_value_is_refused(
    tmp_path: Path, environment: Mapping[str, str], said: str
):
    assert refusal(tmp_path, FULL, environment).startswith(
        f"sources.yaml:18: sources.roof.headers_env.Authorization: {said}"
    )


@pytest.mark.parametrize(
    "name", ["electricity_maps", "watttime", "neso", "static", "replay", "own"]
)
def test_a_name_that_is_built_in_is_refused(tmp_path: Path, name: str):
    assert refusal(tmp_path, MINIMAL.replace("  roof:", f"  {name}:")) == (
        f'sources.yaml:2: sources: "{name}" is a source that is built in; choose another name'
    )


def test_a_name_that_no_list_could_hold_is_refused(tmp_path: Path):
    assert refusal(tmp_path, MINIMAL.replace("  roof:", "  my roof,:")).startswith(
        'sources.yaml:2: sources: "my roof," is no name'
    )


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("unit: g_per_kwh", "unit: percentile", '7: sources.roof.unit: "percentile" is not'),
        ("unit: g_per_kwh", "units: g_per_kwh", "7: sources.roof.units: unknown key; did you mean"),
        ("interval: 15m", "interval: 15s", '8: sources.roof.interval: "15s" is not allowed; a'),
        ("interval: 15m", "lag: 0m", "2: sources.roof.interval: is missing; a duration from 1m"),
        ("/data/0/from", "data.0.from", '6: sources.roof.time: "data.0.from" is not allowed; a'),
        ("/data/0/from", "/a~2b", '6: sources.roof.time: "/a~2b" is not allowed; a JSON'),
        (
            "http://meter",
            "ftp://meter",
            "3: sources.roof.url: is not allowed; an http or https address",
        ),
        ("http://meter", "http://u:p@meter", "3: sources.roof.url: "),
        ("http://meter.local", "http://{zone}", "3: sources.roof.url: "),
        ("meter.local", "meter.local:99999", "3: sources.roof.url: "),
        ("interval: 15m", "interval: [15m]", '8: sources.roof.interval: "a list" is not allowed'),
        ("?zone={zone}", "?a=1&a=2", "3: sources.roof.url: "),
        ("{eu-west-1: roof}", "{}", '4: sources.roof.zones: "a mapping" is not allowed; a'),
        (
            "{eu-west-1: roof}",
            "{eu-wset-1: roof}",
            '4: sources.roof.zones: region "eu-wset-1" is not known; did you mean "eu-west-1"?',
        ),
        (
            "?zone={zone}\n    zones: {eu-west-1: roof}",
            "\n    zones: {eu-west-1: roof, eu-west-2: cellar}",
            "3: sources.roof.url: has no {zone}, so one answer would count for several zones",
        ),
        (
            "interval: 15m",
            'interval: 15m\n    forecast: {url: "http://other/", rows: "", value: /v, time: /t}',
            "9: sources.roof.forecast.url: is another host; make it a source of its own",
        ),
        (
            "interval: 15m",
            'interval: 15m\n    forecast: {url: "http://meter.local/", row: "", value: /v, time: ""}',
            '9: sources.roof.forecast.row: unknown key; did you mean "rows"? one of horizon, rows',
        ),
    ],
)
def test_a_refusal_names_file_line_and_what_would_be_right(
    tmp_path: Path, written: str, instead: str, said: str
):
    assert written in MINIMAL

    text = refusal(tmp_path, MINIMAL.replace(written, instead))

    assert text.startswith(f"sources.yaml:{said}")


def test_a_secret_in_the_place_of_its_variable_is_not_repeated(tmp_path: Path):
    text = MINIMAL + f"    headers_env: {{Authorization: Bearer {TOKEN}}}\n"

    assert refusal(tmp_path, text) == (
        "sources.yaml:9: sources.roof.headers_env.Authorization: is not allowed; "
        "a mapping of HEADER: the name of the variable that holds its value"
    )


def test_a_password_in_the_address_is_not_repeated(tmp_path: Path):
    text = MINIMAL.replace("http://meter", f"http://me:{TOKEN}@meter")

    assert "without user, password" in refusal(tmp_path, text)
