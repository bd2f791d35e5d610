"""What a zone's source says becomes values of its regions."""

from dataclasses import replace
from datetime import timedelta

from carbon_scaler.application.ingest.feeds import Feed
from carbon_scaler.application.ingest.readings import readings_of
from carbon_scaler.domain.intensity import Basis, Kind
from carbon_scaler.domain.observation import Observation
from carbon_scaler.domain.regions import RegionGrid
from tests.unit.application.ingest_world import HOUR, START, Source, region

VALUE = Observation(
    zone="Z", starts_at=START - HOUR, lasts=HOUR, grams_per_kwh=300.0, kind=Kind.MEASURED
)


def feed_of(plausible: tuple[float, float] | None = None) -> Feed:
    grids = tuple(
        RegionGrid(region=region(name, "Z"), basis=Basis(), chain=("hourly",), plausible=plausible)
        for name in ("a", "b")
    )
    return Feed(source=Source(), zone="Z", offset=timedelta(0), grids=grids)


def test_every_region_of_the_zone_gets_the_value_with_where_it_comes_from():
    readings = list(readings_of(feed_of(), [(VALUE, None)], START))

    assert [reading.region for reading in readings] == ["a", "b"]
    first = readings[0]
    assert (first.grams_per_kwh, first.fetched_at) == (300.0, START)
    assert first.provenance is not None
    assert (first.provenance.provider_zone, first.provenance.licence_class) == ("Z", "open")
    assert first.provenance.flagged is None


def test_a_recorded_value_was_known_when_its_interval_began():
    recorded = replace(VALUE, known_since=VALUE.starts_at)

    readings = list(readings_of(feed_of(), [(recorded, None)], START))

    assert {reading.fetched_at for reading in readings} == {VALUE.starts_at}


def test_a_value_outside_the_regions_stated_range_is_flagged_there():
    (first, _) = readings_of(feed_of((20, 200)), [(VALUE, None)], START)

    assert first.provenance is not None
    assert first.provenance.flagged == "outside_range"
    assert first.provenance.confidence == 0
