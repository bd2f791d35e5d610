"""What was answered, written down off the answering path."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from carbon_scaler.application.explain import explain, plain
from carbon_scaler.application.trigger_metadata import metadata_of
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan

log = structlog.get_logger()

MOST_PENDING = 10_000
MOST_AT_ONCE = 500
# A thread that renders more would keep the event loop waiting for longer than it may.
RENDERED_AT_ONCE = 5
EVERY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 30.0

Noted = tuple[Plan, Decision, RegionSeries | None]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """One answer with all that it was made from; `document` is as `explain --json` prints it."""

    decided_at: datetime
    answered_by: str
    namespace: str
    name: str
    region: str
    mode: str
    workload_class: str
    tenant: str | None
    verdict: str
    reason: str
    level: float
    admitted: int
    metric_value: float
    target: float
    active: bool
    changes_at: datetime | None
    policy_version: str
    trigger: Mapping[str, str]
    document: Mapping[str, Any]


class DecisionLog(Protocol):
    """Where answers are kept."""

    async def append(self, decisions: Sequence[RecordedDecision]) -> None:
        """Keep these, all or none."""
        ...


class DecisionJournal:
    """Takes decisions as they change and writes them in batches; the oldest go when it is full."""

    def __init__(
        self,
        log: DecisionLog,
        *,
        answered_by: str,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._log = log
        self._answered_by = answered_by
        self._sleep = sleep
        self._noted: deque[Noted] = deque(maxlen=MOST_PENDING)
        self._unsaved: list[RecordedDecision] = []
        self._saving = asyncio.Lock()
        self._failures = 0
        self.failure: str | None = None
        self.recorded = 0
        self.dropped = 0

    @property
    def pending(self) -> int:
        """How many wait to be written."""
        return len(self._noted) + len(self._unsaved)

    def note(self, plan: Plan, decision: Decision, series: RegionSeries | None) -> None:
        """Remember a changed decision; called while KEDA waits."""
        if len(self._noted) == MOST_PENDING:
            self.dropped += 1
        self._noted.append((plan, decision, series))

    async def run(self) -> None:
        """Write what was noted, for ever; what can't be written is kept and tried again."""
        while True:
            await self._sleep(self._pause_seconds())
            await self._save_noted()

    async def flush(self, *, seconds: float) -> bool:
        """Write all that is left, not for ever; whether nothing is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.pending and await self._save_batch():
                    pass
        if self.pending:
            log.warning("journal.left_unwritten", decisions=self.pending, cause=self.failure)
        return not self.pending

    async def _save_noted(self) -> None:
        # What is noted meanwhile is the next round's, so that a full round has an end.
        for _ in range(0, self.pending, MOST_AT_ONCE):
            if not await self._save_batch():
                return

    async def _save_batch(self) -> bool:
        async with self._saving:
            await self._render_batch()
            try:
                await self._log.append(self._unsaved)
            except CarbonScalerError as error:
                self._note_failure(str(error))
                return False
            written, self._unsaved = self._unsaved, []
            self._note_success(len(written))
        while written:
            # Freeing all of them at once would hold the event loop for long.
            del written[-RENDERED_AT_ONCE:]
            await asyncio.sleep(0)
        return True

    async def _render_batch(self) -> None:
        """Fill up what is to be written next; what is rendered is never rendered again."""
        while self._noted and len(self._unsaved) < MOST_AT_ONCE:
            count = min(len(self._noted), RENDERED_AT_ONCE, MOST_AT_ONCE - len(self._unsaved))
            chunk = [self._noted.popleft() for _ in range(count)]
            try:
                rendered = await asyncio.to_thread(_rendered, chunk, self._answered_by)
            except asyncio.CancelledError:
                self._noted.extendleft(reversed(chunk))
                raise
            except Exception:
                # Not put back: what can't be told would keep all others from being written.
                self.dropped += count
                raise
            self._unsaved += rendered

    def _pause_seconds(self) -> float:
        return min(EVERY_SECONDS * 2.0 ** min(self._failures, 10), LONGEST_RETRY_SECONDS)

    def _note_success(self, count: int) -> None:
        if self.failure is not None:
            log.info("journal.writing_again", decisions=count, dropped=self.dropped)
        self.recorded += count
        self._failures, self.failure = 0, None

    def _note_failure(self, cause: str) -> None:
        if cause != self.failure:
            log.warning("journal.not_written", cause=cause, pending=self.pending)
        self._failures += 1
        self.failure = cause


def _rendered(chunk: Sequence[Noted], answered_by: str) -> list[RecordedDecision]:
    return [recorded(*noted, answered_by=answered_by) for noted in chunk]


def recorded(
    plan: Plan, decision: Decision, series: RegionSeries | None, *, answered_by: str
) -> RecordedDecision:
    """A decision as it is kept."""
    told = explain(plan, decision, series)
    return RecordedDecision(
        decided_at=decision.decided_at,
        answered_by=answered_by,
        namespace=plan.namespace,
        name=plan.name,
        region=plan.region,
        mode=plan.mode.value,
        workload_class=plan.workload_class,
        tenant=None if plan.tenancy is None else plan.tenancy.tenant_name,
        verdict=decision.verdict.value,
        reason=decision.reason,
        level=decision.level,
        admitted=decision.admitted,
        metric_value=decision.metric_value,
        target=decision.target,
        active=decision.active,
        changes_at=decision.changes_at,
        policy_version=plan.policy_version,
        trigger=metadata_of(plan),
        document=json.loads(json.dumps(told, default=plain)),
    )
