"""What a server keeps fresh: the grids, the backlogs, the operators' word, the rules, the journal."""

from collections.abc import Mapping
from dataclasses import dataclass

from carbon_scaler.application.backlogs import Backlogs
from carbon_scaler.application.decision_journal import DecisionJournal
from carbon_scaler.application.directives import DirectiveStates
from carbon_scaler.application.grid_state import GridStates
from carbon_scaler.application.known import Known
from carbon_scaler.application.places import PlaceStates
from carbon_scaler.application.ports import Clock
from carbon_scaler.application.rulebook import Rulebook
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.snapshot import YearlyAverage
from carbon_scaler.storage.decision_log import PostgresDecisionLog
from carbon_scaler.storage.directives import PostgresDirectives
from carbon_scaler.storage.grid_state import PostgresGridState
from carbon_scaler.storage.notifications import (
    DIRECTIVES_CHANNEL,
    PLACES_CHANNEL,
    PostgresChanges,
)
from carbon_scaler.storage.places import PostgresPlaces
from carbon_scaler.storage.pool import Pool, server_name
from carbon_scaler.wiring.checked_store import CheckedStore
from carbon_scaler.wiring.grid import averages_of
from carbon_scaler.wiring.ingesting import holder_name
from carbon_scaler.wiring.resources import OpenedBacklogs


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a server stands on."""

    settings: Settings
    environment: Mapping[str, str]
    database_url: str
    pool: Pool
    default_region: str | None
    replay: str | None
    waiting_for: frozenset[str] = frozenset()


class Views:
    """All that stands between the answers and the database."""

    def __init__(self, ground: Ground, rulebook: Rulebook, clock: Clock) -> None:
        place = server_name(ground.database_url)
        self._opened_backlogs = OpenedBacklogs()
        self._rulebook = rulebook
        self._clock = clock
        self.snapshots = Snapshots(
            store=CheckedStore(ground.pool, server=place),
            changes=PostgresChanges(ground.database_url),
            clock=clock,
            averages=self._average,
        )
        self.directives = DirectiveStates(
            store=PostgresDirectives(ground.pool, server=place),
            changes=PostgresChanges(ground.database_url, channel=DIRECTIVES_CHANNEL),
            clock=clock,
        )
        self.places = PlaceStates(
            store=PostgresPlaces(ground.pool, server=place),
            changes=PostgresChanges(ground.database_url, channel=PLACES_CHANNEL),
            clock=clock,
            series=lambda: self.snapshots.current.regions,
            holder=holder_name(),
        )
        self.grid_states = GridStates(PostgresGridState(ground.pool, server=place), clock=clock)
        self.backlogs = Backlogs(self._opened_backlogs.sources_of(rulebook), clock=clock)
        self.journal = DecisionJournal(
            PostgresDecisionLog(ground.pool, server=place), answered_by=holder_name()
        )

    @property
    def has_usable_values(self) -> bool:
        """Whether any region has a value that may decide now."""
        now = self._clock.now()
        readings = (each.resolved_at(now) for each in self.snapshots.current.regions.values())
        return any(reading is not None and now < reading.too_old_at for reading in readings)

    @property
    def known(self) -> Known:
        """What answers are computed from."""
        return Known(
            snapshots=self.snapshots,
            backlogs=self.backlogs,
            directives=self.directives,
            places=self.places,
        )

    def start(self, tasks: Tasks) -> None:
        """Keep all of it fresh until the tasks are stopped."""
        tasks.start("snapshots", self.snapshots.run)
        tasks.start("directives", self.directives.run)
        tasks.start("places", self.places.follow)
        tasks.start("heartbeats", self.places.keep)
        tasks.start("grid_state", self.grid_states.run)
        tasks.start("decisions", self.journal.run)
        self.backlogs.start(tasks)

    async def use(self, rulebook: Rulebook) -> None:
        """What another rulebook changes: its backlogs, and its regions' yearly averages."""
        self._rulebook = rulebook
        await self.backlogs.use(self._opened_backlogs.sources_of(rulebook))
        self.snapshots.label_anew()

    def _average(self, region: str, basis: Basis) -> YearlyAverage | None:
        return averages_of(self._rulebook.catalog)(region, basis)
