"""Electricity Maps as documented, with numbers that nobody measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.peers.server import Reply, Request

HOUR = timedelta(hours=1)
LIVE_TOKEN = "live-token-for-tests"
SANDBOX_TOKEN = "sandbox-token-for-tests"
LATEST, HISTORY = "carbon-intensity/latest", "carbon-intensity/history"
PAST, FORECAST = "carbon-intensity/past-range", "carbon-intensity/forecast"
MIX_V4, MIX_V3 = "electricity-mix/latest", "power-breakdown/latest"
SANDBOX_DISCLAIMER = "SANDBOX MODE: this data is not real"
# Megawatts; they sum to 1,000 beside what comes out of storage.
PRODUCTION = {
    "nuclear": 100,
    "geothermal": 0,
    "biomass": 50,
    "coal": 200,
    "wind": 300,
    "solar": 100,
    "hydro": 50,
    "gas": 180,
    "oil": 0,
    "unknown": 20,
}
RENEWABLE_PERCENT = 50.0

Answering = Callable[[Request], Reply]


def hour_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def grams_at(zone: str, at: datetime) -> int:
    """The same whenever asked, and different from hour to hour and from zone to zone."""
    return 100 + (hash_of(zone) + 37 * (int(at.timestamp()) // 3600)) % 300


def hash_of(text: str) -> int:
    return sum((place + 1) * letter for place, letter in enumerate(text.encode()))


@dataclass
class ElectricityMapsPeer:
    """A handler for `Peer`. Change its fields, or override one path's answer, while it serves."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    zones: set[str] = field(default_factory=lambda: {"DE", "FR", "US-CAL-CISO", "US-MIDA-PJM"})
    tokens: set[str] = field(default_factory=lambda: {LIVE_TOKEN, SANDBOX_TOKEN})
    # What the plan has, for all zones alike; "*": all.
    access: set[str] = field(default_factory=lambda: {"*"})
    longest_horizon: int = 72
    # Values that replace the synthetic ones, null among them.
    grams: dict[tuple[str, datetime], object] = field(default_factory=dict)
    # Hours from this one on are estimates: (the present one) less so many.
    estimated_hours: int = 3
    # Whether rows stand under `data` instead of `history`, as one live reading found.
    history_under: str = "history"
    extra_point: bool = True
    latency_seconds: float = 0.0
    # One path's answer, like {"carbon-intensity/latest": Reply(status=500)}.
    overrides: dict[str, Reply | Answering] = field(default_factory=dict)

    def __call__(self, request: Request) -> Reply:
        return self._reply(request).late(self.latency_seconds)

    def faithful(self, request: Request) -> Reply:
        """The answer without overrides, for overrides to start from."""
        version, _, path = request.path.strip("/").partition("/")
        if version not in ("v3", "v4"):
            return Reply(status=404, body="<html>not found</html>", content_type="text/html")
        token = request.headers.get("auth-token")
        if path == "zones":
            return Reply(body=self._zones(known=token in self.tokens))
        if token not in self.tokens:
            return Reply(status=401, body={"error": "Invalid auth-token"})
        return self._of_zone(version, path, request, sandbox=token == SANDBOX_TOKEN)

    def _reply(self, request: Request) -> Reply:
        override = self.overrides.get(request.path.strip("/").partition("/")[2])
        if override is None:
            return self.faithful(request)
        return override if isinstance(override, Reply) else override(request)

    def _of_zone(self, version: str, path: str, request: Request, *, sandbox: bool) -> Reply:
        zone = request.query.get("zone", "")
        if zone not in self.zones:
            if request.query.get("disableCallerLookup") == "true":
                return Reply(status=400, body={"error": f'Zone "{zone}" does not exist.'})
            # Where the caller seems to be: the trap.
            zone = "US-CAL-CISO"
        if "*" not in self.access and path not in self.access:
            return plan_refusal(zone, path)
        answers: Mapping[str, Answering] = {
            LATEST: lambda asked: Reply(body=self._row(zone, hour_of(self.now()), asked)),
            HISTORY: lambda asked: Reply(body=self._history(zone, asked)),
            PAST: lambda asked: Reply(body=self._past(zone, asked)),
            FORECAST: lambda asked: self._forecast(zone, asked),
            (MIX_V4 if version == "v4" else MIX_V3): lambda _: Reply(body=self._mix(version, zone)),
        }
        if path not in answers:
            return Reply(status=404, body={"error": "Endpoint not found"})
        reply = answers[path](request)
        return as_sandbox(reply) if sandbox and reply.status == 200 else reply

    def _zones(self, *, known: bool) -> dict[str, Any]:
        access = {"access": sorted(self.access)} if known else {}
        return {zone: {"zoneName": f"Zone {zone}", **access} for zone in sorted(self.zones)}

    def _row(self, zone: str, at: datetime, request: Request) -> dict[str, Any]:
        factors = request.query.get("emissionFactorType", "lifecycle")
        estimated = at > hour_of(self.now()) - self.estimated_hours * HOUR
        grams = self.grams.get((zone, at), grams_at(zone, at) - 20 * (factors == "direct"))
        return {
            "zone": zone,
            "carbonIntensity": grams,
            "datetime": written(at),
            "updatedAt": written(at + timedelta(minutes=50)),
            "createdAt": written(at - timedelta(days=3)),
            "emissionFactorType": factors,
            "isEstimated": estimated,
            "estimationMethod": "TIME_SLICER_AVERAGE" if estimated else None,
            "flowTraced": True,
            "temporalGranularity": "hourly",
        }

    def _history(self, zone: str, request: Request) -> dict[str, Any]:
        newest = hour_of(self.now())
        rows = [self._row(zone, newest - back * HOUR, request) for back in reversed(range(24))]
        return {"zone": zone, self.history_under: rows, "temporalGranularity": "hourly"}

    def _past(self, zone: str, request: Request) -> dict[str, Any]:
        start = hour_of(datetime.fromisoformat(request.query["start"]))
        end = datetime.fromisoformat(request.query["end"])
        rows = []
        while start < min(end, self.now()):
            rows.append(self._row(zone, start, request))
            start += HOUR
        return {"zone": zone, "data": rows, "temporalGranularity": "hourly"}

    def _forecast(self, zone: str, request: Request) -> Reply:
        hours = int(request.query.get("horizonHours", "24"))
        if hours > self.longest_horizon:
            return Reply(status=400, body={"error": f"Invalid horizonHours {hours}"})
        first = hour_of(self.now())
        rows = [
            {
                "carbonIntensity": grams_at(zone, first + ahead * HOUR) + 1,
                "datetime": written(first + ahead * HOUR),
            }
            for ahead in range(hours + self.extra_point)
        ]
        return Reply(
            body={
                "zone": zone,
                "updatedAt": written(first),
                "temporalGranularity": "hourly",
                "forecast": rows,
            }
        )

    def _mix(self, version: str, zone: str) -> dict[str, Any]:
        at = hour_of(self.now())
        if version == "v3":
            return {
                "zone": zone,
                "datetime": written(at),
                "powerProductionBreakdown": {
                    **PRODUCTION,
                    "hydro discharge": 40,
                    "battery discharge": None,
                },
                "powerConsumptionBreakdown": {**PRODUCTION},
                "powerProductionTotal": sum(PRODUCTION.values()) + 40,
                "renewablePercentage": RENEWABLE_PERCENT,
                "isEstimated": True,
                "estimationMethod": "TIME_SLICER_AVERAGE",
            }
        storage = {"charge": 10, "discharge": 40}
        return {
            "zone": zone,
            "temporalGranularity": "hourly",
            "data": [
                {
                    "datetime": written(at),
                    "mix": {
                        **PRODUCTION,
                        "hydro storage": storage,
                        "battery storage": storage,
                        "flows": {"imports": 70, "exports": 10},
                    },
                    "isEstimated": True,
                }
            ],
        }


def plan_refusal(zone: str, path: str) -> Reply:
    """The other kind of 401."""
    signal, _, temporality = path.partition("/")
    return Reply(
        status=401,
        body={
            "error": f"Request unauthorized for zoneKey={zone},requestType={temporality},"
            f"dataType={signal}.",
            "message": "You do not have access to this specific endpoint for this specific zone.",
        },
    )


def as_sandbox(reply: Reply) -> Reply:
    """The same, marked as invented."""
    body = {**reply.body, "_disclaimer": SANDBOX_DISCLAIMER}
    if "carbonIntensity" in body:
        body |= {"isEstimated": True, "estimationMethod": "SANDBOX_MODE_DATA"}
    return Reply(body=body)
