"""JSON pointers as RFC 6901 has them."""

import pytest

from carbon_scaler.providers.custom.json_pointer import NothingThereError, resolve
from carbon_scaler.providers.fields import FieldError

# The document of the RFC's section 5.
DOCUMENT = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
    "~1": 9,
    "none": None,
}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/foo/1", "baz"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
        ("/~01", 9),
        ("/none", None),
    ],
)
def test_a_pointer_leads_to_its_value(pointer: str, value: object):
    assert resolve(DOCUMENT, pointer) == value


@pytest.mark.parametrize(
    "pointer", ["/bar", "/foo/2", "/foo/-", "/foo/01", "/foo/-1", "/foo/x", "/foo/0/1", "/none/x"]
)
def test_a_pointer_to_nothing_says_so(pointer: str):
    with pytest.raises(NothingThereError, match=f"nothing is at {pointer} "):
        resolve(DOCUMENT, pointer)


def test_what_does_not_begin_with_a_slash_is_no_pointer():
    with pytest.raises(FieldError, match="'foo' is no JSON pointer; begin it with /"):
        resolve(DOCUMENT, "foo")
