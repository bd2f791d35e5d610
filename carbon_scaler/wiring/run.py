"""What `run` and `serve` do, from settings to the end of the process."""

from collections.abc import Callable

from carbon_scaler.config.settings import DEFAULT_RUN_REGION, Settings
from carbon_scaler.storage.migrate import migrate_up
from carbon_scaler.storage.pool import open_pool
from carbon_scaler.wiring.choice import replay_instead
from carbon_scaler.wiring.databases import database_of_run, required_database
from carbon_scaler.wiring.ingesting import Ingesting, Place, opened_ingesting, refuse_mixing
from carbon_scaler.wiring.ingesting_anew import keep_ingesting
from carbon_scaler.wiring.replay import REPLAY, replay_label
from carbon_scaler.wiring.serving import Serving, ensure_ports_free
from carbon_scaler.wiring.signals import stop_on_signals
from carbon_scaler.wiring.views import Ground

Announce = Callable[[Serving, str], None]
FIRST_CYCLE = "first ingest cycle"


async def run(settings: Settings, environment: dict[str, str], announce: Announce) -> None:
    """Everything in one process until a signal comes: the way to try it."""
    stopped = stop_on_signals()
    ensure_ports_free(settings)
    replay = await replay_instead(settings, environment)
    async with (
        database_of_run(settings, replay=replay is not None) as url,
        open_pool(url, min_size=0) as pool,
    ):
        await migrate_up(url)
        await refuse_mixing(url, replay=replay is not None)
        place = Place(url=url, pool=pool, replay=replay is not None)
        async with opened_ingesting(settings, environment, place) as ingesting:
            ingesting.log_warnings()
            ground = Ground(
                settings=settings.model_copy(update={"sources": ingesting.grid.names}),
                environment=environment,
                database_url=url,
                pool=pool,
                default_region=settings.region or _usual_region(ingesting),
                replay=replay,
                waiting_for=frozenset({FIRST_CYCLE}),
            )
            async with Serving(ground) as serving:
                serving.tasks.start(
                    "ingest",
                    lambda: keep_ingesting(
                        settings,
                        ingesting,
                        lambda: opened_ingesting(settings, environment, place),
                    ),
                )
                serving.tasks.start(
                    "announce", lambda: _announce(serving, ingesting, announce, url)
                )
                await stopped.wait()


async def serve(settings: Settings, environment: dict[str, str]) -> None:
    """The stateless server until a signal comes."""
    stopped = stop_on_signals()
    url = required_database(settings, "serve")
    ensure_ports_free(settings)
    async with open_pool(url, min_size=0) as pool:
        ground = Ground(
            settings=settings,
            environment=environment,
            database_url=url,
            pool=pool,
            default_region=settings.region,
            replay=replay_label(settings) if REPLAY in settings.sources else None,
        )
        async with Serving(ground):
            await stopped.wait()


def _usual_region(ingesting: Ingesting) -> str:
    regions = [grid.region.name for grid in ingesting.grid.plan.grids]
    return DEFAULT_RUN_REGION if DEFAULT_RUN_REGION in regions else next(iter(regions))


async def _announce(serving: Serving, ingesting: Ingesting, announce: Announce, url: str) -> None:
    await ingesting.ingest.first_cycle_done.wait()
    # Ready means that what was ingested is seen, and the notification may still be under way.
    await serving.views.snapshots.refresh(None)
    await serving.views.grid_states.read_once()
    serving.server.waiting_for -= {FIRST_CYCLE}
    await serving.ready.wait()
    announce(serving, url)
