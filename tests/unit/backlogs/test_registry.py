"""Settings become sources."""

from datetime import timedelta

from carbon_scaler.application.backlog_settings import BacklogKind, BacklogSettings
from carbon_scaler.backlogs.registry import backlog_sources


def test_a_source_says_of_itself_what_was_configured_and_asks_nobody_yet():
    settings = BacklogSettings(
        name="q2q",
        kind=BacklogKind.POSTGRES,
        url_env="QUEUE_URL",
        url="postgresql://nowhere.invalid/queue",
        query="SELECT 1",
        refresh=timedelta(seconds=7),
        timeout=timedelta(seconds=3),
        max_age=timedelta(seconds=11),
        namespaces=frozenset({"team-a"}),
    )

    (source,) = backlog_sources([settings])

    assert source.name == "q2q"
    assert source.refresh == timedelta(seconds=7)
    assert source.timeout == timedelta(seconds=3)
    assert source.max_age == timedelta(seconds=11)
    assert source.namespaces == {"team-a"}
