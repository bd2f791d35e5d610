"""workload-policies.yaml becomes classes, or one line that says what is wrong and where."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from carbon_scaler.config.documents.bands import BandsDocument
from carbon_scaler.config.documents.classes import read_classes
from carbon_scaler.config.documents.settings_schema import SettingsModel
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.yaml_document import PolicyFileError, read_yaml
from carbon_scaler.domain.bands import Band
from carbon_scaler.domain.curves import Curve
from carbon_scaler.domain.policy import (
    BUILT_IN_POLICY,
    SETTING_NAMES,
    StatedSettings,
    Strategy,
    WhenBlind,
    WorkloadClass,
)

BUILT_IN = BUILT_IN_POLICY.classes
MINE = BandsDocument(bands=(Band(name="mine", below=123.0), Band(name="rest", below=None)))
ONE = """\
classes:
  training:
    threshold: 250
"""


def read(
    directory: Path, text: str, bands: BandsDocument | None = None
) -> Mapping[str, WorkloadClass]:
    file = directory / "workload-policies.yaml"
    file.write_text(text)
    return read_classes(read_yaml(file), load_catalog(), bands or BandsDocument())


def read_one(directory: Path, body: str, bands: BandsDocument | None = None) -> WorkloadClass:
    return read(directory, f"classes: {{training: {{{body}}}}}", bands)["training"]


def refusal(directory: Path, text: str) -> str:
    with pytest.raises(PolicyFileError) as raised:
        read(directory, text)
    line = str(raised.value)
    assert "\n" not in line
    return line.removeprefix(f"{directory}/workload-policies.yaml:")


def test_the_settings_are_those_that_a_trigger_may_state():
    assert tuple(SettingsModel.model_fields) == SETTING_NAMES


@pytest.mark.parametrize("text", ["", "# later\n", "classes:\n", "classes: {}\n"])
def test_a_document_that_states_nothing_leaves_the_built_in_classes(tmp_path: Path, text: str):
    assert read(tmp_path, text) == BUILT_IN


def test_what_is_stated_stands(tmp_path: Path):
    text = """\
classes:
  training:
    threshold: 312.5
    min_renewable_percent: 12.5
    require_mix: yes
    max_delay: PT12H30M
    min_savings_percent: 5
    job_duration: 90
    strategy: curve
    lead: 0s
    release: 10m
    when_blind: error
    quantile_percent: 25
    quantile_window: 2d
    curve: 150:1,400:0
    job_energy_kwh: 7.5
    urgent: false
    preferred_regions: [eu-central-1, aws:us-west-2, eu-central-1]
    fallback_regions: [gcp:europe-west1]
"""
    assert read(tmp_path, text)["training"] == WorkloadClass(
        stated=StatedSettings(
            threshold=312.5,
            min_renewable_percent=12.5,
            require_mix=True,
            max_delay=timedelta(hours=12, minutes=30),
            min_savings_percent=5.0,
            job_duration=timedelta(minutes=90),
            strategy=Strategy.CURVE,
            lead=timedelta(0),
            release=timedelta(minutes=10),
            when_blind=WhenBlind.ERROR,
            quantile_percent=25.0,
            quantile_window=timedelta(days=2),
            curve=Curve(points=((150.0, 1.0), (400.0, 0.0))),
            job_energy_kwh=7.5,
        ),
        preferred_regions=("eu-central-1", "us-west-2"),
        fallback_regions=("europe-west1",),
    )


def test_a_class_is_laid_over_the_built_in_one_of_its_name_key_by_key(tmp_path: Path):
    classes = read(tmp_path, "classes: {deferrable: {max_delay: 4h}, urgent: {urgent: false}}")

    assert classes["deferrable"].stated == StatedSettings(
        threshold=250.0,
        min_renewable_percent=30.0,
        max_delay=timedelta(hours=4),
        when_blind=WhenBlind.CLOSED,
    )
    assert not classes["urgent"].urgent
    assert classes["urgent"].stated == BUILT_IN["urgent"].stated
    assert classes["standard"] == BUILT_IN["standard"]


def test_a_new_class_states_only_what_it_says(tmp_path: Path):
    assert read_one(tmp_path, "threshold: 100").stated == StatedSettings(threshold=100.0)


def test_a_curve_may_be_a_list_of_points(tmp_path: Path):
    written = read_one(tmp_path, "curve: [[150, 1], [300.5, 0.25], [400, 0]]")

    assert written.stated.curve == Curve(points=((150.0, 1.0), (300.5, 0.25), (400.0, 0.0)))


def test_a_threshold_may_be_a_band_and_is_where_that_one_ends(tmp_path: Path):
    assert read_one(tmp_path, "threshold: moderate").stated.threshold == 400.0
    assert read_one(tmp_path, "threshold: mine", MINE).stated.threshold == 123.0


def test_the_order_of_regions_is_kept(tmp_path: Path):
    written = read_one(tmp_path, "preferred_regions: [us-west-2, eu-central-1]")

    assert written.preferred_regions == ("us-west-2", "eu-central-1")


def test_five_thousand_classes_are_read(tmp_path: Path):
    text = "classes:\n" + "".join(f"  class-{n}: {{threshold: {n + 1}}}\n" for n in range(5000))

    classes = read(tmp_path, text)

    assert len(classes) == 5000 + len(BUILT_IN)
    assert classes["class-4999"].stated.threshold == 5000.0


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("max_dealy: 12h", '4: classes.training.max_dealy: unknown key; did you mean "max_delay"? one of '),
        ("maxDelay: 12h", '4: classes.training.maxDelay: unknown key; did you mean "max_delay"? one of '),
        ("max_delay: 12 parsecs", '4: classes.training.max_delay: "12 parsecs" is not allowed; a duration, written 12h, 90m'),
        ("max_delay: -1h", '4: classes.training.max_delay: "-1h" is not allowed; a duration'),
        ("max_delay: 10000h", '4: classes.training.max_delay: "10000h" is not allowed; a duration'),
        ("max_delay:", '4: classes.training.max_delay: "" is not allowed; a duration'),
        ("max_delay: ~", '4: classes.training.max_delay: "" is not allowed; a duration'),
        ("max_delay: {hours: 12}", '4: classes.training.max_delay: "a mapping" is not allowed; a duration'),
        ("job_duration: 0", '4: classes.training.job_duration: "0" is not allowed; a duration, written 12h'),
        ("release: 0s", '4: classes.training.release: "0s" is not allowed; a duration'),
        ("lead: true", '4: classes.training.lead: "True" is not allowed; a duration'),
        ("min_renewable_percent: 30%", '4: classes.training.min_renewable_percent: "30%" is not allowed; a number from 0 to 100'),
        ("min_renewable_percent: 100.1", '4: classes.training.min_renewable_percent: "100.1" is not allowed; a number from 0'),
        ("min_savings_percent: -1", '4: classes.training.min_savings_percent: "-1" is not allowed; a number from 0 to 100'),
        ("require_mix: maybe", '4: classes.training.require_mix: "maybe" is not allowed; true or false'),
        ("require_mix: 1", '4: classes.training.require_mix: "1" is not allowed; true or false'),
        ("urgent: 'true'", '4: classes.training.urgent: "true" is not allowed; true or false'),
        ("strategy: Quantile", '4: classes.training.strategy: "Quantile" is not allowed; one of auto, threshold, quantile, forecast, curve'),
        ("strategy: [curve]", '4: classes.training.strategy: "a list" is not allowed; one of auto, threshold'),
        ("when_blind: shut", '4: classes.training.when_blind: "shut" is not allowed; one of open, closed, error'),
        ("quantile_percent: 0", '4: classes.training.quantile_percent: "0" is not allowed; a number above 0 to 100'),
        ("quantile_window: 23h", '4: classes.training.quantile_window: "23h" is not allowed; a duration from 1d to 8d'),
        ("quantile_window: 9d", '4: classes.training.quantile_window: "9d" is not allowed; a duration from 1d to 8d'),
        ("curve: 150:0,400:1", '4: classes.training.curve: "150:0,400:1" is not allowed; two to twenty points GRAMS:LEVEL'),
        ("curve: 150:1", '4: classes.training.curve: "150:1" is not allowed; two to twenty points'),
        ("curve: [[150, 0], [400, 1]]", '4: classes.training.curve: "a list" is not allowed; two to twenty points'),
        ("curve: [[150, 1, 2], [400, 0]]", '4: classes.training.curve.0: "a list" is not allowed; two to twenty points'),
        ("curve: [150, 400]", '4: classes.training.curve.0: "150" is not allowed; two to twenty points'),
        ("curve: 400", '4: classes.training.curve: "400" is not allowed; two to twenty points'),
        ("job_energy_kwh: 0", '4: classes.training.job_energy_kwh: "0" is not allowed; a number above 0 to 1,000,000'),
        ("job_energy_kwh: 5 kWh", '4: classes.training.job_energy_kwh: "5 kWh" is not allowed; a number above 0'),
        ("preferred_regions: eu-central-1", '4: classes.training.preferred_regions: "eu-central-1" is not allowed; a list of cloud regions'),
        ("preferred_regions: [1]", '4: classes.training.preferred_regions.0: "1" is not allowed; a list of cloud regions'),
        ("preferred_regions:\n    - eu-central-1\n    - eu-centrl-1", '6: classes.training.preferred_regions.1: "eu-centrl-1" is not allowed; did you mean "eu-central-1"? one of '),
        ("fallback_regions: [gcp:us-east-1]", '4: classes.training.fallback_regions.0: "gcp:us-east-1" is not allowed; us-east-1 is a region of aws'),
        ("threshold: 300", '4: the key "threshold" occurs twice; keep one'),
        ("\tlead: 5m", "4: a tab stands where YAML wants spaces; indent with spaces"),
        ("lead: &x 5m\n    release: *x", "5: aliases (*name) are not read; write the value out"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(tmp_path: Path, line: str, says: str):
    assert refusal(tmp_path, f"{ONE}    {line}\n").startswith(says)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("250g", '"250g" is not allowed; a number above 0 to 10000, in g/kWh and without a unit, or the name of a band'),
        ("0", '"0" is not allowed; a number above 0'),
        ("10000.5", '"10000.5" is not allowed; a number above 0'),
        ("[100]", '"a list" is not allowed; a number above 0'),
        ("moderat", '"moderat" is no band; a number above 0 to 10000, in g/kWh and without a unit, or the name of a band: did you mean "moderate"? one of clean, high, moderate, very_clean'),
        ("very_high", '"very_high" is the last band and ends nowhere; a number above 0'),
    ],
)  # fmt: skip
def test_a_wrong_threshold_is_told_what_may_stand_there(tmp_path: Path, said: str, says: str):
    text = refusal(tmp_path, ONE.replace("250", said))

    assert text.startswith(f"3: classes.training.threshold: {says}")


@pytest.mark.parametrize(
    "name", ["q 2 q", "-batch", "a/b", "'a\\nb'", '"\\u202e"', "x" * 101, "grün", "''"]
)
def test_a_class_that_no_trigger_could_name_is_refused(tmp_path: Path, name: str):
    text = refusal(tmp_path, f"classes:\n  {name}: {{threshold: 100}}\n")

    assert text.startswith("2: classes: ")
    assert text.endswith("is not a name of letters, digits and . _ : - up to 100 long")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("classes:\n  training:\n", "2: classes.training: is not a mapping of keys"),
        ("classes:\n- training\n", "1: classes: is not a mapping of NAME: {…}"),
        ("clases: {}\n", '1: "clases": unknown key; did you mean "classes"? one of classes'),
        ("- training\n", " is not a mapping; begin it with classes:"),
        ("classes: {training: {threshold: 250", "1: is not YAML: "),
    ],
)
def test_a_document_of_another_shape_is_refused(tmp_path: Path, text: str, says: str):
    assert refusal(tmp_path, text).startswith(says)
