"""sources.yaml: sources of the operator's own that answer in JSON."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field

from carbon_scaler.application.custom_sources import CustomSourceSettings, JsonSeries, Stamp, Unit
from carbon_scaler.config.policy_directory import SOURCES as FILE
from carbon_scaler.config.policy_directory import policy_documents
from carbon_scaler.config.secrets import SecretFileError, SecretTwiceError, secret_of
from carbon_scaler.config.settings import SOURCES as BUILT_IN
from carbon_scaler.config.yaml_document import KeyPath, YamlDocument, read_yaml
from carbon_scaler.config.yaml_schema import (
    Duration,
    StrictModel,
    VariableName,
    dotted,
    entries,
    matching,
    read_as,
)
from carbon_scaler.domain.durations import DURATION_FORMS
from carbon_scaler.domain.expected import OWN_SOURCE
from carbon_scaler.domain.intensity import Basis, Factors, Kind, Signal
from carbon_scaler.domain.regions import Catalog, split_region
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import quoted

ZONE = "{zone}"

NAME_FORM = re.compile(r"[a-z][a-z0-9_]{0,49}", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_WORD = re.compile(r"[^\s\x00-\x1f](?:.{0,98}\S)?")


def _url(text: str) -> str:
    parts = urlsplit(text)
    keys = [key for key, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError
    if parts.port == 0 or parts.fragment or ZONE in parts.netloc or len(set(keys)) < len(keys):
        raise ValueError
    return text


def _at_least(value: timedelta, *, least: timedelta) -> timedelta:
    if value < least:
        raise ValueError
    return value


Url = Annotated[str, AfterValidator(_url)]
Pointer = Annotated[str, matching(_POINTER)]
Period = Annotated[
    Duration, AfterValidator(partial(_at_least, least=timedelta(minutes=1))), Field(le=timedelta(1))
]
Word = Annotated[str, matching(_WORD)]


class _Forecast(StrictModel):
    url: Url
    value: Pointer
    time: Pointer
    rows: Pointer
    horizon: Annotated[Duration, Field(ge=timedelta(hours=1), le=timedelta(days=10))] = timedelta(
        hours=24
    )


class SourceModel(StrictModel):
    """One entry, as it is written."""

    url: Url
    zones: Annotated[dict[str, Word], Field(min_length=1)]
    value: Pointer
    time: Pointer
    rows: Pointer | None = None
    renewable: Pointer | None = None
    unit: Literal["g_per_kwh", "kg_per_mwh", "lbs_co2_per_mwh"]
    signal: Literal["average", "marginal"] = "average"
    factors: Literal["lifecycle", "direct"] = "lifecycle"
    accounting: Literal["consumption", "production", "mixed"] = "consumption"
    kind: Literal["measured", "estimated"] = "measured"
    interval: Period
    lag: Annotated[Duration, Field(le=timedelta(hours=2))] | None = None
    stamp: Literal["start", "end"] = "start"
    every: Period | None = None
    headers_env: dict[
        Annotated[str, matching(_HEADER)],
        VariableName,
    ] = Field(default_factory=dict)
    forecast: _Forecast | None = None
    licence: Literal["open", "attribution", "restricted", "own"] = "own"
    attribution: str = ""


_POINTS = "a JSON pointer, like /data/0/intensity"
_PERIOD = f"a duration from 1m to 1d, written {DURATION_FORMS}"
ALLOWED: Mapping[str, str] = {
    "url": "an http or https address without user, password or a repeated parameter; "
    "{zone} stands for the zone, in path or query",
    "zones": "a mapping of REGION: what your source calls its grid, a number in quotes",
    "value": _POINTS,
    "time": _POINTS,
    "rows": "a JSON pointer to the list of rows, like /data",
    "renewable": _POINTS,
    "unit": f"one of {', '.join(Unit)}",
    "signal": "average or marginal",
    "factors": "lifecycle or direct",
    "accounting": "consumption, production or mixed",
    "kind": "measured or estimated",
    "interval": _PERIOD,
    "lag": f"a duration up to 2h, written {DURATION_FORMS}",
    "stamp": "start or end: which end of its interval a time names",
    "every": _PERIOD,
    "headers_env": "a mapping of HEADER: the name of the variable that holds its value",
    "forecast": "a mapping of url, rows, value, time and horizon",
    "horizon": "a duration from 1h to 10d",
    "licence": "open, attribution, restricted or own",
    "attribution": "a text that names the data's origin",
}
# Who confuses them writes a password there.
UNSAID = ("url", "headers_env")


def read_sources(
    directory: Path | None, environment: Mapping[str, str], catalog: Catalog
) -> tuple[CustomSourceSettings, ...]:
    """The sources of this policy directory; without sources.yaml there are none."""
    file = None if directory is None else policy_documents(directory).get(FILE)
    if file is None:
        return ()
    document = read_yaml(file)
    found = []
    for name, value in entries(document, "sources"):
        _check_name(name, document)
        path = ("sources", name)
        written = read_as(SourceModel, document, path, value, allowed=ALLOWED, unsaid=UNSAID)
        _check_url(written, document, path)
        zones = _zones(written, document, path, catalog)
        headers = _headers(written, document, path, environment)
        found.append(_settings(name, written, zones, headers))
    return tuple(found)


def _settings(
    name: str,
    written: SourceModel,
    zones: Mapping[str, str],
    headers: Mapping[str, Callable[[], str]],
) -> CustomSourceSettings:
    stamp = Stamp(written.stamp)
    # A value that is stamped with its end is there when its interval is over.
    usual_lag = written.interval if stamp is Stamp.END else timedelta(0)
    forecast = written.forecast
    return CustomSourceSettings(
        name=name,
        zones=zones,
        values=replace(_series(written), renewable=written.renewable),
        forecast=_series(forecast) if forecast else None,
        horizon=forecast.horizon if forecast else timedelta(0),
        unit=Unit(written.unit),
        basis=Basis(signal=Signal(written.signal), factors=Factors(written.factors)),
        accounting=written.accounting,
        kind=Kind(written.kind),
        interval=written.interval,
        lag=usual_lag if written.lag is None else written.lag,
        stamp=stamp,
        every=written.every or written.interval,
        headers=headers,
        licence_class=written.licence,
        attribution=written.attribution,
    )


def _series(written: SourceModel | _Forecast) -> JsonSeries:
    return JsonSeries(url=written.url, value=written.value, time=written.time, rows=written.rows)


def _check_name(name: str, document: YamlDocument) -> None:
    if not NAME_FORM.fullmatch(name):
        wrong = "is no name; small letters, digits and _ up to 50 long"
    elif name in (*BUILT_IN, OWN_SOURCE):
        wrong = "is a source that is built in; choose another name"
    else:
        return
    raise document.error(("sources", name), f"sources: {quoted(name)} {wrong}")


def _check_url(written: SourceModel, document: YamlDocument, path: KeyPath) -> None:
    if len(set(written.zones.values())) > 1 and ZONE not in written.url:
        raise document.error(
            (*path, "url"),
            f"{dotted(path)}.url: has no {ZONE}, so one answer would count for several zones; "
            f"write {ZONE} where the zone belongs, or give all regions the same zone",
        )
    if written.forecast is None:
        return
    if _host(written.forecast.url) != _host(written.url):
        raise document.error(
            (*path, "forecast", "url"),
            f"{dotted(path)}.forecast.url: is another host; make it a source of its own",
        )


def _host(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _zones(
    written: SourceModel, document: YamlDocument, path: KeyPath, catalog: Catalog
) -> Mapping[str, str]:
    zones = {}
    for text, zone in written.zones.items():
        _, region = split_region(text)
        if region not in catalog:
            raise document.error(
                (*path, "zones", text),
                f"{dotted(path)}.zones: region {quoted(text)} is not known; "
                f"{allowed_names(region, catalog)}; one of your own belongs into "
                "region-profiles.yaml first",
            )
        zones[region] = zone
    return zones


def _headers(
    written: SourceModel, document: YamlDocument, path: KeyPath, environment: Mapping[str, str]
) -> Mapping[str, Callable[[], str]]:
    headers = {}
    for header, variable in written.headers_env.items():
        at = (*path, "headers_env", header)
        try:
            secret = secret_of(variable, environment)
        except (SecretTwiceError, SecretFileError) as error:
            raise document.error(at, f"{dotted(at)}: {error}") from None
        if secret is None:
            unset = f"the environment variable {variable} (or {variable}_FILE) is not set"
            raise document.error(at, f"{dotted(at)}: {unset}")
        headers[header] = secret.reveal
    return headers
