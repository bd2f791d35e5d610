"""WattTime v3 as documented, with numbers that nobody measured."""

import threading
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.peers.server import Reply, Request

STEP = timedelta(minutes=5)
LONGEST_RANGE = timedelta(days=32)
USERNAME, PASSWORD = "someone", "p4ssword-for-tests"
LBS = "lbs_co2_per_mwh"
LOGIN, REGION, FORECAST = "/login", "/v3/region-from-loc", "/v3/forecast"
HISTORY, INDEX, ACCESS = "/v3/historical", "/v3/signal-index", "/v3/my-access"

Answering = Callable[[Request], Reply]


def slot_of(at: datetime) -> datetime:
    return at.replace(minute=at.minute // 5 * 5, second=0, microsecond=0)


def lbs_at(zone: str, at: datetime) -> float:
    """The same whenever asked, and different from point to point and from zone to zone."""
    return 400.0 + (sum(zone.encode()) + 17 * (int(at.timestamp()) // 300)) % 900


@dataclass
class WattTimePeer:
    """A handler for `Peer`. Change its fields, or override one path's answer, while it serves."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    # Coordinates as asked → region; what is not here is not covered.
    places: dict[tuple[str, str], str] = field(
        default_factory=lambda: {("37.77", "-122.42"): "CAISO_NORTH", ("39.04", "-77.49"): "PJM_DC"}
    )
    # Regions whose forecast and history the account includes.
    access: set[str] = field(default_factory=lambda: {"CAISO_NORTH", "PJM_DC"})
    tokens: set[str] = field(default_factory=set)
    logins: int = 0
    login_latency_seconds: float = 0.0
    model: str = "2026-01-15"
    units: str = LBS
    warnings: list[dict[str, str]] = field(default_factory=list)
    # Values that replace the synthetic ones, null among them.
    lbs: dict[datetime, object] = field(default_factory=dict)
    imputed: set[datetime] = field(default_factory=set)
    longest_horizon: int = 72
    # One path's answer, like {"/v3/forecast": Reply(status=500)}.
    overrides: dict[str, Reply | Answering] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Reply:
        override = self.overrides.get(request.path)
        if override is None:
            return self.faithful(request)
        return override if isinstance(override, Reply) else override(request)

    def expire_tokens(self) -> None:
        with self._lock:
            self.tokens.clear()

    def faithful(self, request: Request) -> Reply:
        """The answer without overrides, for overrides to start from."""
        answers: dict[str, Answering] = {
            REGION: self._region,
            FORECAST: self._forecast,
            HISTORY: self._history,
            INDEX: self._index,
            ACCESS: self._access,
        }
        if request.path == LOGIN:
            return self._login(request).late(self.login_latency_seconds)
        if request.path not in answers:
            return Reply(status=404, body={"error": "Not found"})
        with self._lock:
            if request.headers.get("authorization", "")[len("Bearer ") :] not in self.tokens:
                return Reply(status=401, body={"error": "Token has expired"})
        return answers[request.path](request)

    def _login(self, request: Request) -> Reply:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme != "Basic" or b64decode(credentials).decode() != f"{USERNAME}:{PASSWORD}":
            return Reply(status=403, body="<html>403 Forbidden</html>", content_type="text/html")
        with self._lock:
            self.logins += 1
            token = f"token-{self.logins}-for-tests"
            self.tokens.add(token)
        return Reply(body={"token": token})

    def _region(self, request: Request) -> Reply:
        place = (request.query["latitude"], request.query["longitude"])
        if place not in self.places:
            words = "No coverage available for these coordinates and signal_type"
            return Reply(status=404, body={"error": words})
        zone = self.places[place]
        signal = request.query["signal_type"]
        return Reply(body={"region": zone, "region_full_name": zone, "signal_type": signal})

    def _forecast(self, request: Request) -> Reply:
        hours = int(request.query.get("horizon_hours", "24"))
        if hours > self.longest_horizon:
            return Reply(status=400, body={"error": "horizon_hours is too long"})
        start = slot_of(self.now())
        points = [start + index * STEP for index in range(max(1, hours * 12))]
        return self._series(request, points, generated_at=start)

    def _history(self, request: Request) -> Reply:
        start = datetime.fromisoformat(request.query["start"])
        end = datetime.fromisoformat(request.query["end"])
        if end - start > LONGEST_RANGE:
            return Reply(status=400, body={"error": "at most 32 days"})
        first = slot_of(start) if slot_of(start) == start else slot_of(start) + STEP
        points = [first + index * STEP for index in range((end - first) // STEP + 1)]
        return self._series(request, points, generated_at=None)

    def _index(self, request: Request) -> Reply:
        at = slot_of(self.now())
        meta = self._meta(request.query["region"], at) | {"units": "percentile"}
        return Reply(body={"data": [{"point_time": at.isoformat(), "value": 42.0}], "meta": meta})

    def _access(self, request: Request) -> Reply:
        endpoints = [
            {"endpoint": f"v3/{name}", "models": [{"model": self.model}]}
            for name in ("forecast", "historical", "signal-index")
        ]
        index_only = {"region": "ERCOT_NORTH", "endpoints": endpoints[2:]}
        regions = [{"region": zone, "endpoints": endpoints} for zone in sorted(self.access)]
        health = {"signal_type": "health_damage", "regions": [{"region": "X", "endpoints": []}]}
        moer = {"signal_type": "co2_moer", "regions": [*regions, index_only]}
        return Reply(body={"signal_types": [moer, health]})

    def _series(
        self, request: Request, points: list[datetime], *, generated_at: datetime | None
    ) -> Reply:
        zone = request.query["region"]
        if zone not in self.access:
            return Reply(status=403, body={"error": "Invalid scope"})
        rows = [self._row(zone, at, with_marker=generated_at is None) for at in points]
        return Reply(body={"data": rows, "meta": self._meta(zone, generated_at)})

    def _row(self, zone: str, at: datetime, *, with_marker: bool) -> dict[str, Any]:
        row = {"point_time": at.isoformat(), "value": self.lbs.get(at, lbs_at(zone, at))}
        return row | ({"imputed_data_used": at in self.imputed} if with_marker else {})

    def _meta(self, zone: str, generated_at: datetime | None) -> dict[str, Any]:
        meta: dict[str, Any] = {
            "data_point_period_seconds": 300,
            "region": zone,
            "signal_type": "co2_moer",
            "units": self.units,
            "model": {"date": self.model},
            "warnings": self.warnings,
        }
        stamp = {"generated_at_period_seconds": 300}
        if generated_at is not None:
            meta |= stamp | {"generated_at": generated_at.isoformat()}
        return meta
