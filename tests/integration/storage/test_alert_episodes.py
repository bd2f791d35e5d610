"""Episodes come back as they were kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from carbon_scaler.application.alert_episodes import Episode
from carbon_scaler.application.alert_rules import Severity
from carbon_scaler.storage.alert_episodes import PostgresEpisodeStore
from carbon_scaler.storage.pool import Pool

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def an_episode(key: str = "no_data:us-west-1", began_at: datetime = NOW) -> Episode:
    return Episode(
        key=key,
        severity=Severity.CRITICAL,
        title="us-west-1: no usable grid value",
        body="It's “gone”; since noon.",
        began_at=began_at,
        last_seen_at=began_at,
    )


async def test_an_episode_comes_back_as_it_was_kept(pool: Pool):
    store = PostgresEpisodeStore(pool)
    begun = an_episode()
    over = replace(
        an_episode("grid_dirty:us-west-1", NOW - 9 * HOUR),
        notified_at=NOW - 8 * HOUR,
        resolved_at=NOW - HOUR,
        resolution_notified_at=NOW,
    )

    await store.keep([over, begun])

    assert list(await store.episodes()) == [begun, over]


async def test_what_is_kept_anew_takes_the_place_of_what_was_known(pool: Pool):
    store = PostgresEpisodeStore(pool)
    await store.keep([an_episode()])
    later = replace(an_episode(began_at=NOW + HOUR), title="again", notified_at=NOW + HOUR)

    await store.keep([later])

    assert list(await store.episodes()) == [later]
