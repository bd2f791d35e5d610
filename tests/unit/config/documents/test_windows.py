"""time-shift-policies.yaml becomes windows, or one line that says what is wrong."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from carbon_scaler.config.documents.windows import MOST_WINDOWS, read_time_shift
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.yaml_document import PolicyFileError, read_yaml
from carbon_scaler.domain.policy import TimeShift
from carbon_scaler.domain.windows import TimeWindow, WindowEffect

FILE = "time-shift-policies.yaml"
# As the older platform has them.
SEED = """\
windows:
- {name: Night Low Demand, hours: "02:00-06:00", effect: prefer, priority: 2}
- name: Solar Peak
  hours: 11:00-15:00
  timezone: region
  regions: [us-east-1, aws:us-west-2, eu-central-1]
  effect: prefer
- name: Wind Peak
  hours: 18:00-22:00
  timezone: region
  regions: [eu-west-1, us-west-2]
  effect: prefer
"""


def read(directory: Path, text: str) -> TimeShift:
    (directory / FILE).write_text(text)
    return read_time_shift(read_yaml(directory / FILE), load_catalog())


def refusal(directory: Path, text: str) -> str:
    with pytest.raises(PolicyFileError) as raised:
        read(directory, text)
    return str(raised.value).removeprefix(f"{directory}/{FILE}:")


def window(name: str, hours: str, **stated: object) -> str:
    keys = "".join(f", {key}: {value}" for key, value in stated.items())
    return f'- {{name: {name}, hours: "{hours}", effect: prefer{keys}}}\n'


@pytest.mark.parametrize("text", ["", "# nothing\n", "windows:\n", "windows: []\n", "enabled: yes"])
def test_a_document_without_windows_changes_nothing(tmp_path: Path, text: str):
    assert read(tmp_path, text) == TimeShift()


def test_switched_off_it_keeps_its_windows(tmp_path: Path):
    shift = read(tmp_path, "enabled: false\n" + SEED)

    assert not shift.enabled
    assert len(shift.windows) == 3


def test_a_window_states_little_and_the_rest_has_a_default(tmp_path: Path):
    (window,) = read(
        tmp_path, "windows: [{name: Night, hours: 22:00-06:00, effect: prefer}]"
    ).windows

    assert window == TimeWindow(
        name="Night",
        begins=timedelta(hours=22),
        ends=timedelta(hours=30),
        effect=WindowEffect.PREFER,
        timezone=ZoneInfo("UTC"),
        regions=frozenset(),
        priority=1,
        bonus_percent=10.0,
    )


def test_a_window_may_state_everything(tmp_path: Path):
    text = """\
windows:
- name: Sun
  hours: "11:30-24:00"
  timezone: Europe/Madrid
  regions: [gcp:europe-southwest1, eu-south-2]
  effect: prefer
  priority: 9
  bonus_percent: 2.5
"""

    assert read(tmp_path, text).windows == (
        TimeWindow(
            name="Sun",
            begins=timedelta(hours=11.5),
            ends=timedelta(hours=24),
            effect=WindowEffect.PREFER,
            timezone=ZoneInfo("Europe/Madrid"),
            regions=frozenset({"europe-southwest1", "eu-south-2"}),
            priority=9,
            bonus_percent=2.5,
        ),
    )


def test_a_forbidden_window_has_no_bonus(tmp_path: Path):
    text = "windows: [{name: Peak, hours: 17:00-20:00, effect: forbid, timezone: region}]"
    (window,) = read(tmp_path, text).windows

    assert (window.effect, window.bonus_percent) == (WindowEffect.FORBID, 0.0)
    assert window.timezone is None, "each region's own"


def test_the_windows_of_the_older_platform_are_read(tmp_path: Path):
    windows = {each.name: each for each in read(tmp_path, SEED).windows}

    assert windows["Night Low Demand"].priority == 2
    assert windows["Solar Peak"].regions == {"us-east-1", "us-west-2", "eu-central-1"}
    assert windows["Wind Peak"].begins == timedelta(hours=18)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "hours: 00:00-00:00",
            '3: windows.0.hours: "00:00-00:00" is not allowed; hours like 22:00',
        ),
        (
            "hours: 00:00-25:00",
            '3: windows.0.hours: "00:00-25:00" is not allowed; hours like 22:00',
        ),
        ("hours: 3", '3: windows.0.hours: "3" is not allowed; hours like 22:00-06:00'),
        (
            "timezone: Europe/Berln",
            '3: windows.0.timezone: "Europe/Berln" is not allowed; did you mean "Europe/Berlin"? '
            "UTC, region (each region's own) or an IANA name",
        ),
        ("timezone: Moon", '3: windows.0.timezone: "Moon" is not allowed; '),
        (
            "regions: [us-wset-1]",
            '3: windows.0.regions.0: "us-wset-1" is not allowed; did you mean',
        ),
        (
            "regions: [gcp:us-east-1]",
            '3: windows.0.regions.0: "gcp:us-east-1" is not allowed; us-east-1 is a region of aws',
        ),
        ("regions: []", '3: windows.0.regions: "a list" is not allowed; a list of cloud regions'),
        ("regions: us-east-1", '3: windows.0.regions: "us-east-1" is not allowed; a list of cloud'),
        ("effect: perfer", '3: windows.0.effect: "perfer" is not allowed; did you mean "prefer"?'),
        ("effect:", '3: windows.0.effect: "" is not allowed; prefer or forbid'),
        ("priority: 0", '3: windows.0.priority: "0" is not allowed; a whole number from 1'),
        ("priority: 10", '3: windows.0.priority: "10" is not allowed; a whole number from 1'),
        ("priority: 1.5", '3: windows.0.priority: "1.5" is not allowed; a whole number from 1'),
        ("bonus_percent: 101", '3: windows.0.bonus_percent: "101" is not allowed; a number from 0'),
        ("bonus_percent: -1", '3: windows.0.bonus_percent: "-1" is not allowed; a number from 0'),
        (
            "bonus_percnt: 10",
            '3: windows.0.bonus_percnt: unknown key; did you mean "bonus_percent"? one of',
        ),
        ('name: ""', '3: windows.0.name: "" is not allowed; a text of up to 100 characters'),
    ],
)
def test_a_refusal_names_file_line_and_what_would_be_right(tmp_path: Path, lines: str, said: str):
    stated = {"name": "name: N", "hours": "hours: 02:00-06:00", "effect": "effect: prefer"}
    stated[lines.partition(":")[0]] = lines
    ordered = [lines, *(line for line in stated.values() if line != lines)]
    text = "# ours\nwindows:\n- " + "\n  ".join(ordered)

    assert refusal(tmp_path, text).startswith(said)


@pytest.mark.parametrize("key", ["name", "hours", "effect"])
def test_a_window_without_what_it_needs_is_refused(tmp_path: Path, key: str):
    stated = {"name": "N", "hours": "02:00-06:00", "effect": "prefer"}
    del stated[key]

    assert refusal(tmp_path, f"windows: [{stated}]").startswith(f"1: windows.0.{key}: is missing; ")


def test_a_bonus_belongs_to_preferred_hours(tmp_path: Path):
    text = "windows: [{name: N, hours: 02:00-06:00, effect: forbid, bonus_percent: 5}]"

    assert refusal(tmp_path, text) == (
        '1: windows.0.bonus_percent: "5" is not allowed; it counts with effect: prefer only'
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", " is not a mapping; begin it with enabled: or windows:"),
        ("window: []", '1: window: unknown key; did you mean "windows"? one of enabled, windows'),
        ("windows: {}", '1: windows: "a mapping" is not allowed; a list of windows'),
        ("windows: [Night]", '1: windows.0: "Night" is not allowed; a list of windows'),
        ("enabled: maybe", '1: enabled: "maybe" is not allowed; true or false'),
    ],
)
def test_a_document_of_another_shape_is_refused(tmp_path: Path, text: str, said: str):
    assert refusal(tmp_path, text).startswith(said)


def test_two_windows_of_one_name_are_refused(tmp_path: Path):
    text = "windows:\n" + window("A", "01:00-02:00") + window("A", "03:00-04:00")

    assert refusal(tmp_path, text) == (
        '3: windows.1.name: "A" is not allowed; another window has that name; each needs its own'
    )


def test_windows_that_overlap_are_refused_with_the_region_and_the_season(tmp_path: Path):
    text = "windows:\n" + window("Night", "22:00-06:00") + window("Dawn", "05:59-08:00")

    assert refusal(tmp_path, text) == (
        '3: windows.1.hours: "Dawn" overlaps "Night" in af-south-1 in January with the same '
        "priority 1; give one another priority, other hours or other regions"
    )


@pytest.mark.parametrize(
    "other",
    [
        window("B", "06:00-08:00"),
        window("B", "21:00-22:00"),
        window("B", "02:00-03:00", priority=2),
    ],
)
def test_windows_that_only_touch_or_differ_in_priority_stand_together(tmp_path: Path, other: str):
    assert len(read(tmp_path, "windows:\n" + window("A", "22:00-06:00") + other).windows) == 2


def test_windows_of_different_regions_stand_together(tmp_path: Path):
    here = window("A", "22:00-06:00", regions="[us-east-1]")
    there = window("B", "22:00-06:00", regions="[us-west-1, us-west-2]")

    assert len(read(tmp_path, "windows:\n" + here + there).windows) == 2


@pytest.mark.parametrize(("hours", "month"), [("10:30-11:30", "January"), ("08:30-09:30", "July")])
def test_a_regions_own_hours_are_compared_in_winter_and_in_summer(
    tmp_path: Path, hours: str, month: str
):
    """11:00-12:00 in Frankfurt is 10:00-11:00 UTC in winter and 09:00-10:00 in summer."""
    sun = window("Sun", "11:00-12:00", timezone="region", regions="[eu-central-1]")

    said = refusal(tmp_path, "windows:\n" + sun + window("Fixed", hours))
    assert f'"Fixed" overlaps "Sun" in eu-central-1 in {month} ' in said


def test_windows_that_meet_in_no_season_stand_together(tmp_path: Path):
    sun = window("Sun", "11:00-12:00", timezone="region", regions="[eu-central-1]")

    assert len(read(tmp_path, "windows:\n" + sun + window("B", "11:00-13:00")).windows) == 2


def test_more_windows_than_are_compared_are_refused(tmp_path: Path):
    text = "windows:\n" + "".join(
        window(f"W{index}", "01:00-02:00") for index in range(MOST_WINDOWS + 1)
    )

    assert refusal(tmp_path, text) == (
        f"1: windows: {MOST_WINDOWS + 1} are too many; at most {MOST_WINDOWS}"
    )
