"""What an operator asks for is refused with all that is wrong with it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from carbon_scaler.application.override_request import (
    LONGEST_OVERRIDE,
    OverrideRefusedError,
    OverrideRequest,
    check_request,
)
from carbon_scaler.domain.override import OverrideAction
from tests.builders import HOUR, NOW, SECOND

REQUEST = OverrideRequest(
    action=OverrideAction.HOLD,
    until=NOW + HOUR,
    reason="ledger is being moved",
    by="maria",
    region="us-west-1",
)


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"until": NOW + SECOND},
        {"until": NOW + LONGEST_OVERRIDE},
        {"region": None, "workload_class": "deferrable"},
        {"region": None, "scaled_object": ("batch", "embeddings")},
        {"reason": "x" * 500},
    ],
)
def test_what_is_in_order_is_not_refused(stated: dict[str, Any]):
    check_request(replace(REQUEST, **stated), NOW)


@pytest.mark.parametrize(
    ("stated", "complaint"),
    [
        ({"region": None}, "it is about nothing; name exactly one of --object"),
        ({"workload_class": "urgent"}, "it is about 2 subjects; name exactly one"),
        ({"region": " "}, "its subject is empty; name exactly one"),
        ({"region": None, "scaled_object": ("batch", "")}, "its subject is empty"),
        ({"until": NOW}, "it would end at 2026-03-02T12:00:00Z, which is past; choose a later"),
        (
            {"until": NOW + LONGEST_OVERRIDE + SECOND},
            "at most 90 days ahead are allowed (2026-05-31T12:00:00Z)",
        ),
        ({"reason": " "}, "--reason is empty; say why"),
        ({"reason": "two\nlines"}, "--reason must be one line of at most 500 printable"),
        ({"reason": "x" * 501}, "--reason must be one line of at most 500 printable"),
        ({"by": ""}, "--by is empty; say who"),
    ],
)
def test_each_mistake_is_named_with_what_would_be_right(stated: dict[str, Any], complaint: str):
    with pytest.raises(OverrideRefusedError) as refused:
        check_request(replace(REQUEST, **stated), NOW)

    assert complaint in str(refused.value)


def test_all_mistakes_are_named_at_once():
    request = replace(REQUEST, region=None, until=NOW - timedelta(days=1), reason="", by="")

    with pytest.raises(OverrideRefusedError) as refused:
        check_request(request, NOW)

    assert str(refused.value).count("; ") == 7
