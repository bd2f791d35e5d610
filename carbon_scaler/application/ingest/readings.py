"""What a zone's source says, as values of its regions."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np

from carbon_scaler.application.ingest.feeds import Feed
from carbon_scaler.domain.confidence import confidence
from carbon_scaler.domain.intensity import Provenance, Reading
from carbon_scaler.domain.observation import Observation, RegionForecast, ZoneForecast
from carbon_scaler.domain.plausibility import Past, flags, outside_range, with_sound_mix
from carbon_scaler.domain.regions import RegionGrid
from carbon_scaler.domain.snapshot import RegionSeries

# What the event loop is held for at a time: about a millisecond.
OBSERVATIONS_AT_ONCE = 48

Judged = tuple[Observation, str | None]


async def judged(
    feed: Feed, answer: Sequence[Observation], now: datetime
) -> AsyncIterator[Sequence[Judged]]:
    """The answer in ascending order, each value with the flag that it gets, part by part."""
    by_start = {each.starts_at: with_sound_mix(each) for each in answer}
    observations = [by_start[start] for start in sorted(by_start)]
    for place in range(0, len(observations), OBSERVATIONS_AT_ONCE):
        part = observations[place : place + OBSERVATIONS_AT_ONCE]
        past = feed.past or Past()
        words = flags(part, past, factors=feed.traits.basis.factors, now=now)
        feed.past = past.followed_by(part, words)
        yield tuple(zip(part, words, strict=True))
        await asyncio.sleep(0)


def readings_of(feed: Feed, values: Sequence[Judged], now: datetime) -> Iterator[Reading]:
    """The values of every region of a feed."""
    for observation, word in values:
        for grid in feed.grids:
            yield _reading(feed, grid, (observation, word), now)


def forecasts_of(feed: Feed, forecast: ZoneForecast, now: datetime) -> Iterator[RegionForecast]:
    """The forecast for every region of a feed."""
    for region in feed.regions:
        yield RegionForecast(
            region=region,
            source=feed.traits.name,
            basis=feed.traits.basis,
            provider_zone=feed.zone,
            licence_class=feed.traits.licence_class,
            model=forecast.model,
            issued_at=forecast.issued_at or now,
            fetched_at=now,
            points=forecast.points,
        )


def past_of(feed: Feed, stored: Mapping[str, RegionSeries]) -> Past:
    """What the store has of this source for one of the feed's regions."""
    for region in feed.regions:
        series = stored.get(region)
        if series is not None and series.basis == feed.traits.basis:
            own = np.array([source == feed.traits.name for source in series.sources], np.bool_)
            if own.any():
                return Past(
                    starts=series.starts[own],
                    grams=series.grams_per_kwh[own],
                    flagged=np.zeros(int(own.sum()), np.bool_),
                )
    return Past()


def _reading(feed: Feed, grid: RegionGrid, value: Judged, now: datetime) -> Reading:
    traits = feed.traits
    observation, word = value
    flagged = word or outside_range(observation.grams_per_kwh, grid.plausible)
    return Reading(
        region=grid.region.name,
        observed_at=observation.starts_at,
        grams_per_kwh=observation.grams_per_kwh,
        renewable=observation.renewable,
        source=traits.name,
        kind=observation.kind,
        basis=traits.basis,
        fetched_at=observation.known_since or now,
        usable_for=traits.usable_for,
        provenance=Provenance(
            provider_zone=feed.zone,
            licence_class=traits.licence_class,
            accounting=traits.accounting,
            method=observation.method,
            lasts=observation.lasts,
            generated_at=observation.generated_at,
            updated_at=observation.updated_at,
            confidence=confidence(observation, flagged),
            mix=observation.mix,
            flagged=flagged,
            remarks={"remarks": list(observation.remarks)} if observation.remarks else None,
        ),
    )
