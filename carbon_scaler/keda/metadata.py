"""KEDA's metadata map becomes a trigger: total, and every bad value is named."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from carbon_scaler.domain.curves import CURVE_FORMS, Curve, parse_curve
from carbon_scaler.domain.durations import DURATION_FORMS, parse_duration
from carbon_scaler.domain.policy import (
    LONGEST_QUANTILE_WINDOW,
    LONGEST_SPREAD,
    SHORTEST_QUANTILE_WINDOW,
    StatedSettings,
    Strategy,
    WhenBlind,
)
from carbon_scaler.domain.suggestions import did_you_mean
from carbon_scaler.domain.trigger import Mode, Problem, Trigger, quoted

MOST_KEYS = 128
LONGEST_NAME = 253  # of a Kubernetes object
LONGEST_VALUE = 2048
MOST_WARNINGS = 8
# KEDA forwards these to every external scaler.
KEDA_KEYS = frozenset(
    {
        "scalerAddress",
        "enableTLS",
        "unsafeSsl",
        "caCert",
        "tlsClientCert",
        "tlsClientKey",
        "tlsCertFile",
    }
)
FROM_ENV = "FromEnv"

_NUMBER = re.compile(r"[+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,4})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,10}", re.ASCII)
# The bar as in a file of jobs, where commas stand between columns.
_SEPARATOR = re.compile(r"[,|]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", re.ASCII)
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class _RefusedError(ValueError):
    """A value is not allowed; the message says what is."""


Reader = Callable[[str], Any]


def _number(text: str, *, above: float | None = None, least: float = 0.0, most: float) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else float("nan")
    low = above if above is not None else least
    if not low <= value <= most or value == above:
        bounds = f"above {above:g}" if above is not None else f"from {least:g}"
        raise _RefusedError(f"a number {bounds} to {most:g}")
    return value


def _whole(text: str, *, most: int = 1_000_000) -> int:
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= most:
        raise _RefusedError(f"a whole number from 1 to {most}")
    return int(text)


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise _RefusedError("true or false")
    return value


def _duration(text: str, *, positive: bool = False) -> timedelta:
    value = parse_duration(text)
    if value is None or (positive and not value):
        raise _RefusedError(f"a duration like {DURATION_FORMS}{', above 0' if positive else ''}")
    return value


def _choice(text: str, *, kind: type[StrEnum]) -> StrEnum:
    try:
        return kind(text.lower())
    except ValueError:
        raise _RefusedError(f"one of {', '.join(kind)}") from None


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise _RefusedError("a name of letters, digits and . _ : - up to 100 long")
    return text


def _names(text: str) -> tuple[str, ...]:
    names = tuple(_name(part.strip()) for part in _SEPARATOR.split(text) if part.strip())
    if not names:
        raise _RefusedError("names with commas between them")
    return names


def _quantile_window(text: str) -> timedelta:
    value = parse_duration(text)
    if value is None or not SHORTEST_QUANTILE_WINDOW <= value <= LONGEST_QUANTILE_WINDOW:
        raise _RefusedError(f"a duration from 1d to 8d, like {DURATION_FORMS}")
    return value


def _spread(text: str) -> timedelta:
    value = parse_duration(text)
    if value is None or value > LONGEST_SPREAD:
        raise _RefusedError(f"a duration from 0 to 1h, like {DURATION_FORMS}")
    return value


def _curve(text: str) -> Curve:
    curve = parse_curve(text)
    if curve is None:
        raise _RefusedError(CURVE_FORMS)
    return curve


def _text(text: str) -> str:
    if not text.isprintable():
        raise _RefusedError("text without control characters")
    return text


# Metadata key → the trigger's field, and how its text is read.
SUBJECT_KEYS: Mapping[str, tuple[str, Reader]] = {
    "region": ("region", _name),
    "workloadClass": ("workload_class", _name),
    "mode": ("mode", partial(_choice, kind=Mode)),
    "backlog": ("backlog", _name),
    "itemsPerJob": ("items_per_job", _whole),
    "maxJobs": ("max_jobs", _whole),
    "tenant": ("tenant", _name),
    "service": ("service", _name),
    "regions": ("regions", _names),
    "shadow": ("shadow", _boolean),
}
# Metadata key → the setting that it overrides.
SETTING_KEYS: Mapping[str, tuple[str, Reader]] = {
    "threshold": ("threshold", partial(_number, above=0.0, most=10_000)),
    "minRenewablePercent": ("min_renewable_percent", partial(_number, most=100)),
    "requireMix": ("require_mix", _boolean),
    "maxDelay": ("max_delay", _duration),
    "minSavingsPercent": ("min_savings_percent", partial(_number, most=100)),
    "jobDuration": ("job_duration", partial(_duration, positive=True)),
    "strategy": ("strategy", partial(_choice, kind=Strategy)),
    "lead": ("lead", _duration),
    "release": ("release", partial(_duration, positive=True)),
    "whenBlind": ("when_blind", partial(_choice, kind=WhenBlind)),
    "quantilePercent": ("quantile_percent", partial(_number, above=0.0, most=100)),
    "quantileWindow": ("quantile_window", _quantile_window),
    "curve": ("curve", _curve),
    "jobEnergyKwh": ("job_energy_kwh", partial(_number, above=0.0, most=1_000_000)),
    "spread": ("spread", _spread),
}
# Known keys whose modes this version does not have: checked, and otherwise without effect.
OTHER_MODES_KEYS: Mapping[str, tuple[str, Reader]] = {
    "parallelism": ("parallel", _whole),
    "schedule": ("schedule", _text),
    "window": ("schedule", partial(_duration, positive=True)),
    "timezone": ("schedule", _text),
}
_READERS = {
    key: reader
    for keys in (SUBJECT_KEYS, SETTING_KEYS, OTHER_MODES_KEYS)
    for key, (_, reader) in keys.items()
}
KNOWN_KEYS = frozenset(_READERS)


def parse_trigger(namespace: str, name: str, metadata: Mapping[str, str]) -> Trigger:
    """The trigger that the metadata describe; bad values are noted in `problems`."""
    # Cut, because a rejected trigger is kept, logged and measured under its name.
    named: dict[str, Any] = {"namespace": namespace[:LONGEST_NAME], "name": name[:LONGEST_NAME]}
    if len(metadata) > MOST_KEYS:
        too_many = Problem(
            key="metadata", said=f"{len(metadata)} keys", allowed=f"at most {MOST_KEYS} keys"
        )
        return Trigger(**named, problems=(too_many,))
    problems = [
        Problem(key=key, said=named[key], allowed=_at_most(LONGEST_NAME, said))
        for key, said in (("namespace", namespace), ("name", name))
        if len(said) > LONGEST_NAME
    ]
    warnings: list[str] = []
    values: dict[str, Any] = {}
    for key, text in _plain_keys(metadata, problems, warnings).items():
        try:
            values[key] = _read(key, text)
        except _RefusedError as refused:
            # Cut, because a rejected trigger is kept.
            said = text[:LONGEST_VALUE]
            problems.append(Problem(key=key, said=said, allowed=str(refused)))
    warnings += [
        f"{key}: only mode {OTHER_MODES_KEYS[key][0]} uses it"
        for key in values.keys() & OTHER_MODES_KEYS.keys()
    ]
    subject = {SUBJECT_KEYS[key][0]: values[key] for key in values.keys() & SUBJECT_KEYS.keys()}
    overrides = {SETTING_KEYS[key][0]: values[key] for key in values.keys() & SETTING_KEYS.keys()}
    return Trigger(
        **named,
        stated=StatedSettings(**overrides),
        problems=tuple(problems),
        warnings=tuple(sorted(warnings)[:MOST_WARNINGS]),
        **subject,
    )


def _read(key: str, text: str) -> object:
    if len(text) > LONGEST_VALUE:
        raise _RefusedError(_at_most(LONGEST_VALUE, text))
    if not text.strip():
        raise _RefusedError("a value (it is empty)")
    return _READERS[key](text.strip())


def _at_most(limit: int, text: str) -> str:
    return f"at most {limit} characters (it has {len(text)})"


def _plain_keys(
    metadata: Mapping[str, str], problems: list[Problem], warnings: list[str]
) -> dict[str, str]:
    """Known keys without their `FromEnv`, in a fixed order: KEDA's varies from call to call."""
    plain: dict[str, str] = {}
    for written in sorted(metadata):
        key = written.removesuffix(FROM_ENV)
        if key in KEDA_KEYS:
            continue
        if key not in KNOWN_KEYS:
            if len(warnings) < MOST_WARNINGS:
                warnings.append(_unknown(written))
        elif key in plain:
            problems.append(
                Problem(
                    key=key,
                    said=metadata[written][:LONGEST_VALUE],
                    allowed=f"give {key} or {key}{FROM_ENV}, not both",
                )
            )
        else:
            plain[key] = metadata[written]
    return plain


def _unknown(key: str, names: Iterable[str] = KNOWN_KEYS) -> str:
    suggestion = did_you_mean(key, names)
    hint = f'did you mean "{suggestion}"?' if suggestion else "it has no effect"
    return f"{quoted(key)[1:-1]}: unknown key; {hint}"
