"""A directory of documents becomes one policy under a version, or one line that says why not."""

import re
from pathlib import Path

import pytest

from carbon_scaler.config.policy_files import read_policy
from carbon_scaler.config.region_profiles import NO_PROFILES
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.yaml_document import MOST_BYTES, PolicyFileError
from carbon_scaler.domain.policy import BUILT_IN_POLICY

# A line of each document, so that each can be cut, broken and counted.
DOCUMENTS = {
    "carbon-thresholds.yaml": "bands:\n- {name: green, below: 150}\n- name: grey\n",
    "workload-policies.yaml": "classes:\n  training:\n    threshold: green\n    max_delay: 8h\n",
    "scheduler-config.yaml": "defaults:\n  lead: 2m\nweights: {carbon: 0.7, cost: 0.3}\n",
}
OTHERS = {
    "backlogs.yaml": "backlogs: {}\n",
    "carbon-budgets.yaml": "services:\n",
    "gdpr-residency-overrides.yaml": "tenants:\n",
    "region-profiles.yaml": "regions:\n  eu-west-2: {signal: marginal}\n",
    "sources.yaml": "sources: {}\n",
    "time-shift-policies.yaml": "enabled: false\n",
}


def written(directory: Path, **documents: str | bytes) -> Path:
    directory.mkdir(exist_ok=True)
    for key, content in documents.items():
        raw = content.encode() if isinstance(content, str) else content
        (directory / f"{key.replace('_', '-')}.yaml").write_bytes(raw)
    return directory


def all_written(directory: Path) -> Path:
    for name, content in {**DOCUMENTS, **OTHERS}.items():
        (directory / name).write_text(content)
    return directory


def version(directory: Path, **documents: str) -> str:
    return read_policy(written(directory, **documents)).policy.version


def refusal(directory: Path) -> str:
    with pytest.raises(PolicyFileError) as raised:
        read_policy(directory)
    line = str(raised.value)
    assert "\n" not in line
    return line.removeprefix(f"{directory}/")


def test_without_a_directory_the_policy_is_the_built_in_one():
    files = read_policy(None)

    assert files.policy == BUILT_IN_POLICY
    assert files.policy.version == "built-in"
    assert files.catalog == load_catalog()
    assert files.profiles == NO_PROFILES
    assert (files.documents, files.warnings) == ((), ())


def test_an_empty_directory_is_as_good_as_none(tmp_path: Path):
    assert read_policy(tmp_path).policy == BUILT_IN_POLICY


@pytest.mark.parametrize("content", ["", "# nothing yet\n", "---\n", "{}\n", "\n\n"])
def test_documents_that_state_nothing_leave_the_built_in_policy(tmp_path: Path, content: str):
    for name in {**DOCUMENTS, **OTHERS}:
        (tmp_path / name).write_text(content)

    files = read_policy(tmp_path)

    assert files.policy == BUILT_IN_POLICY
    assert set(files.documents) == {*DOCUMENTS, *OTHERS}


def test_all_documents_are_merged_into_one_policy(tmp_path: Path):
    files = read_policy(all_written(tmp_path))

    policy = files.policy
    assert [band.name for band in policy.bands] == ["green", "grey"]
    assert policy.classes["training"].stated.threshold == 150.0
    assert policy.defaults.lead is not None
    assert policy.defaults.lead.total_seconds() == 120
    assert policy.weights.cost == 0.3
    assert not policy.time_shift.enabled
    assert set(files.profiles.regions) == {"eu-west-2"}
    assert set(files.documents) == {*DOCUMENTS, *OTHERS}


def test_a_region_of_the_profiles_may_be_preferred(tmp_path: Path):
    files = read_policy(
        written(
            tmp_path,
            region_profiles="regions: {cellar: {zone: SE-SE3}}\n",
            workload_policies="classes: {training: {preferred_regions: [cellar]}}\n",
        )
    )

    assert files.policy.classes["training"].preferred_regions == ("cellar",)
    assert "cellar" in files.catalog


def test_a_budget_may_exempt_a_class_of_the_policy_alone(tmp_path: Path):
    budgets = "services: {orders: {monthly_kg: 10, exempt_classes: [training]}}\n"
    written(tmp_path, carbon_budgets=budgets)

    assert refusal(tmp_path).startswith("carbon-budgets.yaml:1: ")

    written(tmp_path, workload_policies="classes: {training: {}}\n")
    assert read_policy(tmp_path).policy.budgets["orders"].exempt_classes == {"training"}


def test_a_version_is_a_short_hash(tmp_path: Path):
    found = version(tmp_path, workload_policies="classes: {training: {threshold: 100}}\n")

    assert re.fullmatch(r"sha256:[0-9a-f]{12}", found)


def test_the_version_does_not_depend_on_how_it_is_written(tmp_path: Path):
    tidy = version(
        tmp_path / "tidy",
        workload_policies=(
            "classes:\n  a: {threshold: 400, max_delay: 1h}\n  b: {curve: '100:1,200:0'}\n"
        ),
        region_profiles="regions: {eu-west-2: {signal: marginal}, eu-west-1: {factors: direct}}\n",
    )
    other = version(
        tmp_path / "other",
        workload_policies=(
            "# classes\nclasses:\n  b:\n    curve: [[100.0, 1], [200, 0]]\n"
            "  a:\n    max_delay: 60\n    threshold: moderate # 400\n"
        ),
        region_profiles=(
            "regions:\n  eu-west-1:\n    factors: direct\n  eu-west-2:\n    signal: marginal\n"
        ),
        carbon_thresholds="# as built in\n",
    )

    assert tidy == other


def test_the_order_in_which_windows_are_listed_is_not_part_of_the_version(tmp_path: Path):
    night = "{name: night, hours: '22:00-06:00', effect: forbid}"
    noon = "{name: noon, hours: '11:00-13:00', effect: prefer}"

    forth = version(tmp_path / "forth", time_shift_policies=f"windows: [{night}, {noon}]\n")
    back = version(tmp_path / "back", time_shift_policies=f"windows: [{noon}, {night}]\n")

    assert forth == back != "built-in"


def test_who_writes_down_what_is_built_in_has_the_built_in_policy(tmp_path: Path):
    text = "classes: {deferrable: {threshold: 250, max_delay: 720}}\n"

    assert version(tmp_path, workload_policies=text) == "built-in"


def test_backlogs_and_sources_do_not_enter_the_version(tmp_path: Path):
    assert version(tmp_path, backlogs="backlogs: {}\n", sources="sources: {}\n") == "built-in"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("workload-policies.yaml", "classes: {standard: {lead: 61s}}"),
        ("workload-policies.yaml", "classes: {standard: {preferred_regions: [eu-west-1]}}"),
        ("workload-policies.yaml", "classes: {another: {}}"),
        ("scheduler-config.yaml", "enabled: false"),
        ("scheduler-config.yaml", "defaults: {when_blind: closed}"),
        ("scheduler-config.yaml", "weights: {carbon: 0.9, cost: 0.1}"),
        ("carbon-thresholds.yaml", "classification: [{name: any}]"),
        ("region-profiles.yaml", "regions: {eu-west-2: {signal: marginal}}"),
        ("region-profiles.yaml", "regions: {cellar: {zone: SE-SE3}}"),
        ("region-profiles.yaml", "regions: {eu-west-2: {cost_multiplier: 1.5}}"),
        ("region-profiles.yaml", "regions: {eu-west-2: {clean_hours: '10:00-14:00'}}"),
        ("time-shift-policies.yaml", "enabled: false"),
        ("carbon-budgets.yaml", "services: {orders: {monthly_kg: 10}}"),
        ("gdpr-residency-overrides.yaml", "tenants: {acme: {level: GLOBAL}}"),
        ("gdpr-residency-overrides.yaml", "tenants: {acme: {level: GLOBAL, namespaces: [a, b]}}"),
        ("gdpr-residency-overrides.yaml", "tenants: {acme: {level: EU_STRICT}}"),
    ],
)
def test_whatever_is_said_in_a_document_enters_the_version(tmp_path: Path, name: str, text: str):
    before = read_policy(written(tmp_path)).policy.version
    (tmp_path / name).write_text(text)

    assert read_policy(tmp_path).policy.version != before


def test_what_the_authors_of_documents_should_know_is_told(tmp_path: Path):
    written(tmp_path, region_profiles="regions: {eu-west-2: {zone: XX-NONSENSE}}\n")

    assert any("region-profiles.yaml: regions.eu-west-2" in text for text in warned(tmp_path))


def warned(directory: Path) -> tuple[str, ...]:
    return read_policy(directory).warnings


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"x" * 10_000_000, " is larger than 1,000,000 bytes"),
        (b"#" * (MOST_BYTES + 1), " is larger than 1,000,000 bytes"),
        (b"\x7fELF\x02\x01\x01\x00\xf0\x9f", "1: is not text in UTF-8; save it as that"),
        (b"a: \x00\n", "1: holds an unprintable character; save it as plain text in UTF-8"),
        (b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "2: aliases (*name) are not read"),
        (b"\ta: 1\n", "1: a tab stands where YAML wants spaces; indent with spaces"),
        (b"a: !!python/object:os.system x\n", "1: tags (!name) are not read"),
        (b"[" * 50_000, "1: is nested too deeply to be read"),
        (b'a: 1\n"\\ud800": 1\n', "2: a key must be plain text"),
        (b"{a: 1}\n---\n{b: 1}\n", "2: a second document begins here; keep one, without ---"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused(
    tmp_path: Path, name: str, content: bytes, says: str
):
    (tmp_path / name).write_bytes(content)

    assert refusal(tmp_path).startswith(f"{name}:{says}")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_key_that_is_written_twice_is_refused(tmp_path: Path, name: str):
    key = DOCUMENTS[name].partition(":")[0]
    (tmp_path / name).write_text(DOCUMENTS[name] + f"{key}:\n")

    assert f'the key "{key}" occurs twice; keep one' in refusal(tmp_path)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_may_not_be_read_is_refused(tmp_path: Path, name: str):
    (tmp_path / name).mkdir()

    assert refusal(tmp_path) == f"{name}: is not a file that can be read"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_breaks_off_while_it_is_read_is_refused(tmp_path: Path, name: str):
    (tmp_path / name).symlink_to("/proc/self/mem")

    assert refusal(tmp_path) == f"{name}: cannot be read: Input/output error"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_wherever_a_document_is_cut_it_is_read_or_refused_by_name(tmp_path: Path, name: str):
    for other, content in DOCUMENTS.items():
        (tmp_path / other).write_text(content)
    refused: set[str] = set()

    for end in range(len(DOCUMENTS[name])):
        (tmp_path / name).write_text(DOCUMENTS[name][:end])
        try:
            read_policy(tmp_path)
        except PolicyFileError as error:
            refused.add(error.file.name)

    # Another document may miss the band that is cut off.
    assert name in refused
    assert refused <= {name, "workload-policies.yaml"}


@pytest.mark.parametrize(
    ("name", "cut", "says"),
    [
        ("workload-policies.yaml", "threshold: gree", '3: classes.training.threshold: "gree" is no band'),
        ("workload-policies.yaml", "max_delay:", '4: classes.training.max_delay: "" is not allowed'),
        ("workload-policies.yaml", "max_del", "4: is not YAML: "),
        ("workload-policies.yaml", "training:", "2: classes.training: is not a mapping of keys"),
        ("carbon-thresholds.yaml", "below: 150}", '2: bands.0: "green" is the last band: leave out its `below`'),
        ("carbon-thresholds.yaml", "below: 15", "2: is not YAML: "),
        ("scheduler-config.yaml", "lead:", '2: defaults.lead: "" is not allowed; a duration'),
        ("scheduler-config.yaml", "carbon: 0.7", "3: is not YAML: "),
    ],
)  # fmt: skip
def test_a_half_written_document_is_refused(tmp_path: Path, name: str, cut: str, says: str):
    for other, content in DOCUMENTS.items():
        (tmp_path / other).write_text(content)
    whole = DOCUMENTS[name]
    (tmp_path / name).write_text(whole[: whole.index(cut) + len(cut)])

    assert f"{name}:{says}" in refusal(tmp_path)
