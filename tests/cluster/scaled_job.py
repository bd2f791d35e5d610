"""A ScaledJob in the cluster: the Jobs that KEDA made of it, and its polls."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from tests.cluster.kubernetes import Manifest, Namespace, until
from tests.cluster.manifests import trigger_of
from tests.cluster.scaler import Scaler

# Polls come a second apart; a call within this time belongs to the same one.
SAME_POLL_SECONDS = 0.3


class AppliedScaledJob:
    """Counts every Job ever seen, finished and cleaned up ones too."""

    def __init__(self, manifest: Manifest, namespace: Namespace, scaler: Scaler) -> None:
        self.manifest = manifest
        self.name = manifest["metadata"]["name"]
        self._metadata = trigger_of(manifest)
        self._namespace = namespace
        self._scaler = scaler
        self._seen: dict[str, str] = {}

    async def seen(self) -> int:
        """How many Jobs there have been so far."""
        for job in await self._namespace.listed(
            "Job", labelSelector=f"scaledjob.keda.sh/name={self.name}"
        ):
            self._seen[job["metadata"]["uid"]] = job["metadata"]["name"]
        return len(self._seen)

    async def reaches(self, count: int, *, within_seconds: float = 30) -> None:
        """KEDA makes Jobs until there have been `count`, and no more than that."""

        async def reached() -> bool:
            seen = await self.seen()
            assert seen <= count, f"{seen} Jobs instead of {count}"
            return seen == count

        await until(reached, f"{count} Jobs", within_seconds=within_seconds)

    async def stays(self, count: int, *, polls: int = 4) -> None:
        """KEDA asks so many times more, and there are `count` Jobs all along."""

        async def unchanged() -> None:
            seen = await self.seen()
            assert seen == count, f"{seen} Jobs instead of {count}"

        await self.polled(polls, meanwhile=unchanged)

    async def told(self, value: float) -> None:
        """The scaler's answer becomes `value`, and KEDA has acted on it."""

        async def answers() -> bool:
            return await self._scaler.tells(self._namespace.name, self._metadata) == value

        await until(answers, f"the scaler answers {value:g}")
        # The next poll asks after that; when the one after it begins, it is over.
        await self.polled(2)

    async def settled(self) -> None:
        """KEDA polls a new object twice within milliseconds and may cancel the first half-way."""
        await self.polled(3)

    async def run(self, jobs: Sequence[str]) -> None:
        """Play the kubelet: the Jobs' pods run."""
        await asyncio.gather(*(self._set_phase(job, "Running") for job in jobs))

    async def finish(self, jobs: Sequence[str]) -> None:
        """Play the kubelet: the Jobs' pods end well, and the Jobs are complete."""
        await asyncio.gather(*(self._set_phase(job, "Succeeded") for job in jobs))

        async def complete() -> bool:
            return not set(jobs) & set(await self.unfinished())

        await until(complete, "the Jobs are complete")

    async def unfinished(self) -> list[str]:
        """The names of the Jobs that have not succeeded, in order."""
        jobs = await self._namespace.listed(
            "Job", labelSelector=f"scaledjob.keda.sh/name={self.name}"
        )
        return sorted(job["metadata"]["name"] for job in jobs if not job["status"].get("succeeded"))

    async def warnings(self) -> list[str]:
        """The texts of the warning events on it."""
        events = await self._namespace.listed(
            "Event", fieldSelector=f"involvedObject.name={self.name},type=Warning"
        )
        return [f"{event['reason']}: {event['message']}" for event in events]

    async def change(self, spec: Manifest) -> None:
        """Edit it, as its author would."""
        await self._namespace.patch("ScaledJob", self.name, {"spec": spec})

    async def polled(
        self, times: int, *, meanwhile: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """KEDA asks so many times more."""
        last = await self._scaler.polled_at(self._namespace.name, self.name)
        counted = 0

        async def enough() -> bool:
            nonlocal last, counted
            if meanwhile is not None:
                await meanwhile()
            at = await self._scaler.polled_at(self._namespace.name, self.name)
            if at is not None and (last is None or at - last > SAME_POLL_SECONDS):
                last, counted = at, counted + 1
            return counted >= times

        await until(enough, f"{times} polls of {self.name}", within_seconds=times + 60)

    async def _set_phase(self, job: str, phase: str) -> None:
        pods: list[Manifest] = []

        async def has_pod() -> bool:
            pods[:] = await self._namespace.listed("Pod", labelSelector=f"job-name={job}")
            return bool(pods)

        await until(has_pod, f"{job} has a pod")
        name = pods[0]["metadata"]["name"]
        await self._namespace.patch("Pod", name, {"status": {"phase": phase}}, part="status")
