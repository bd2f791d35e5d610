import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.application.grid_sources import ErrorKind
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Factors, RenewableShare
from carbon_scaler.providers.answers import Answer
from carbon_scaler.providers.electricity_maps.answers import (
    Asked,
    UnusableAnswerError,
    parse_observations,
    parse_zones,
    refusal,
)
from carbon_scaler.providers.electricity_maps.mix import KINDS, parse_mix, shares
from carbon_scaler.providers.electricity_maps.requests import LONGEST_PAST, Edition
from carbon_scaler.providers.fields import FieldError
from carbon_scaler.providers.windows import windows

NOON = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
ASKED = Asked(zone="DE", factors=Factors.LIFECYCLE)
MIX_ASKED = Asked(zone="DE", factors=None)


def refused(status: int, body: object, content_type: str = "application/json") -> Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(status=status, text=text, content_type=content_type)


def mix_of(production: dict[str, Any], **stated: Any) -> dict[str, Any]:
    return {"zone": "DE", "datetime": "2026-10-01T12:00:00Z", "mix": production, **stated}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": "Invalid auth-token"}, ErrorKind.KEY),
        (401, "", ErrorKind.KEY),
        (401, {"message": "You do not have access to this specific endpoint"}, ErrorKind.PLAN),
        (401, {"error": "Request unauthorized for zoneKey=DE,requestType=past"}, ErrorKind.PLAN),
        (401, {"error": "Token unauthorized for zoneKey"}, ErrorKind.PLAN),
        (401, "Endpoint not available", ErrorKind.PLAN),
        (400, {"error": "Zone does not exist"}, ErrorKind.ZONE),
        (400, {"status": "error", "message": "Invalid horizonHours"}, ErrorKind.PLAN),
        (404, {"error": 'No recent data for zone "US-MIDW-MISO"'}, ErrorKind.NO_DATA),
        (400, {"error": 'No recent data for zone "US-MIDW-MISO"'}, ErrorKind.NO_DATA),
    ],
)
def test_a_refusals_words_tell_its_kind(status: int, body: object, kind: ErrorKind):
    found = refusal(refused(status, body))

    assert found is not None
    assert found[0] is kind


@pytest.mark.parametrize(
    "answer",
    [
        refused(500, {"error": "oops"}),
        refused(403, {"error": "no"}),
        refused(401, "<html>do not have access", "text/html"),
    ],
)
def test_where_its_words_say_nothing_the_status_does(answer: Answer):
    assert refusal(answer) is None


def test_what_it_says_is_quoted_in_one_short_printable_line():
    found = refusal(refused(401, {"error": "bad\n\x1b[31mtoken " + "x" * 1000}))

    assert found is not None
    assert found[1].isprintable()
    assert "(it says: bad [31mtoken xxx" in found[1]
    assert len(found[1]) < 300


def test_a_refusal_that_says_nothing_is_not_quoted():
    assert refusal(refused(401, {"error": 7})) == (
        ErrorKind.KEY,
        "the token is refused; check ELECTRICITY_MAPS_API_KEY",
    )


@pytest.mark.parametrize(
    ("version", "path", "query"),
    [
        ("v4", "/v4/electricity-mix/latest", {"breakdownType": "normal"}),
        ("v3", "/v3/power-breakdown/latest", {}),
    ],
)
def test_the_mix_has_another_path_in_each_version(
    version: Literal["v4", "v3"], path: str, query: dict[str, str]
):
    request = Edition(version=version).mix("DE")

    assert request.path == path
    assert request.query == {"zone": "DE", "disableCallerLookup": "true"} | query


def test_the_older_version_is_asked_for_no_horizon():
    assert Edition(version="v3").horizons == (None,)
    assert "horizonHours" not in Edition(version="v3").forecast("DE", None).query


@given(hours=st.integers(min_value=0, max_value=2000))
def test_chunks_cover_a_range_once_and_none_is_too_long(hours: int):
    until = NOON + timedelta(hours=hours)
    found = list(windows(NOON, until, longest=LONGEST_PAST))

    assert sum((end - start for start, end in found), timedelta(0)) == until - NOON
    assert all(start < end <= start + timedelta(days=10) for start, end in found)
    assert all(end == start for (_, end), (start, _) in pairwise(found))


def test_rows_may_name_the_zone_in_place_of_the_answer():
    row = {"zone": "DE", "carbonIntensity": 3, "datetime": "2026-10-01T12:00:00Z"}

    [found] = parse_observations({"data": [row]}, ASKED)
    assert found.grams_per_kwh == 3

    with pytest.raises(UnusableAnswerError, match="'FR' when asked for DE"):
        parse_observations({"data": [row, row | {"zone": "FR"}]}, ASKED)


def test_a_disclaimer_alone_tells_a_sandbox():
    row = {"zone": "DE", "carbonIntensity": 3, "datetime": "2026-10-01T12:00:00Z"}

    with pytest.raises(UnusableAnswerError) as caught:
        parse_observations(row | {"_disclaimer": "SANDBOX MODE - not real"}, ASKED)
    assert caught.value.kind is ErrorKind.SANDBOX


@given(
    document=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["zone", "data", "history", "mix", "datetime", "carbonIntensity", "isEstimated"]
                ),
                inner
                | st.sampled_from(["DE", "2026-10-01T12:00:00Z", "2026-10-01T12:00Z", 302, None]),
                max_size=6,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_is_answered_is_read_or_refused(document: object):
    try:
        found = parse_observations(document, ASKED)
    except CarbonScalerError:
        found = ()
    assert all(each.zone == "DE" and each.grams_per_kwh >= 0 for each in found)
    try:
        parse_mix(document, MIX_ASKED)
        parse_zones(document)
    except CarbonScalerError:
        return


@pytest.mark.parametrize("document", [[], {"DE": []}, {"DE": {"access": 3}}])
def test_zones_that_are_none_are_refused(document: object):
    with pytest.raises(FieldError):
        parse_zones(document)


def test_access_is_a_list_or_a_star():
    document = {
        "DE": {"access": "*"},
        "FR": {"access": ["carbon-intensity/latest"]},
        "IT": {"access": ["v3/carbon-intensity/latest"]},
        "ES": {"access": []},
        "PT": {},
    }

    assert parse_zones(document) == {"DE", "FR", "IT"}


@given(
    production=st.dictionaries(
        st.sampled_from([*KINDS, "hydro discharge", "battery storage"]),
        st.none() | st.floats(min_value=-100, max_value=1e5),
    )
)
def test_shares_sum_to_a_hundred_or_there_are_none(production: dict[str, float | None]):
    found = shares(production)

    assert not found or sum(found.values()) == pytest.approx(100, abs=0.1)
    assert all(share >= 0 for share in found.values())


def test_storage_flows_nulls_and_negatives_are_no_sources():
    found = parse_mix(
        mix_of(
            {
                "wind": 30,
                "gas": 10,
                "solar": -0.4,
                "nuclear": None,
                "hydro storage": {"charge": 5, "discharge": 50},
                "hydro discharge": 50,
                "flows": {"imports": 70},
            }
        ),
        MIX_ASKED,
    )

    assert found is not None
    assert found.mix == {"wind": 75, "gas": 25}
    assert found.renewable == RenewableShare(at_least=75, at_most=75)


def test_what_is_of_unknown_kind_may_be_renewable_or_not():
    found = parse_mix(mix_of({"wind": 60, "coal": 30, "unknown": 10}), MIX_ASKED)

    assert found is not None
    assert found.renewable == RenewableShare(at_least=60, at_most=70)
    assert found.renewable.known is None


@pytest.mark.parametrize(
    ("stated", "remarks"),
    [
        (61, ()),
        (65, ()),
        (75, ()),
        (54, ("renewable share: 54 % stated, 60.0 % of known production",)),
        (76, ("renewable share: 76 % stated, 60.0 % of known production",)),
    ],
)
def test_a_stated_share_counts_and_a_large_difference_is_remarked(
    stated: float, remarks: tuple[str, ...]
):
    document = mix_of({"wind": 60, "coal": 30, "unknown": 10}, renewablePercentage=stated)
    found = parse_mix(document, MIX_ASKED)

    assert found is not None
    assert found.renewable.known == stated
    assert found.remarks == remarks


@pytest.mark.parametrize("production", [{}, {"wind": None}, {"wind": 0, "gas": 0}, {"gas": -3}])
def test_without_known_production_there_is_no_mix(production: dict[str, Any]):
    assert parse_mix(mix_of(production), MIX_ASKED) is None


@pytest.mark.parametrize(
    "document",
    [
        {"zone": "DE", "datetime": "2026-10-01T12:00:00Z"},
        mix_of({"wind": "30"}),
        mix_of({"wind": 30}, renewablePercentage=130),
        {"zone": "DE", "data": [{"mix": {"wind": 3}}]},
    ],
)
def test_a_mix_that_is_not_as_documented_is_refused(document: object):
    with pytest.raises(FieldError):
        parse_mix(document, MIX_ASKED)
