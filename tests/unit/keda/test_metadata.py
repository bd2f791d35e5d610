from collections.abc import Mapping
from datetime import timedelta

import pytest

from carbon_scaler.domain.curves import CURVE_FORMS, Curve
from carbon_scaler.domain.durations import DURATION_FORMS
from carbon_scaler.domain.policy import NOTHING_STATED, StatedSettings, Strategy, WhenBlind
from carbon_scaler.domain.trigger import Mode, Trigger
from carbon_scaler.keda.metadata import (
    FROM_ENV,
    KEDA_KEYS,
    KNOWN_KEYS,
    LONGEST_VALUE,
    MOST_KEYS,
    MOST_WARNINGS,
    OTHER_MODES_KEYS,
    SETTING_KEYS,
    SUBJECT_KEYS,
    parse_trigger,
)


def parsed(metadata: Mapping[str, str]):
    return parse_trigger("batch", "embeddings", metadata)


def field_of(trigger: Trigger, key: str):
    if key in SUBJECT_KEYS:
        return getattr(trigger, SUBJECT_KEYS[key][0])
    return getattr(trigger.stated, SETTING_KEYS[key][0])


GOOD = [
    # key, text, value
    ("region", "us-west-1", "us-west-1"),
    ("region", "gcp:europe-west1", "gcp:europe-west1"),
    ("region", "  us-west-1\n", "us-west-1"),
    ("region", "a" * 100, "a" * 100),
    ("workloadClass", "deferrable", "deferrable"),
    ("mode", "queue", Mode.QUEUE),
    ("mode", "Brake", Mode.BRAKE),
    ("mode", "gate", Mode.GATE),
    ("mode", "parallel", Mode.PARALLEL),
    ("mode", "schedule", Mode.SCHEDULE),
    ("backlog", "q2q-embeddings", "q2q-embeddings"),
    ("itemsPerJob", "1", 1),
    ("itemsPerJob", "1000000", 1_000_000),
    ("maxJobs", "020", 20),
    ("tenant", "acme", "acme"),
    ("service", "embeddings", "embeddings"),
    ("regions", "us-west-1", ("us-west-1",)),
    ("regions", " us-west-1 , aws:us-east-1,", ("us-west-1", "aws:us-east-1")),
    ("regions", "us-west-1|us-east-1", ("us-west-1", "us-east-1")),
    ("shadow", "true", True),
    ("shadow", "FALSE", False),
    ("shadow", "1", True),
    ("shadow", "0", False),
    ("threshold", "250", 250.0),
    ("threshold", "249.9", 249.9),
    ("threshold", "+2.5e2", 250.0),
    ("threshold", ".5", 0.5),
    ("threshold", "250.", 250.0),
    ("threshold", "10000", 10_000.0),
    ("minRenewablePercent", "0", 0.0),
    ("minRenewablePercent", "100", 100.0),
    ("requireMix", "true", True),
    ("maxDelay", "12h", timedelta(hours=12)),
    ("maxDelay", "90", timedelta(minutes=90)),
    ("maxDelay", "PT12H30M", timedelta(hours=12, minutes=30)),
    ("maxDelay", "0", timedelta(0)),
    ("minSavingsPercent", "5.5", 5.5),
    ("jobDuration", "45m", timedelta(minutes=45)),
    ("strategy", "threshold", Strategy.THRESHOLD),
    ("strategy", "Forecast", Strategy.FORECAST),
    ("lead", "0s", timedelta(0)),
    ("lead", "2m", timedelta(minutes=2)),
    ("release", "10m", timedelta(minutes=10)),
    ("whenBlind", "open", WhenBlind.OPEN),
    ("whenBlind", "closed", WhenBlind.CLOSED),
    ("whenBlind", "ERROR", WhenBlind.ERROR),
    ("quantilePercent", "30", 30.0),
    ("quantilePercent", "100", 100.0),
    ("quantileWindow", "1d", timedelta(days=1)),
    ("quantileWindow", "8d", timedelta(days=8)),
    ("curve", "150:1,400:0", Curve(points=((150.0, 1.0), (400.0, 0.0)))),
    ("curve", " 0:1 , 300.5:0.5,10000:0.25", Curve(points=((0, 1), (300.5, 0.5), (10_000, 0.25)))),
    ("jobEnergyKwh", "0.5", 0.5),
    ("spread", "0s", timedelta(0)),
    ("spread", "1h", timedelta(hours=1)),
]


def shown(value: object):
    text = repr(value)
    return text if len(text) < 30 else f"{text[:20]}… ({len(text)})"


@pytest.mark.parametrize(("key", "text", "value"), GOOD, ids=shown)
def test_a_good_value_is_taken(key: str, text: str, value: object):
    trigger = parsed({key: text})
    assert trigger.problems == ()
    assert trigger.warnings == ()
    assert field_of(trigger, key) == value


@pytest.mark.parametrize(("key", "text", "value"), GOOD, ids=shown)
def test_a_good_value_is_taken_from_the_environment_too(key: str, text: str, value: object):
    trigger = parsed({key + FROM_ENV: text})
    assert trigger == parsed({key: text})
    assert field_of(trigger, key) == value


@pytest.mark.parametrize(
    ("key", "text", "mode"),
    [
        ("parallelism", "4", "parallel"),
        ("schedule", "0 3 * * *", "schedule"),
        ("window", "6h", "schedule"),
        ("timezone", "Europe/Berlin", "schedule"),
    ],
)
def test_a_key_of_another_mode_is_known_and_has_no_effect(key: str, text: str, mode: str):
    trigger = parsed({key: text})
    assert trigger == Trigger(
        namespace="batch",
        name="embeddings",
        warnings=(f"{key}: only mode {mode} uses it",),
    )


A_NAME = "a name of letters, digits and . _ : - up to 100 long"
A_DURATION = "a duration like 12h, 90m, 45s, 1d, 12h30m, PT12H30M or plain minutes"
A_WHOLE_NUMBER = "a whole number from 1 to 1000000"
TRUE_OR_FALSE = "true or false"

BAD_NAMES = [
    "-x",
    ".x",
    "us west",
    "us-west-1\x00",
    "x;DROP",
    "a" * 101,
    "Zürich",
    "a/b",
    "\x1b[31m",
]
BAD_NUMBERS = ["NaN", "nan", "inf", "-inf", "1e400", "-1e400", "0x10", "1_000", "1,5", "one", "٢٥٠"]
BAD_COUNTS = ["0", "-1", "1.5", "1e3", "1000001", "99999999999", "many", "٣", "+1"]
BAD_BOOLEANS = ["yes", "no", "on", "2", "tru", "true\x00"]
BAD_DURATIONS = ["tomorrow", "-1h", "12 h", "1y", "367d", "1e3", "nan", "PT", "12h\x00"]

BAD = {
    "region": (BAD_NAMES, A_NAME),
    "workloadClass": (BAD_NAMES, A_NAME),
    "backlog": ([*BAD_NAMES, "SELECT 1", "http://host/"], A_NAME),
    "tenant": (BAD_NAMES, A_NAME),
    "service": (BAD_NAMES, A_NAME),
    "mode": (
        ["que", "queue,brake", "queue brake", "queue\x00"],
        "one of queue, brake, gate, parallel, schedule",
    ),
    "itemsPerJob": (BAD_COUNTS, A_WHOLE_NUMBER),
    "maxJobs": (BAD_COUNTS, A_WHOLE_NUMBER),
    "parallelism": (BAD_COUNTS, A_WHOLE_NUMBER),
    "regions": (["us-west-1,us east", "a;b", "a\x00"], A_NAME),
    "shadow": (BAD_BOOLEANS, TRUE_OR_FALSE),
    "requireMix": (BAD_BOOLEANS, TRUE_OR_FALSE),
    "threshold": (
        [*BAD_NUMBERS, "-1", "-0.001", "0", "-0", "1e-400", "10000.1", "1e5"],
        "a number above 0 to 10000",
    ),
    "minRenewablePercent": ([*BAD_NUMBERS, "-1", "100.1"], "a number from 0 to 100"),
    "minSavingsPercent": ([*BAD_NUMBERS, "-1", "100.1"], "a number from 0 to 100"),
    "maxDelay": (BAD_DURATIONS, A_DURATION),
    "lead": (BAD_DURATIONS, A_DURATION),
    "jobDuration": ([*BAD_DURATIONS, "0", "0h", "PT0S"], f"{A_DURATION}, above 0"),
    "release": ([*BAD_DURATIONS, "0", "0h", "PT0S"], f"{A_DURATION}, above 0"),
    "window": ([*BAD_DURATIONS, "0"], f"{A_DURATION}, above 0"),
    "strategy": (
        ["cheap", "threshold forecast"],
        "one of auto, threshold, quantile, forecast, curve",
    ),
    "whenBlind": (["maybe", "open\x00"], "one of open, closed, error"),
    "quantilePercent": ([*BAD_NUMBERS, "0", "100.1"], "a number above 0 to 100"),
    "quantileWindow": (
        [*BAD_DURATIONS, "23h", "8d1m", "0"],
        f"a duration from 1d to 8d, like {DURATION_FORMS}",
    ),
    "curve": (
        [
            "150",
            "150:1",
            "150:1,150:0",
            "300:1,200:0",
            "150:0.5,300:1",
            "150:1.1,300:0",
            "150:1,10001:0",
            "150:1;300:0",
            "a:1,b:0",
            "nan:1,300:0",
            ",".join(f"{grams}:1" for grams in range(1, 23)),
        ],
        CURVE_FORMS,
    ),
    "jobEnergyKwh": ([*BAD_NUMBERS, "0", "1000001"], "a number above 0 to 1e+06"),
    "spread": ([*BAD_DURATIONS, "61m", "2h"], f"a duration from 0 to 1h, like {DURATION_FORMS}"),
    "schedule": (["0 3 * * *\x00", "a\nb"], "text without control characters"),
    "timezone": (["Europe/\x1bBerlin"], "text without control characters"),
}


def test_the_tables_have_every_key():
    assert set(BAD) == KNOWN_KEYS
    assert {key for key, *_ in GOOD} == KNOWN_KEYS - set(OTHER_MODES_KEYS)


@pytest.mark.parametrize(
    ("key", "text", "allowed"),
    [(key, text, allowed) for key, (texts, allowed) in BAD.items() for text in texts],
    ids=shown,
)
def test_a_bad_value_is_named_with_its_key_and_what_is_allowed(key: str, text: str, allowed: str):
    trigger = parsed({key: text})
    [problem] = trigger.problems
    assert (problem.key, problem.said, problem.allowed) == (key, text, allowed)
    assert str(problem).isprintable()


@pytest.mark.parametrize("key", sorted(KNOWN_KEYS))
@pytest.mark.parametrize("text", ["", " ", "\t\n"], ids=repr)
def test_an_empty_value_is_refused(key: str, text: str):
    [problem] = parsed({key: text}).problems
    assert (problem.key, problem.allowed) == (key, "a value (it is empty)")


def test_a_list_of_nothing_is_refused():
    [problem] = parsed({"regions": " , ,"}).problems
    assert str(problem) == 'regions: " , ," is not allowed; names with commas between them'


@pytest.mark.parametrize("key", sorted(KNOWN_KEYS))
def test_a_value_of_a_megabyte_is_refused_and_not_kept(key: str):
    [problem] = parsed({key: "1" * 1_000_000}).problems
    assert problem.key == key
    assert problem.allowed == "at most 2048 characters (it has 1000000)"
    assert len(problem.said) <= LONGEST_VALUE


def test_the_longest_value_is_still_read():
    assert parsed({"region": "a" * LONGEST_VALUE}).problems[0].allowed == A_NAME
    assert parsed({"region": " " * (LONGEST_VALUE - 1) + "a"}).region == "a"


@pytest.mark.parametrize("key", sorted(KNOWN_KEYS - set(OTHER_MODES_KEYS)))
def test_where_a_value_is_bad_the_default_stands(key: str):
    bad = {name: texts[0] for name, (texts, _) in BAD.items() if name == key}
    good = {name: text for name, text, _ in GOOD if name != key}
    assert field_of(parsed(good | bad), key) == field_of(parsed({}), key)


def test_a_bad_value_spoils_no_other():
    assert parsed({"maxJobs": "many", "region": "us-west-1"}).region == "us-west-1"


@pytest.mark.parametrize("count", [0, MOST_KEYS + 1], ids=["no keys", "too many keys"])
def test_a_name_that_no_object_can_have_is_not_kept(count: int):
    keys = {f"colour{number}": "x" for number in range(count)}
    trigger = parse_trigger("n" * 1_000_000, "x" * 1_000_000, keys)
    assert (trigger.namespace, trigger.name) == ("n" * 253, "x" * 253)
    assert trigger.problems


def test_the_longest_name_of_an_object_is_fine_and_a_longer_one_is_refused():
    assert parse_trigger("n" * 253, "x" * 253, {}).problems == ()
    problems = parse_trigger("n" * 254, "x" * 255, {}).problems
    assert [(problem.key, problem.allowed) for problem in problems] == [
        ("namespace", "at most 253 characters (it has 254)"),
        ("name", "at most 253 characters (it has 255)"),
    ]


def test_no_metadata_at_all_make_an_empty_trigger():
    assert parsed({}) == Trigger(namespace="batch", name="embeddings")


def test_a_whole_trigger_is_read_at_once():
    trigger = parsed(
        {
            "scalerAddress": "carbon-scaler:6000",
            "region": "us-west-1",
            "workloadClass": "deferrable",
            "mode": "queue",
            "backlog": "orders",
            "maxJobs": "10",
            "thresholdFromEnv": "180",
            "maxDelay": "6h",
        }
    )
    assert trigger == Trigger(
        namespace="batch",
        name="embeddings",
        region="us-west-1",
        workload_class="deferrable",
        mode=Mode.QUEUE,
        backlog="orders",
        max_jobs=10,
        stated=StatedSettings(threshold=180.0, max_delay=timedelta(hours=6)),
    )


def test_every_bad_value_is_named_not_only_the_first():
    bad = {key: texts[0] for key, (texts, _) in BAD.items()}
    problems = parsed(bad).problems
    assert [problem.key for problem in problems] == sorted(KNOWN_KEYS)


# --- the environment


@pytest.mark.parametrize("key", sorted(KNOWN_KEYS))
def test_a_key_that_is_given_in_both_forms_is_refused(key: str):
    good = next((text for name, text, _ in GOOD if name == key), "1")
    problems = parsed({key: good, key + FROM_ENV: "other"}).problems
    assert [(problem.key, problem.said, problem.allowed) for problem in problems] == [
        (key, "other", f"give {key} or {key}FromEnv, not both")
    ]


def test_both_forms_are_refused_even_if_they_agree():
    assert len(parsed({"region": "us-west-1", "regionFromEnv": "us-west-1"}).problems) == 1


def test_a_bad_value_from_the_environment_is_named_by_its_plain_key():
    [problem] = parsed({"maxDelayFromEnv": "tomorrow"}).problems
    assert problem.key == "maxDelay"


@pytest.mark.parametrize("key", ["FromEnv", "regionFromEnvFromEnv", "regionfromenv"])
def test_only_one_suffix_of_a_known_key_counts(key: str):
    trigger = parsed({key: "us-west-1"})
    assert trigger.region is None
    assert len(trigger.warnings) == 1


# --- keys


@pytest.mark.parametrize("key", sorted(KEDA_KEYS))
@pytest.mark.parametrize("suffix", ["", FROM_ENV], ids=["plain", "from the environment"])
def test_kedas_own_keys_are_accepted_in_silence(key: str, suffix: str):
    assert parsed({key + suffix: "\x00"}) == Trigger(namespace="batch", name="embeddings")


@pytest.mark.parametrize(
    ("key", "warning"),
    [
        ("maxdelay", 'maxdelay: unknown key; did you mean "maxDelay"?'),
        ("max_delay", 'max_delay: unknown key; did you mean "maxDelay"?'),
        ("workload-class", 'workload-class: unknown key; did you mean "workloadClass"?'),
        ("colour", "colour: unknown key; it has no effect"),
        ("", ": unknown key; it has no effect"),
        ("a\nb", "a�b: unknown key; it has no effect"),
        ("x" * 1_000_000, "x" * 60 + "…: unknown key; it has no effect"),
    ],
    ids=["case", "snake case", "dashes", "unheard of", "empty", "control characters", "huge"],
)
def test_an_unknown_key_is_a_warning_and_no_more(key: str, warning: str):
    trigger = parsed({key: "x", "region": "us-west-1"})
    assert trigger.warnings == (warning,)
    assert trigger.problems == ()
    assert trigger.region == "us-west-1"


def test_warnings_are_few_however_many_keys_are_unknown():
    unknown = {f"colour{number:02}": "x" for number in range(100)}
    warnings = parsed(unknown | {"parallelism": "2"}).warnings
    assert len(warnings) == MOST_WARNINGS
    assert warnings == tuple(sorted(warnings))


def test_as_many_keys_as_allowed_are_read():
    keys = {f"colour{number}": "x" for number in range(MOST_KEYS - 1)}
    assert parsed(keys | {"region": "us-west-1"}).region == "us-west-1"


@pytest.mark.parametrize("count", [MOST_KEYS + 1, 10_000])
def test_more_keys_are_refused_unread(count: int):
    keys = {f"colour{number}": "x" * 1000 for number in range(count)}
    trigger = parsed(keys)
    [problem] = trigger.problems
    assert str(problem) == f'metadata: "{count} keys" is not allowed; at most 128 keys'
    assert trigger.warnings == ()
    assert trigger.stated == NOTHING_STATED


def test_the_order_of_the_keys_does_not_matter():
    keys = {key: texts[0] for key, (texts, _) in BAD.items()}
    keys |= {"regionFromEnv": "us-west-1", "colour": "x", "scalerAddress": "x:1"}
    assert parsed(keys) == parsed(dict(reversed(keys.items())))
