"""gdpr-residency-overrides.yaml becomes tenants, or one line that says what is wrong."""

from datetime import date
from pathlib import Path

import pytest

from carbon_scaler.config.documents.residency import ResidencyDocument, read_residency
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.yaml_document import PolicyFileError, read_yaml
from carbon_scaler.domain.residency import (
    BUILT_IN_ADEQUACY,
    Enforcement,
    Level,
    Residency,
    Tenant,
)

FILE = "gdpr-residency-overrides.yaml"
TODAY = date(2026, 3, 2)


def read(directory: Path, text: str, today: date | None = TODAY) -> ResidencyDocument:
    (directory / FILE).write_text(text)
    return read_residency(read_yaml(directory / FILE), load_catalog(), today=today)


def refusal(directory: Path, text: str) -> str:
    with pytest.raises(PolicyFileError) as raised:
        read(directory, text)
    return str(raised.value).removeprefix(f"{directory}/{FILE}:")


@pytest.mark.parametrize("text", ["", "# nothing\n", "tenants:\n", "tenants: {}\nadequacy:\n"])
def test_a_document_that_states_nothing_has_no_tenants_and_the_known_decisions(
    tmp_path: Path, text: str
):
    assert read(tmp_path, text) == ResidencyDocument(residency=Residency())


def test_a_tenant_states_its_level_and_the_rest_has_a_default(tmp_path: Path):
    assert read(tmp_path, "tenants: {acme: {level: EU_STRICT}}").residency.tenants == {
        "acme": Tenant(
            name="acme",
            level=Level.EU_STRICT,
            mode=Enforcement.STRICT,
            namespaces=frozenset(),
            primary_region=None,
            allowed_regions=None,
        )
    }


def test_a_tenant_may_state_everything(tmp_path: Path):
    text = """\
tenants:
  acme:
    level: EU_ADEQUATE
    mode: ADVISORY
    namespaces: [acme, acme-batch]
    primary_region: aws:eu-west-2
    allowed_regions: [eu-west-2, gcp:europe-west1]
adequacy:
- {region: aws:eu-west-2, until: 2031-12-27}
"""
    document = read(tmp_path, text)

    assert document.warnings == ()
    assert document.residency == Residency(
        tenants={
            "acme": Tenant(
                name="acme",
                level=Level.EU_ADEQUATE,
                mode=Enforcement.ADVISORY,
                namespaces=frozenset({"acme", "acme-batch"}),
                primary_region="eu-west-2",
                allowed_regions=frozenset({"eu-west-2", "europe-west1"}),
            )
        },
        bound={"acme": "acme", "acme-batch": "acme"},
        adequacy={"eu-west-2": date(2031, 12, 27)},
    )


def test_stated_adequacy_replaces_the_built_in_decisions(tmp_path: Path):
    assert read(tmp_path, "adequacy: []").residency.adequacy == {}
    assert read(tmp_path, "tenants: {}").residency.adequacy == BUILT_IN_ADEQUACY


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "level: eu_strict",
            '3: tenants.acme.level: "eu_strict" is not allowed; did you mean "EU_S',
        ),
        ("level: EU", '3: tenants.acme.level: "EU" is not allowed; one of EU_ADEQUATE, EU_STRICT'),
        ("level:", '3: tenants.acme.level: "" is not allowed; one of EU_STRICT, EU_ADEQUATE'),
        ("mode: strict", '3: tenants.acme.mode: "strict" is not allowed; did you mean "STRICT"?'),
        ("mode: off", '3: tenants.acme.mode: "False" is not allowed; one of STRICT, ADVISORY'),
        ("mode:", '3: tenants.acme.mode: "" is not allowed; one of STRICT, ADVISORY, DISABLED'),
        ("namespaces: []", '3: tenants.acme.namespaces: "a list" is not allowed; a list of the'),
        ("namespaces: [A]", '3: tenants.acme.namespaces.0: "A" is not allowed; a list of the'),
        ("namespaces: acme", '3: tenants.acme.namespaces: "acme" is not allowed; a list of the'),
        (
            "primary_region: eu-central-11",
            '3: tenants.acme.primary_region: "eu-central-11" is not allowed; did you mean "eu-cen',
        ),
        (
            "primary_region: gcp:eu-central-1",
            '3: tenants.acme.primary_region: "gcp:eu-central-1" is not allowed; eu-central-1 is a '
            "region of aws",
        ),
        (
            "primary_region: eu-west-2",
            '3: tenants.acme.primary_region: "eu-west-2" is not allowed; it is not in the EU or '
            'EEA; did you mean "eu-west-3"? one of',
        ),
        (
            "allowed_regions: [moon]",
            '3: tenants.acme.allowed_regions.0: "moon" is not allowed; one of af-south-1',
        ),
        ("allowed_regions: []", '3: tenants.acme.allowed_regions: "a list" is not allowed; a list'),
        ("tenant_id: a", "3: tenants.acme.tenant_id: unknown key; one of allowed_regions, level"),
    ],
)
def test_a_refusal_names_file_line_and_what_would_be_right(tmp_path: Path, lines: str, said: str):
    needed = "" if lines.startswith("level") else "    level: EU_STRICT\n"

    assert refusal(tmp_path, f"tenants:\n  acme:\n    {lines}\n{needed}").startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tenants: {acme: {}}", "1: tenants.acme.level: is missing; one of EU_STRICT, EU_ADEQUATE"),
        ("tenants: {acme: }", '1: tenants.acme: "" is not allowed; a mapping of NAME'),
        ("tenants: {a b: {level: GLOBAL}}", '1: tenants: "a b" is not a name of letters'),
        ("tenants: [acme]", '1: tenants: "a list" is not allowed; a mapping of NAME'),
        ("tenant: {}", '1: tenant: unknown key; did you mean "tenants"? one of adequacy, tenants'),
        ("acme", " is not a mapping; begin it with tenants: or adequacy:"),
        (
            "tenants: {acme: {level: SINGLE_REGION}}",
            "1: tenants.acme.primary_region: is missing; SINGLE_REGION needs its region",
        ),
    ],
)
def test_a_document_of_another_shape_is_refused(tmp_path: Path, text: str, said: str):
    assert refusal(tmp_path, text).startswith(said)


def test_a_primary_outside_the_list_is_refused_with_what_the_list_leaves(tmp_path: Path):
    text = """\
tenants:
  acme:
    level: EU_STRICT
    primary_region: eu-central-1
    allowed_regions: [eu-west-1, us-east-1]
"""

    assert refusal(tmp_path, text) == (
        '4: tenants.acme.primary_region: "eu-central-1" is not allowed; it is not among the '
        "tenant's allowed_regions; one of eu-west-1"
    )


@pytest.mark.parametrize(
    ("level", "primary"),
    [
        ("EU_STRICT", "eu-south-2"),
        ("EU_ADEQUATE", "eu-west-2"),
        ("US_ONLY", "us-west-2"),
        ("GLOBAL", "ap-east-1"),
        ("SINGLE_REGION", "ap-east-1"),
    ],
)
def test_a_primary_inside_its_level_is_taken(tmp_path: Path, level: str, primary: str):
    text = f"tenants: {{acme: {{level: {level}, primary_region: {primary}}}}}"

    assert read(tmp_path, text).residency.tenants["acme"].primary_region == primary


def test_what_the_level_denies_stays_denied_when_it_is_listed(tmp_path: Path):
    text = "tenants: {acme: {level: US_ONLY, allowed_regions: [us-east-1, eu-west-1]}}"

    assert read(tmp_path, text).warnings == (
        f"{FILE}: tenants.acme.allowed_regions: eu-west-1 stays denied: it is not in the US",
    )


def test_a_namespace_belongs_to_one_tenant(tmp_path: Path):
    text = """\
tenants:
  acme: {level: GLOBAL, namespaces: [batch]}
  other:
    level: GLOBAL
    namespaces: [web, batch]
"""

    assert refusal(tmp_path, text) == (
        '5: tenants.other.namespaces: "batch" is not allowed; it is bound to tenant acme; a '
        "namespace belongs to one tenant"
    )


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{region: eu-west-1, until: 2030-01-01}", 'region: "eu-west-1" is not allowed; its class'),
        ("{region: ap-east-1, until: 2030-01-01}", 'region: "ap-east-1" is not allowed; its class'),
        ("{region: eu-wset-2, until: 2030-01-01}", 'region: "eu-wset-2" is not allowed; did you'),
        ("{region: eu-west-2, until: 2030-02-30}", 'until: "2030-02-30" is not allowed; a date'),
        ("{region: eu-west-2, until: 20300101}", 'until: "20300101" is not allowed; a date like'),
        ("{region: eu-west-2}", "until: is missing; a date like 2031-12-27"),
        ("{until: 2030-01-01}", "region: is missing; a cloud region like eu-west-2"),
    ],
)
def test_an_adequacy_entry_that_can_not_be_is_refused(tmp_path: Path, entry: str, said: str):
    assert refusal(tmp_path, f"adequacy:\n- {entry}\n").startswith(f"2: adequacy.0.{said}")


def test_a_region_has_one_adequacy_entry(tmp_path: Path):
    entries = "adequacy:\n" + 2 * "- {region: uksouth, until: 2030-01-01}\n"

    assert refusal(tmp_path, entries) == (
        '3: adequacy.1.region: "uksouth" is not allowed; it is listed twice; keep one'
    )


@pytest.mark.parametrize(
    ("today", "ended"), [(date(2030, 1, 1), True), (date(2029, 12, 31), False)]
)
def test_an_entry_that_has_ended_is_warned_of_from_its_date_on(
    tmp_path: Path, today: date, ended: bool
):
    document = read(tmp_path, "adequacy: [{region: uksouth, until: 2030-01-01}]", today)

    said = f"{FILE}: adequacy: the entry of uksouth ended on 2030-01-01; EU_ADEQUATE denies it"
    assert document.warnings == ((said,) if ended else ())
    assert document.residency.adequacy == {"uksouth": date(2030, 1, 1)}


def test_built_in_entries_that_have_ended_concern_only_whoever_relies_on_them(tmp_path: Path):
    late = date(2040, 1, 1)

    assert read(tmp_path, "tenants: {acme: {level: EU_STRICT}}", late).warnings == ()
    assert len(read(tmp_path, "tenants: {acme: {level: EU_ADEQUATE}}", late).warnings) == len(
        BUILT_IN_ADEQUACY
    )


def test_the_present_day_is_asked_where_none_is_given(tmp_path: Path):
    text = "adequacy: [{region: uksouth, until: 2001-01-01}, {region: ukwest, until: 9999-12-31}]"

    (warning,) = read(tmp_path, text, today=None).warnings
    assert "the entry of uksouth ended" in warning


def test_a_tenant_whose_primarys_entry_has_ended_is_read_all_the_same(tmp_path: Path):
    """Whether it may run there is judged at each decision."""
    text = """\
tenants: {acme: {level: EU_ADEQUATE, primary_region: uksouth}}
adequacy: [{region: uksouth, until: 2020-01-01}]
"""

    assert read(tmp_path, text).residency.tenants["acme"].primary_region == "uksouth"


def test_a_thousand_tenants_are_read(tmp_path: Path):
    text = "tenants:\n" + "".join(
        f"  t{index}: {{level: EU_ADEQUATE, namespaces: [n{index}], primary_region: eu-west-2}}\n"
        for index in range(1000)
    )

    residency = read(tmp_path, text).residency
    assert len(residency.tenants) == 1000
    assert residency.bound["n999"] == "t999"
