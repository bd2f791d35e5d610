"""A recorded year, replayed as if it happened now."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from carbon_scaler.application.grid_sources import SourceError
from carbon_scaler.domain.intensity import Basis, Kind
from carbon_scaler.domain.observation import Observation
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.providers.replay import file as replay_file
from carbon_scaler.providers.replay.file import (
    ReplayFileError,
    parse_replay,
    read_replay_file,
    shipped_year,
)
from carbon_scaler.providers.replay.hours import ReplayYear, hour_of_year
from carbon_scaler.providers.replay.slots import ReplaySpeedError, Slots
from carbon_scaler.providers.replay.source import HISTORY_SLOTS, ReplaySource

HEADER = "started_at,us-east-1,us-west-1,us-west-1.renewable_percent\n"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def year_of(*rows: str, header: str = HEADER) -> ReplayYear:
    return parse_replay(header + "\n".join(rows) + "\n", name="year.csv")


def whole_year(year: int) -> ReplayYear:
    """Every value is its hour's number in that year."""
    first = datetime(year, 1, 1, tzinfo=UTC)
    hours = (datetime(year + 1, 1, 1, tzinfo=UTC) - first) // timedelta(hours=1)
    rows = [f"{(first + timedelta(hours=n)).isoformat()},{n}" for n in range(hours)]
    return year_of(*rows, header="started_at,us-east-1\n")


def value(year: ReplayYear, region: str, at: str) -> float | None:
    grams = year.regions[region].grams_per_kwh[hour_of_year(datetime.fromisoformat(at))]
    return None if isnan(grams) else grams


def share(year: ReplayYear, region: str, at: str) -> float | None:
    percent = year.regions[region].renewable_percent[hour_of_year(datetime.fromisoformat(at))]
    return None if isnan(percent) else percent


def refusal(text: str) -> ReplayFileError:
    with pytest.raises(ReplayFileError) as caught:
        parse_replay(text, name="year.csv")
    assert "\n" not in str(caught.value)
    return caught.value


async def latest_grams(
    source: ReplaySource, now: datetime, zone: str = "us-east-1"
) -> float | None:
    values = await source.latest(zone, now)
    return values[0].grams_per_kwh if values else None


async def whole_history(
    source: ReplaySource, now: datetime, zone: str = "us-east-1"
) -> Sequence[Observation]:
    return await source.history(zone, now - source.traits.history_reach, now)


# --- the file -------------------------------------------------------------------------------


def test_a_file_gives_each_hour_its_values():
    year = year_of("2022-01-01T00:00Z,398.5,274.1,41.2", "2022-01-01T01:00Z,399,275,40")
    assert tuple(year.regions) == ("us-east-1", "us-west-1")
    assert value(year, "us-east-1", "2022-01-01T00:00Z") == 398.5
    assert value(year, "us-west-1", "2022-01-01T01:00Z") == 275.0
    assert share(year, "us-west-1", "2022-01-01T01:00Z") == 40.0
    assert share(year, "us-east-1", "2022-01-01T01:00Z") is None


def test_an_instant_may_have_any_offset():
    year = year_of("2022-01-01T00:00:00+02:00,1,,")
    assert value(year, "us-east-1", "2021-12-31T22:00Z") == 1.0


def test_an_empty_cell_and_a_missing_row_are_missing_data():
    year = year_of("2022-01-01T00:00Z,1, ,", "2022-01-01T02:00Z,3,4,")
    assert value(year, "us-west-1", "2022-01-01T00:00Z") is None
    assert value(year, "us-east-1", "2022-01-01T01:00Z") is None
    assert share(year, "us-west-1", "2022-01-01T02:00Z") is None


def test_several_rows_in_one_hour_are_averaged_over_those_with_a_value():
    year = year_of(
        "2022-01-01T00:00Z,100,1,",
        "2022-01-01T00:15Z,200,,10",
        "2022-01-01T00:30Z,600,2,20",
    )
    assert value(year, "us-east-1", "2022-01-01T00:00Z") == 300.0
    assert value(year, "us-west-1", "2022-01-01T00:00Z") == 1.5
    assert share(year, "us-west-1", "2022-01-01T00:00Z") == 15.0


def test_only_the_first_year_counts_and_later_rows_fill_no_gap_of_it():
    year = year_of(
        "2023-07-01T00:00Z,4,,",
        "2022-07-01T00:00Z,1,,",
        "2022-07-01T02:00Z,2,,",
        "2023-06-30T23:00Z,3,,",
        "2023-07-01T01:00Z,5,,",
    )
    assert value(year, "us-east-1", "2022-07-01T00:00Z") == 1.0
    assert value(year, "us-east-1", "2022-07-01T01:00Z") is None
    assert value(year, "us-east-1", "2022-06-30T23:00Z") == 3.0


def test_a_first_year_may_begin_on_29_february():
    year = year_of("2024-02-29T00:00Z,1,,", "2025-02-28T00:00Z,2,,", "2025-03-01T00:00Z,3,,")
    assert value(year, "us-east-1", "2024-02-29T00:00Z") == 1.0
    assert value(year, "us-east-1", "2024-02-28T00:00Z") == 2.0
    assert value(year, "us-east-1", "2024-03-01T00:00Z") is None


def test_29_february_has_the_values_of_the_28th_where_the_year_has_none():
    year = whole_year(2022)
    assert value(year, "us-east-1", "2024-02-29T07:00Z") == 58 * 24 + 7
    assert value(year, "us-east-1", "2024-03-01T00:00Z") == 59 * 24


def test_29_february_has_its_own_values_in_a_leap_year_and_its_gaps_stay_gaps():
    assert value(whole_year(2024), "us-east-1", "2024-02-29T07:00Z") == 59 * 24 + 7
    year = year_of("2024-02-28T00:00Z,1,,", "2024-02-29T01:00Z,2,,")
    assert value(year, "us-east-1", "2024-02-29T00:00Z") is None


def test_absurd_but_finite_values_are_taken_as_they_are():
    year = year_of("2022-01-01T00:00Z,-5,0,", "2022-01-01T01:00Z,5000,-999999.9999,0")
    assert value(year, "us-east-1", "2022-01-01T00:00Z") == -5.0
    assert value(year, "us-west-1", "2022-01-01T00:00Z") == 0.0
    assert value(year, "us-east-1", "2022-01-01T01:00Z") == 5000.0


def test_a_providers_prefix_blank_lines_quotes_and_windows_line_ends_are_read():
    text = 'at, gcp:europe-west1 \r\n\r\n"2022-01-01T00:00Z", 1.5 \r\n  \r\n'
    assert value(parse_replay(text, name="x"), "europe-west1", "2022-01-01T00:00Z") == 1.5


REFUSED = {
    "empty": ("", (None, None, None), "is empty"),
    "blank": ("\n \n", (None, None, None), "is empty"),
    "header only": (HEADER, (None, None, None), "no rows"),
    "no header": ("2022-01-01T00:00Z,1\n", (1, None, None), "names of the columns are missing"),
    "no region": ("started_at\n2022-01-01T00:00Z\n", (1, None, None), "no column of a region"),
    "semicolons": ("at;us-east-1\n2022-01-01T00:00Z;1\n", (1, None, None), "no column of a region"),
    "nameless column": ("at,\n2022-01-01T00:00Z,1\n", (1, "", None), "named after its region"),
    "odd name": ("at,us east\n2022-01-01T00:00Z,1\n", (1, "us east", None), "like us-east-1"),
    "duplicate column": ("at,a,b,a\n", (1, "a", None), "is there twice"),
    "duplicate by prefix": ("at,a,aws:a\n", (1, "aws:a", None), "is there twice"),
    "share alone": ("at,b,a.renewable_percent\n", (1, "a.renewable_percent", None), "no column a"),
    "typed share": ("at,a,a.renewable_pct\n", (1, "a.renewable_pct", None), "did you mean"),
    "naive": ("at,a\n2022-01-01T00:00,1\n", (2, "at", "2022-01-01T00:00"), "offset"),
    "date only": ("at,a\n2022-01-01,1\n", (2, "at", "2022-01-01"), "offset"),
    "no time": ("at,a\nyesterday,1\n", (2, "at", "yesterday"), "2022-01-01T00:00Z"),
    "empty time": ("at,a\n,1\n", (2, "at", ""), "offset"),
    "before time": (
        "at,a\n0001-01-01T00:00+14:00,1\n",
        (2, "at", "0001-01-01T00:00+14:00"),
        "1970",
    ),
    "far future": ("at,a\n2201-01-01T00:00Z,1\n", (2, "at", "2201-01-01T00:00Z"), "2200"),
    "duplicate instant": (
        "at,a\n2022-01-01T00:00Z,1\n2022-01-01T01:00+01:00,1\n",
        (3, "at", "2022-01-01T00:00:00+00:00"),
        "line 2 already",
    ),
    "text": ("at,a\n2022-01-01T00:00Z,low\n", (2, "a", "low"), "allowed is a number"),
    "decimal comma": ('at,a\n2022-01-01T00:00Z,"1,5"\n', (2, "a", "1,5"), "allowed is a number"),
    "not a number": ("at,a\n2022-01-01T00:00Z,nan\n", (2, "a", "nan"), "allowed is a number"),
    "infinite": ("at,a\n2022-01-01T00:00Z,-inf\n", (2, "a", "-inf"), "allowed is a number"),
    "overflowing": ("at,a\n2022-01-01T00:00Z,1e400\n", (2, "a", "1e400"), "allowed is a number"),
    "a million": ("at,a\n2022-01-01T00:00Z,1000000\n", (2, "a", "1000000"), "below 1,000,000"),
    "rounds to a million": (
        "at,a\n2022-01-01T00:00Z,999999.99996\n",
        (2, "a", "999999.99996"),
        "below 1,000,000",
    ),
    "underscores": ("at,a\n2022-01-01T00:00Z,1_000\n", (2, "a", "1_000"), "allowed is a number"),
    "other digits": ("at,a\n2022-01-01T00:00Z,١٢\n", (2, "a", "١٢"), "allowed is a number"),
    "percent above": (
        "at,a,a.renewable_percent\n2022-01-01T00:00Z,1,100.1\n",
        (2, "a.renewable_percent", "100.1"),
        "from 0 to 100",
    ),
    "percent below": (
        "at,a,a.renewable_percent\n2022-01-01T00:00Z,1,-1\n",
        (2, "a.renewable_percent", "-1"),
        "from 0 to 100",
    ),
    "short row": ("at,a,b\n2022-01-01T00:00Z,1\n", (2, None, None), "has 2 cells"),
    "long row": ("at,a\n\n2022-01-01T00:00Z,1,2\n", (3, None, None), "has 3 cells"),
    "open quote": ('at,a\n"2022-01-01T00:00Z,1\n', (2, None, None), "is not CSV"),
    "binary": ("at,a\n\0\0\0,1\n", (None, None, None), "is not text"),
    "bad in a later year": (
        "at,a\n2022-01-01T00:00Z,1\n2025-01-01T00:00Z,x\n",
        (3, "a", "x"),
        "allowed is a number",
    ),
}


@pytest.mark.parametrize(("text", "place", "allowed"), REFUSED.values(), ids=REFUSED)
def test_a_bad_file_is_refused_where_it_is_bad(
    text: str, place: tuple[int | None, str | None, str | None], allowed: str
):
    error = refusal(text)
    assert error.file == "year.csv"
    assert (error.line, error.column, error.value) == place
    assert str(error).startswith("year.csv: ")
    assert allowed in str(error)


def test_a_refusal_reads_as_one_clear_line():
    assert str(refusal("at,us-east-1\n2022-01-01T00:00Z,low\n")) == (
        'year.csv: line 2, column "us-east-1": "low": allowed is a number of g/kWh below '
        "1,000,000, like 231.5, or nothing where data are missing"
    )


def test_a_refusal_stays_short_and_printable():
    error = refusal(f'at,a\n2022-01-01T00:00Z,"\n\x1b{"x" * 5000}"\n')
    assert len(str(error)) < 300
    assert str(error).isprintable()


def regions_or_refusal(text: str) -> tuple[str, ...] | str:
    try:
        return tuple(parse_replay(text, name="any").regions)
    except ReplayFileError as error:
        return str(error)


@given(st.text())
def test_any_text_is_read_or_refused_in_one_line(text: str):
    answer = regions_or_refusal(text)
    assert isinstance(answer, tuple) or answer.isprintable()


CELLS = st.one_of(
    st.text(max_size=4),
    st.floats().map(str),
    st.datetimes().map(datetime.isoformat),
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=5))
def test_any_rows_are_read_or_refused_in_one_line(rows: list[list[str]]):
    answer = regions_or_refusal("at,us-east-1\n" + "\n".join(",".join(row) for row in rows))
    assert answer == ("us-east-1",) or (isinstance(answer, str) and answer.isprintable())


def test_a_file_is_read_with_its_byte_order_mark(tmp_path: Path):
    file = tmp_path / "year.csv"
    file.write_bytes(b"\xef\xbb\xbfat,a\n2022-01-01T00:00Z,1\n")
    year = read_replay_file(file)
    assert year.name == str(file)
    assert value(year, "a", "2022-01-01T00:00Z") == 1.0


def test_a_missing_file_is_refused_by_name(tmp_path: Path):
    with pytest.raises(ReplayFileError, match=r"none\.csv: cannot be read \(No such file"):
        read_replay_file(tmp_path / "none.csv")


@pytest.mark.parametrize("path", [Path("/"), Path("a\0b")])
def test_what_cannot_be_opened_is_refused(path: Path):
    with pytest.raises(ReplayFileError, match="cannot be read"):
        read_replay_file(path)


@pytest.mark.parametrize("raw", [b"\x89PNG\r\n\x1a\n\x00", "at,a\n".encode("utf-16")])
def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path, raw: bytes):
    file = tmp_path / "year.csv"
    file.write_bytes(raw)
    with pytest.raises(ReplayFileError, match="save it as CSV in UTF-8"):
        read_replay_file(file)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path):
    file = tmp_path / "year.csv"
    with file.open("wb") as sparse:
        sparse.truncate(replay_file.MOST_BYTES + 1)
    with pytest.raises(ReplayFileError, match="over 50 MB"):
        read_replay_file(file)


# --- the shipped year -----------------------------------------------------------------------


def test_the_shipped_year_is_what_it_says():
    year = shipped_year()
    assert {region: len(have(year, region)) for region in year.regions} == {
        "us-east-1": 8759 + 24,  # 29 February, and the last hour is missing
        "us-west-1": 8760 + 24,
        "eu-central-1": 8759 + 24,
        "eu-west-1": 8759 + 24,
        "eu-west-2": 8759 + 24,
        "eu-south-2": 8760 + 24,
    }
    assert value(year, "us-east-1", "2022-12-31T23:00Z") is None
    assert value(year, "us-west-1", "2022-01-01T00:00Z") == 274.1
    assert share(year, "us-west-1", "2022-01-01T00:00Z") == 41.2
    assert share(year, "eu-south-2", "2022-12-31T23:00Z") == 53.1


@pytest.mark.parametrize(
    ("region", "mean", "low", "high"),
    [
        ("us-east-1", 425.3, 315.0, 538.5),
        ("us-west-1", 261.3, 89.1, 443.6),
        ("eu-central-1", 481.5, 170.0, 765.4),
        ("eu-west-1", 397.2, 117.2, 604.6),
        ("eu-west-2", 234.8, 55.7, 392.2),
        ("eu-south-2", 219.3, 62.6, 404.1),
    ],
)
def test_the_shipped_years_figures_are_those_of_its_origin(
    region: str, mean: float, low: float, high: float
):
    values = have(shipped_year(), region, leap_day=False)
    assert (round(sum(values) / len(values), 1), min(values), max(values)) == (mean, low, high)


def test_the_shipped_year_carries_its_notice():
    notice = Path(replay_file.__file__).parent / "year" / "NOTICE.md"
    words = " ".join(notice.read_text("utf-8").split())
    assert "Contains information from [Electricity Maps]" in words
    assert "Open Database Licence (ODbL) 1.0" in words


def have(year: ReplayYear, region: str, *, leap_day: bool = True) -> list[float]:
    values = list(year.regions[region].grams_per_kwh)
    if not leap_day:
        del values[59 * 24 : 60 * 24]
    return [each for each in values if not isnan(each)]


# --- slots ----------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [0.0, -1.0, 3600.5, float("nan"), float("inf"), 1e-9])
def test_a_speed_outside_the_allowed_is_refused(speed: float):
    with pytest.raises(ReplaySpeedError, match="above 0 to 3600"):
        Slots(speed=speed, started_at=NOW)


def test_at_speed_one_a_slot_is_a_wall_hour():
    slots = Slots(speed=1, started_at=NOW)
    index = slots.index_at(NOW)
    assert slots.start_of(index) == NOW.replace(minute=0, second=0)
    for hours in (-9000, -1, 0, 1, 9000, 50_000):
        assert slots.hour_of_year(index + hours) == hour_of_year(NOW + timedelta(hours=hours))


@given(
    st.floats(0.001, 3600),
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
)
def test_slots_follow_each_other_without_gap_or_overlap(speed: float, now: datetime):
    slots = Slots(speed=speed, started_at=NOW)
    index = slots.index_at(now)
    start, end = slots.start_of(index), slots.start_of(index + 1)
    assert start <= now < end
    assert slots.index_at(start) == index
    assert slots.index_at(end) == index + 1
    assert abs(end - start - slots.length) <= timedelta(microseconds=1)


def test_a_fast_replay_outlives_the_calendar():
    slots = Slots(speed=3600, started_at=NOW)
    after_ten_years = slots.index_at(NOW + timedelta(days=3650))
    assert 0 <= slots.hour_of_year(after_ten_years) < 366 * 24


# --- the source -----------------------------------------------------------------------------


async def test_the_present_slot_replays_the_present_hour_and_the_next_the_one_after():
    source = ReplaySource(year=whole_year(2022), speed=3600, started_at=NOW)
    hour = (31 + 28 + 3) * 24 + 5
    assert await latest_grams(source, NOW) == hour
    assert await latest_grams(source, NOW + timedelta(seconds=1)) == hour + 1
    assert await latest_grams(source, NOW + timedelta(seconds=8760)) == hour


async def test_the_year_is_repeated_without_end_at_wall_speed():
    source = ReplaySource(year=whole_year(2022), speed=1, started_at=NOW)
    for year in (2026, 2027, 2199):
        at = datetime(year, 12, 31, 23, 59, tzinfo=UTC)
        assert await latest_grams(source, at) == 8759
        assert await latest_grams(source, at + timedelta(minutes=1)) == 0


async def test_29_february_replays_the_28th():
    source = ReplaySource(year=whole_year(2022), speed=1, started_at=NOW)
    leap_day = await latest_grams(source, datetime(2028, 2, 29, 7, tzinfo=UTC))
    assert leap_day == await latest_grams(source, datetime(2028, 2, 28, 7, tzinfo=UTC))


async def test_a_value_says_what_it_is_and_lasts_its_slot():
    source = ReplaySource(year=shipped_year(), speed=60, started_at=NOW, regions=["us-west-1"])
    (value,) = await source.latest("us-west-1", NOW)
    assert value.starts_at == value.known_since == NOW.replace(second=0)
    assert (value.zone, value.kind, value.lasts) == (
        "us-west-1",
        Kind.MEASURED,
        timedelta(minutes=1),
    )
    assert value.renewable.known is not None
    assert (source.traits.name, source.traits.basis) == ("replay", Basis())


@pytest.mark.parametrize(("speed", "seconds"), [(1, 3660), (2, 1830), (7.5, 488), (3600, 3)])
def test_a_value_may_decide_until_just_after_the_next_is_due(speed: float, seconds: float):
    source = ReplaySource(year=whole_year(2022), speed=speed, started_at=NOW)
    assert source.traits.usable_for == timedelta(seconds=seconds)


@pytest.mark.parametrize(("speed", "seconds"), [(0.5, 7200), (1, 3600), (60, 60), (3600, 1)])
def test_its_intervals_are_the_slots_and_free(speed: float, seconds: float):
    traits = ReplaySource(year=whole_year(2022), speed=speed, started_at=NOW).traits
    assert traits.step == timedelta(seconds=seconds)
    assert traits.anchor.timestamp() % seconds == 0
    assert timedelta(0) <= NOW - traits.anchor < traits.step
    assert traits.history_reach == HISTORY_SLOTS * traits.step
    assert (traits.calls_per_latest, traits.calls_per_history) == (0, 0)


def test_the_shipped_year_is_attributed_and_a_users_file_is_the_users_own():
    shipped = ReplaySource(year=shipped_year(), speed=1, started_at=NOW).traits
    own = ReplaySource(year=whole_year(2022), speed=1, started_at=NOW).traits
    assert (shipped.licence_class, own.licence_class) == ("attribution", "own")
    assert "Electricity Maps" in shipped.attribution


async def test_a_gap_is_left_out():
    year = year_of("2022-03-04T05:00Z,,274.1,")
    source = ReplaySource(year=year, speed=1, started_at=NOW)
    (value,) = await source.latest("us-west-1", NOW)
    assert value.renewable.known is None
    assert not await source.latest("us-east-1", NOW)
    assert not await source.latest("us-west-1", NOW + timedelta(hours=1))


async def test_only_the_wanted_regions_are_replayed_and_a_missing_one_is_told_once():
    with capture_logs() as logs:
        source = ReplaySource(
            year=shipped_year(), speed=1, started_at=NOW, regions=["aws:eu-west-2", "mars-1"]
        )
        await source.latest("eu-west-2", NOW)
        await source.latest("eu-west-2", NOW)
    assert source.regions == tuple(await source.zones()) == ("eu-west-2",)
    assert source.missing_regions == ("mars-1",)
    assert [(each["event"], each["missing"]) for each in logs] == [
        ("replay.regions_missing", ("mars-1",))
    ]


async def test_it_serves_the_regions_it_has_under_their_own_names():
    source = ReplaySource(year=shipped_year(), speed=1, started_at=NOW, regions=["eu-west-2"])
    assert source.serves(region("eu-west-2"))
    assert not source.serves(region("us-east-1"))
    assert await source.zone_of(region("eu-west-2"), NOW) == "eu-west-2"
    with pytest.raises(SourceError, match=r"has no mars-1; it has .*eu-west-2"):
        await source.zone_of(region("mars-1"), NOW)


async def test_it_expects_nothing():
    source = ReplaySource(year=whole_year(2022), speed=1, started_at=NOW)
    assert source.traits.horizon is None
    assert await source.forecast("us-east-1", NOW) is None


async def test_history_is_the_slots_that_begin_in_the_window():
    source = ReplaySource(year=whole_year(2022), speed=1, started_at=NOW)
    present = NOW.replace(minute=0, second=0)
    hour = timedelta(hours=1)
    values = await source.history("us-east-1", present - 3 * hour, present)
    assert [(each.starts_at, each.grams_per_kwh) for each in values] == [
        (present - n * hour, hour_in_2022(present - n * hour)) for n in (3, 2, 1)
    ]
    in_between = await source.history("us-east-1", present - hour / 2, present + hour / 2)
    assert [each.starts_at for each in in_between] == [present]
    assert not await source.history("us-east-1", present, present)


async def test_the_whole_history_is_the_year_before_the_present_slot():
    source = ReplaySource(year=whole_year(2022), speed=1, started_at=NOW)
    present = NOW.replace(minute=0, second=0)
    values = await whole_history(source, present)
    assert [each.starts_at for each in values] == [
        present - timedelta(hours=HISTORY_SLOTS - n) for n in range(HISTORY_SLOTS)
    ]
    assert all(each.grams_per_kwh == hour_in_2022(each.starts_at) for each in values)


async def test_history_at_speed_is_stamped_with_wall_time_and_goes_back_through_the_year():
    source = ReplaySource(year=whole_year(2022), speed=60, started_at=NOW)
    now = NOW.replace(second=0) + timedelta(minutes=2)
    values = await whole_history(source, now)
    present = hour_in_2022(NOW)
    assert (values[-1].starts_at, values[-1].grams_per_kwh) == (
        now - timedelta(minutes=1),
        present + 1,
    )
    assert (values[0].starts_at, values[0].grams_per_kwh) == (
        now - timedelta(minutes=8760),
        present + 2,
    )


async def test_windows_that_adjoin_leave_nothing_out_and_give_nothing_twice():
    source = ReplaySource(year=whole_year(2022), speed=7, started_at=NOW)
    window = source.traits.history_window
    newer = await source.history("us-east-1", NOW - window, NOW)
    older = await source.history("us-east-1", NOW - 2 * window, NOW - window)
    both = await source.history("us-east-1", NOW - 2 * window, NOW)
    assert [*older, *newer] == both
    assert len(both) == 2 * 8 * 24


async def test_history_lets_others_run_in_between():
    source = ReplaySource(year=shipped_year(), speed=1, started_at=NOW)
    producing = asyncio.ensure_future(whole_history(source, NOW))
    turns = 0
    while not producing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= 8760 / 250


async def test_history_does_not_reach_beyond_the_epoch():
    source = ReplaySource(year=whole_year(2022), speed=0.001, started_at=NOW)
    values = await whole_history(source, NOW)
    assert timedelta(0) <= values[0].starts_at - datetime(1970, 1, 1, tzinfo=UTC)
    assert source.traits.history_reach <= NOW - datetime(1970, 1, 1, tzinfo=UTC)


def region(name: str) -> CloudRegion:
    return CloudRegion(
        name=name, provider="aws", country="XX", zone="X", latitude=0, longitude=0, eu_eea="no"
    )


def hour_in_2022(at: datetime) -> int:
    first = datetime(2022, 1, 1, tzinfo=UTC)
    hour = at.replace(year=2022, minute=0, second=0, microsecond=0)
    return (hour - first) // timedelta(hours=1)
