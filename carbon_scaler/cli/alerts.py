"""`carbon-scaler alerts`: try the channels, see what was told."""

from collections.abc import Sequence
from dataclasses import asdict

import typer

from carbon_scaler.alerts.channels import Delivery
from carbon_scaler.application.alert_episodes import Episode
from carbon_scaler.application.alert_rules import Severity
from carbon_scaler.application.alerting import Message
from carbon_scaler.cli.context import prepared, run_loop
from carbon_scaler.cli.exits import CONFIGURATION
from carbon_scaler.cli.output import JsonFlag, print_json, print_table
from carbon_scaler.config.settings import Settings, SettingsError
from carbon_scaler.storage.alert_episodes import PostgresEpisodeStore
from carbon_scaler.wiring.alerts import notifier
from carbon_scaler.wiring.databases import opened_database

TEST = Message(
    severity=Severity.INFO,
    title="carbon-scaler test",
    body="Sent by `carbon-scaler alerts test`; alerts will arrive here.",
)

app = typer.Typer(help="Alerts: where they go and what was told.", no_args_is_help=True)


@app.command("test")
def send_test(json: JsonFlag = False) -> None:
    """Send one message over every configured channel.

    Exit 1 when there is none, or one of them fails.
    """
    settings, _ = prepared(quiet=True)
    deliveries = run_loop(_probe(settings))
    if json:
        print_json({"channels": [_delivery(each) for each in deliveries]})
    else:
        print_table(
            ("channel", "result"), ((d.channel, d.failure or "delivered") for d in deliveries)
        )
    if any(delivery.failure for delivery in deliveries):
        raise typer.Exit(CONFIGURATION)


@app.command("list")
def list_episodes(json: JsonFlag = False) -> None:
    """List what holds now, and the last time of everything that held before."""
    settings, _ = prepared(quiet=True)
    episodes = sorted(run_loop(_episodes(settings)), key=lambda each: each.resolved_at is not None)
    if json:
        print_json({"episodes": [asdict(episode) for episode in episodes]})
    else:
        print_table(("state", "severity", "alert", "began", "told"), map(_row, episodes))


async def _probe(settings: Settings) -> list[Delivery]:
    channels = notifier(settings)
    if channels is None:
        raise SettingsError(
            "no channel is configured; set SLACK_WEBHOOK_URL or CARBON_SCALER_ALERT_URLS "
            "(see docs/alerts.md)"
        )
    return await channels.probe(TEST)


async def _episodes(settings: Settings) -> Sequence[Episode]:
    async with opened_database(settings, most_connections=1) as database:
        return await PostgresEpisodeStore(database.pool, server=database.server).episodes()


def _delivery(delivery: Delivery) -> dict[str, object]:
    return {**asdict(delivery), "delivered": delivery.failure is None}


def _row(episode: Episode) -> tuple[object, ...]:
    state = "open" if episode.resolved_at is None else f"over since {episode.resolved_at:%d %H:%M}"
    told = "" if episode.notified_at is None else f"{episode.notified_at:%Y-%m-%d %H:%M}"
    began = f"{episode.began_at:%Y-%m-%d %H:%M}"
    return (state, episode.severity, episode.title, began, told)
