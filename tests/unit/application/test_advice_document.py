"""Advice as lines to paste, which the policy's own reader takes."""

from datetime import timedelta
from pathlib import Path

import pytest

from carbon_scaler.application.advice import ClassAdvice, Setting, Trial, by_class, by_slack
from carbon_scaler.application.advice_document import advice_document, holds_up, policy_lines
from carbon_scaler.application.backtest import Way
from carbon_scaler.config.policy_files import read_policy
from carbon_scaler.domain.policy import Strategy
from tests.unit.application.advice_world import some_trials


def a_trial(way: Way, judged: float, threshold: float | None = None) -> Trial:
    setting = Setting(strategy=way, threshold=threshold)
    return Trial(setting=setting, chosen_on_percent=5.0, judged_percent=judged)


def an_advice(best: Trial, current: Trial | None = None, name: str = "deferrable") -> ClassAdvice:
    return ClassAdvice(
        workload_class=name,
        max_delay=timedelta(hours=12),
        best=best,
        current=current,
        oracle_percent=9.0,
    )


def test_the_lines_are_what_the_policy_reads(tmp_path: Path):
    lines = policy_lines(
        [
            an_advice(a_trial(Way.THRESHOLD, 4.0, 312.4)),
            an_advice(a_trial(Way.FORECAST, 4.0), name="standard"),
        ]
    )
    (tmp_path / "workload-policies.yaml").write_text(lines)

    classes = read_policy(tmp_path).policy.classes

    deferrable, standard = classes["deferrable"].stated, classes["standard"].stated
    assert (deferrable.strategy, deferrable.threshold) == (Strategy.THRESHOLD, 312.4)
    assert deferrable.max_delay == timedelta(hours=12)
    assert standard.strategy is Strategy.FORECAST


def test_what_is_recommended_on_a_grid_is_read_too(tmp_path: Path):
    advised = by_class(some_trials())
    (tmp_path / "workload-policies.yaml").write_text(policy_lines(advised))

    stated = read_policy(tmp_path).policy.classes["deferrable"].stated

    setting = advised[0].best.setting
    assert (stated.strategy or "") == setting.strategy.value
    assert setting.threshold in (None, stated.threshold)


@pytest.mark.parametrize(
    ("best", "current", "held"),
    [(4.0, 3.0, True), (3.0, 4.0, False), (-1.0, -2.0, False), (0.0, 0.0, False)],
)
def test_only_what_also_saved_later_is_recommended(best: float, current: float, held: bool):
    advice = an_advice(a_trial(Way.FORECAST, best), a_trial(Way.QUANTILE, current))

    assert holds_up(advice) is held
    assert bool(policy_lines([advice])) is held


def test_a_class_that_is_set_best_already_needs_no_lines():
    trial = a_trial(Way.FORECAST, 4.0)
    trials = some_trials()
    advice = an_advice(trial, trial)
    document = advice_document(trials, classes=[advice], slacks=[], causes=[], about={})

    assert document["workload_policies"] == ""
    assert document["classes"][0]["text"].startswith("deferrable: stay with forecast")


def test_the_document_names_both_parts_and_the_method():
    trials = some_trials()
    classes = by_class(trials)
    document = advice_document(
        trials, classes=classes, slacks=by_slack(trials), causes=[], about={"region": "r"}
    )

    period = document["period"]
    assert period["from"] < period["judged_from"] < period["until"]
    assert "last third" in document["method"]
    assert [row["slack"] for row in document["by_slack"]] == ["1h", "6h", "12h", "1d"]
    (told,) = document["classes"]
    assert told["text"].startswith("deferrable: use ")
    assert "perfect foresight" in told["text"]
