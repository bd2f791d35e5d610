"""Advice told in full, and as lines of workload-policies.yaml to paste; pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from carbon_scaler.application.advice import ClassAdvice, SlackTrials, Trial, Trials
from carbon_scaler.application.backtest import Way
from carbon_scaler.domain.durations import format_duration

METHOD = (
    "settings are chosen on the first two thirds and judged on the last third, which they have "
    "not seen; savings are against starting at once; values are taken to be known at once"
)


def advice_document(
    trials: Trials,
    *,
    classes: Sequence[ClassAdvice],
    slacks: Sequence[SlackTrials],
    causes: Sequence[Mapping[str, Any]],
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """All figures, what is recommended, and which causes of low savings apply."""
    submitted = trials.jobs.submitted
    return {
        **about,
        "method": METHOD,
        "period": {
            "from": _instant(float(submitted.min())),
            "judged_from": _instant(trials.boundary),
            "until": _instant(float(submitted.max())),
        },
        "jobs": len(trials.jobs),
        "jobs_that_wait": int(trials.waits.sum()),
        "classes": [_class(each) for each in classes],
        "by_slack": [_slack(each) for each in slacks],
        "causes": list(causes),
        "workload_policies": policy_lines(classes),
    }


def holds_up(advice: ClassAdvice) -> bool:
    """Whether what was chosen also saved on the last part, and no less than what there is."""
    before = 0.0 if advice.current is None else advice.current.judged_percent
    return advice.best.judged_percent >= before and advice.best.judged_percent > 0


def policy_lines(classes: Sequence[ClassAdvice]) -> str:
    """workload-policies.yaml for the classes that would better change; empty where none would."""
    held = [each for each in classes if holds_up(each) and not _stays(each)]
    if not held:
        return ""
    return "\n".join(["classes:", *(line for each in held for line in _lines(each)), ""])


def _stays(advice: ClassAdvice) -> bool:
    return advice.current is not None and advice.current.setting == advice.best.setting


def _lines(advice: ClassAdvice) -> list[str]:
    setting = advice.best.setting
    limit = [] if setting.threshold is None else [f"    threshold: {setting.threshold:.10g}"]
    return [
        f"  {advice.workload_class}:",
        f"    strategy: {setting.strategy.value}",
        *limit,
        f"    max_delay: {format_duration(advice.max_delay)}",
    ]


def _class(advice: ClassAdvice) -> dict[str, Any]:
    return {
        "workload_class": advice.workload_class,
        "max_delay": format_duration(advice.max_delay),
        "current": None if advice.current is None else _trial(advice.current),
        "best": _trial(advice.best),
        "oracle_percent": advice.oracle_percent,
        "holds_up": holds_up(advice),
        "text": _recommendation(advice),
    }


def _recommendation(advice: ClassAdvice) -> str:
    best, name = advice.best, advice.workload_class
    setting = _named(best)
    now = (
        "what the policy says is not replayed"
        if advice.current is None
        else f"as it is ({_named(advice.current)}) {advice.current.judged_percent:.1f} %"
    )
    figures = (
        f"{best.chosen_on_percent:.1f} % where it was chosen, {best.judged_percent:.1f} % on the "
        f"last days; {now}, perfect foresight {advice.oracle_percent:.1f} %"
    )
    if _stays(advice):
        return f"{name}: stay with {setting}, the best that was tried: {figures}"
    if holds_up(advice):
        return f"{name}: use {setting}: {figures}"
    return f"{name}: leave it as it is; {setting} did not hold up: {figures}"


def _named(trial: Trial) -> str:
    setting = trial.setting
    limit = "" if setting.threshold is None else f" {setting.threshold:g} g/kWh"
    return f"{setting.strategy.value}{limit}"


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "strategy": trial.setting.strategy.value,
        "threshold": trial.setting.threshold,
        "chosen_on_percent": trial.chosen_on_percent,
        "judged_percent": trial.judged_percent,
    }


def _slack(row: SlackTrials) -> dict[str, Any]:
    return {
        "slack": format_duration(row.slack),
        Way.ORACLE.value: {"judged_percent": row.oracle_percent},
        **{each.setting.strategy.value: _trial(each) for each in row.best},
    }


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
