import pytest

from carbon_scaler.domain.curves import Point, curve_through, curve_up_to, parse_curve

CURVE = parse_curve("150:1,300:0.5,400:0")


@pytest.mark.parametrize(
    ("grams", "level"),
    [
        (0.0, 1.0),
        (150.0, 1.0),
        (225.0, 0.75),
        (300.0, 0.5),
        (350.0, 0.25),
        (400.0, 0.0),
        (900.0, 0.0),
        (float("nan"), 0.0),
    ],
)
def test_the_level_falls_in_straight_lines_between_the_points(grams: float, level: float):
    assert CURVE is not None
    assert CURVE.level_at(grams) == level


def test_beyond_its_ends_a_curve_goes_on_as_it_ends():
    curve = parse_curve("100:0.8,200:0.2")
    assert curve is not None
    assert [curve.level_at(grams) for grams in (0, 99, 201, 5000)] == [0.8, 0.8, 0.2, 0.2]


def test_rounding_lets_no_dirtier_value_count_for_more():
    curve = parse_curve("100:1,200:0.1,300:0")
    assert curve is not None
    assert curve.level_at(200.0) >= 0.1


@pytest.mark.parametrize(
    ("text", "grams"), [("150:1,300:0.5,400:0", 400.0), ("1:1,2:0,3:0", 2.0), ("1:1,2:0.1", None)]
)
def test_a_curve_knows_from_where_on_nothing_runs(text: str, grams: float | None):
    curve = parse_curve(text)
    assert curve is not None
    assert curve.nothing_from == grams


def test_a_curve_is_written_as_it_is_read():
    assert str(CURVE) == "150:1,300:0.5,400:0"
    assert parse_curve(" 150 : 1 , 300:0.50,400:0.0 ") == CURVE


def test_who_states_no_curve_gets_all_up_to_half_of_the_limit_and_nothing_from_it_on():
    assert str(curve_up_to(400.0)) == "200:1,400:0"
    assert curve_up_to(400.0).level_at(300.0) == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "300",
        "300:0.5",
        "300:0.5,300:0.4",
        "300:0.5,200:0.4",
        "200:0.4,300:0.5",
        "200:1.1,300:0",
        "200:1,20000:0",
        "200:-1,300:0",
        "200:1;300:0",
        "200:1,",
        "200:1,300:nan",
        ",".join(f"{grams}:1" for grams in range(21)),
    ],
)
def test_what_is_no_falling_curve_is_none(text: str):
    assert parse_curve(text) is None


def test_twenty_points_are_a_curve():
    points: list[Point] = [(float(grams), 1.0) for grams in range(20)]
    assert curve_through(points) is not None
    assert curve_through([*points, (20.0, 1.0)]) is None
