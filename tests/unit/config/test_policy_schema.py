"""An editor that has the schema refuses what the reader refuses, and takes what it takes."""

from pathlib import Path

import jsonschema
import pytest

from carbon_scaler.config.policy_directory import DOCUMENTS as READ
from carbon_scaler.config.policy_schema import (
    DIALECT,
    DOCUMENTS,
    UnknownDocumentError,
    policy_schema,
    policy_schemas,
)
from carbon_scaler.config.yaml_document import PolicyFileError
from carbon_scaler.domain.durations import parse_duration
from tests.unit.config.policy_texts import as_editors_see, read_all

EXAMPLES = sorted((Path(__file__).parents[3] / "deploy/examples/policy").glob("*.yaml"))

# What both take.
GOOD = [
    ("carbon-thresholds.yaml", "bands: [{name: low, below: 99.5}, {name: rest}]"),
    ("carbon-thresholds.yaml", "bands:\n"),
    ("workload-policies.yaml", "classes: {nightly: {threshold: clean, max_delay: 12h30m}}"),
    ("workload-policies.yaml", "classes: {nightly: {max_delay: 90, lead: PT1M, curve: '1:1,2:0'}}"),
    ("workload-policies.yaml", "classes: {nightly: {curve: [[150, 1], [400, 0.5]]}}"),
    ("scheduler-config.yaml", "enabled: false\ndefaults: {max_delay: '45'}"),
    ("scheduler-config.yaml", "weights: {carbon: 0.7, cost: 0.3}"),
    (
        "time-shift-policies.yaml",
        "windows: [{name: night, hours: '22:00-06:00', effect: forbid, timezone: region}]",
    ),
    (
        "gdpr-residency-overrides.yaml",
        "tenants: {acme: {level: EU_STRICT, namespaces: [shop], primary_region: eu-central-1}}\n"
        "adequacy: [{region: eu-west-2, until: 2031-12-27}]",
    ),
    ("carbon-budgets.yaml", "services: {orders: {monthly_kg: 12.5, action: throttle}}"),
    ("region-profiles.yaml", "regions: {eu-west-2: {zones: {neso: '13'}, range: [20, 500]}}"),
    (
        "backlogs.yaml",
        "backlogs: {q: {kind: postgres, url_env: QUEUE_DATABASE_URL, query: SELECT 1}}",
    ),
]
# What both refuse, for its shape alone.
BAD = [
    ("carbon-thresholds.yaml", "bands: {low: 100}"),
    ("carbon-thresholds.yaml", "bands: []"),
    ("carbon-thresholds.yaml", "bands: [{name: low, below: 100g}, {name: rest}]"),
    ("carbon-thresholds.yaml", "bands: [{name: low, below: 0}, {name: rest}]"),
    ("carbon-thresholds.yaml", "bands: [{name: low, below: null}, {name: rest}]"),
    ("carbon-thresholds.yaml", "bands: [{name: low, below: 10, color: green}, {name: rest}]"),
    ("carbon-thresholds.yaml", "- bands"),
    ("workload-policies.yaml", "classes: {nightly: {treshold: 100}}"),
    ("workload-policies.yaml", "classes: {nightly: {threshold: 250g}}"),
    ("workload-policies.yaml", "classes: {nightly: {threshold: -1}}"),
    ("workload-policies.yaml", "classes: {nightly: {max_delay: 12 parsecs}}"),
    ("workload-policies.yaml", "classes: {nightly: {max_delay: PT}}"),
    ("workload-policies.yaml", "classes: {nightly: {max_delay: ''}}"),
    ("workload-policies.yaml", "classes: {nightly: {max_delay: -5}}"),
    ("workload-policies.yaml", "classes: {nightly: {max_delay: true}}"),
    ("workload-policies.yaml", "classes: {nightly: {strategy: fastest}}"),
    ("workload-policies.yaml", "classes: {nightly: {when_blind: maybe}}"),
    ("workload-policies.yaml", "classes: {nightly: {urgent: 'yes'}}"),
    ("workload-policies.yaml", "classes: {nightly: {min_renewable_percent: 101}}"),
    ("workload-policies.yaml", "classes: {nightly: {quantile_percent: 0}}"),
    ("workload-policies.yaml", "classes: {nightly: {curve: steep}}"),
    ("workload-policies.yaml", "classes: {nightly: {curve: [[150, 1]]}}"),
    ("workload-policies.yaml", "classes: {nightly: {preferred_regions: eu-central-1}}"),
    ("workload-policies.yaml", "classes: {'no name': {threshold: 1}}"),
    ("workload-policies.yaml", "classes: [nightly]"),
    ("workload-policies.yaml", "classes: {nightly: }"),
    ("scheduler-config.yaml", "enabled: maybe"),
    ("scheduler-config.yaml", "defaults: {urgent: true}"),
    ("scheduler-config.yaml", "weights: {carbon: 2, cost: 0}"),
    ("scheduler-config.yaml", "weights: {carbon: 1}"),
    ("time-shift-policies.yaml", "windows: [{name: n, hours: '25:00-06:00', effect: prefer}]"),
    ("time-shift-policies.yaml", "windows: [{name: n, hours: night, effect: prefer}]"),
    ("time-shift-policies.yaml", "windows: [{name: n, hours: '01:00-02:00', effect: avoid}]"),
    ("time-shift-policies.yaml", "windows: [{name: n, hours: '01:00-02:00'}]"),
    (
        "time-shift-policies.yaml",
        "windows: [{name: n, hours: '01:00-02:00', effect: prefer, priority: 0}]",
    ),
    ("gdpr-residency-overrides.yaml", "tenants: {acme: {mode: STRICT}}"),
    ("gdpr-residency-overrides.yaml", "tenants: {acme: {level: eu_strict}}"),
    ("gdpr-residency-overrides.yaml", "tenants: {acme: {level: GLOBAL, mode: LAX}}"),
    ("gdpr-residency-overrides.yaml", "tenants: {acme: {level: GLOBAL, namespaces: [No_]}}"),
    ("gdpr-residency-overrides.yaml", "tenants: {'a b': {level: GLOBAL}}"),
    ("gdpr-residency-overrides.yaml", "adequacy: [{region: eu-west-2, until: soon}]"),
    ("gdpr-residency-overrides.yaml", "adequacy: [{region: eu-west-2}]"),
    ("carbon-budgets.yaml", "services: {orders: {monthly_kg: 0}}"),
    ("carbon-budgets.yaml", "services: {orders: {action: warn}}"),
    ("carbon-budgets.yaml", "services: {orders: {monthly_kg: 10, action: block}}"),
    ("carbon-budgets.yaml", "services: {'a b': {monthly_kg: 10}}"),
    ("carbon-budgets.yaml", "services: {orders: {monthly_kg: 10, alert_percent: 120}}"),
    ("region-profiles.yaml", "regions: {eu-west-2: {signal: loud}}"),
    ("region-profiles.yaml", "regions: {eu-west-2: {range: [20]}}"),
    ("region-profiles.yaml", "regions: {eu-west-2: {latitude: 91, longitude: 0}}"),
    ("region-profiles.yaml", "regions: {'gcp:europe-west1': {zone: BE}}"),
    ("backlogs.yaml", "backlogs: {q: {kind: postgres, url_env: QUEUE_DATABASE_URL}}"),
    (
        "backlogs.yaml",
        "backlogs: {q: {kind: postgres, url_env: 'postgresql://u:p@h/d', query: SELECT 1}}",
    ),
    (
        "backlogs.yaml",
        "backlogs: {q: {kind: postgres, url_env: QUEUE_DATABASE_URL, query: ' '}}",
    ),
    (
        "sources.yaml",
        "sources: {roof: {url: 'ftp://h/', zones: {eu-west-1: r}, value: /v, time: /t, "
        "unit: g_per_kwh, interval: 15m}}",
    ),
    ("sources.yaml", "sources: {Roof: {}}"),
]


def taken_by_schema(name: str, text: str) -> bool:
    validator = jsonschema.Draft202012Validator(policy_schema(name))
    return validator.is_valid(as_editors_see(text))


def taken_by_reader(directory: Path, name: str, text: str) -> bool:
    (directory / name).write_text(text)
    try:
        read_all(directory)
    except PolicyFileError:
        return False
    return True


def test_every_document_that_is_read_has_a_schema():
    assert DOCUMENTS.keys() == READ == policy_schemas().keys()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_schema_is_one_of_the_standard(name: str):
    schema = policy_schema(name)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT
    assert schema["title"] == name


def test_a_name_that_is_no_document_is_answered_with_those_that_are():
    with pytest.raises(UnknownDocumentError) as raised:
        policy_schema("carbon-treshold.yaml")

    assert 'did you mean "carbon-thresholds.yaml"' in str(raised.value)


@pytest.mark.parametrize(("name", "text"), GOOD)
def test_what_the_reader_takes_the_schema_takes(tmp_path: Path, name: str, text: str):
    assert taken_by_reader(tmp_path, name, text)
    assert taken_by_schema(name, text)


@pytest.mark.parametrize(("name", "text"), BAD)
def test_what_the_reader_refuses_for_its_shape_the_schema_refuses(
    tmp_path: Path, name: str, text: str
):
    assert not taken_by_reader(tmp_path, name, text)
    assert not taken_by_schema(name, text)


@pytest.mark.parametrize(
    "text",
    [
        *("12h", "90m", "90min", "45s", "1d", "12h30m", "1D2H", " 5m ", "0m", "90", "1.5"),
        *("PT12H30M", "P1DT2H", "P2W", "PT0.5S", "pt5m", "P1W2D"),
        *("", " ", "h", "P", "PT", "P1DT", "1h1h", "30m12h", "12 h", "-5", "5.", "1e3", "12x"),
        *("PT1.5H", "T5M", "5mm", "1:30", "12h30", "٣h"),
    ],
)
def test_a_text_is_a_duration_to_both_or_to_neither(text: str):
    definitions = policy_schema("workload-policies.yaml")["$defs"]

    taken = jsonschema.Draft202012Validator(definitions["Duration"]).is_valid(text)

    assert taken == (parse_duration(text) is not None)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_unknown_first_key_is_refused_and_an_empty_file_is_not(tmp_path: Path, name: str):
    assert not taken_by_reader(tmp_path, name, "unheard_of: 1")
    assert not taken_by_schema(name, "unheard_of: 1")
    assert taken_by_reader(tmp_path, name, "# nothing yet\n")
    assert taken_by_schema(name, "# nothing yet\n")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_taken(path: Path):
    assert taken_by_schema(path.name, path.read_text("utf-8"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_key_says_what_may_stand_there(name: str):
    silent = [
        key
        for definition in policy_schema(name)["$defs"].values()
        for key, value in definition.get("properties", {}).items()
        if not value.get("description")
    ]

    assert silent == []
