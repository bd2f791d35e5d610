"""Great Britain's carbon intensity API as documented, with numbers that nobody measured."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.peers.server import Reply, Request

STEP = timedelta(minutes=30)
DAY = timedelta(days=1)
LONGEST_RANGE = timedelta(days=14)
# Percent; imports come over the cables.
MIX = {
    "biomass": 5.0,
    "coal": 0.0,
    "imports": 10.0,
    "gas": 25.0,
    "nuclear": 15.0,
    "other": 1.0,
    "hydro": 2.0,
    "solar": 12.0,
    "wind": 30.0,
}
RENEWABLE_PERCENT = 49.0

Answering = Callable[[Request], Reply]


def slot_of(at: datetime) -> datetime:
    return at.replace(minute=at.minute // 30 * 30, second=0, microsecond=0)


def written(at: datetime) -> str:
    """Without seconds, as they write it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def grams_at(zone: str, at: datetime) -> int:
    """The same whenever asked, and different from slot to slot and from zone to zone."""
    return 60 + (sum(zone.encode()) + 13 * (int(at.timestamp()) // 1800)) % 250


@dataclass
class NesoPeer:
    """A handler for `Peer`. Change its fields, or override one path's answer, while it serves."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    # How long after its end a half hour's actual value is filled in.
    filled_after: timedelta = STEP
    # Values that replace the synthetic ones, null among them.
    actuals: dict[datetime, object] = field(default_factory=dict)
    forecasts: dict[datetime, object] = field(default_factory=dict)
    # How many half hours of a forecast there are.
    longest_forecast: int = 96
    mix: dict[str, object] = field(default_factory=lambda: dict(MIX))
    # Answers by the beginning of their path, like {"/generation": Reply(status=500)}.
    overrides: dict[str, Reply | Answering] = field(default_factory=dict)

    def __call__(self, request: Request) -> Reply:
        for beginning, override in self.overrides.items():
            if request.path.startswith(beginning):
                return override if isinstance(override, Reply) else override(request)
        return self.faithful(request)

    def faithful(self, request: Request) -> Reply:
        """The answer without overrides, for overrides to start from."""
        path = request.path
        if path == "/intensity":
            complete = slot_of(self.now()) - STEP
            return Reply(body={"data": [self.national_row(complete)]})
        if path == "/generation":
            return Reply(body={"data": self._generation(slot_of(self.now()))})
        if found := re.fullmatch(r"/regional/regionid/(\d+)", path):
            return self._region(found[1], [slot_of(self.now())], as_list=True)
        if found := re.fullmatch(r"/(intensity|generation)/([^/]+)/([^/]+)", path):
            row = self.national_row if found[1] == "intensity" else self._generation
            return self._range(found[2], found[3], lambda slots: Reply(body=_data(slots, row)))
        if found := re.fullmatch(r"/regional/intensity/([^/]+)/([^/]+)/regionid/(\d+)", path):
            zone = found[3]
            return self._range(found[1], found[2], lambda slots: self._region(zone, slots))
        return bad_request("not a path of this service")

    def national_row(self, at: datetime) -> dict[str, Any]:
        filled = at + STEP + self.filled_after <= self.now()
        actual = self.actuals.get(at, grams_at("GB", at) if filled else None)
        forecast = self.forecasts.get(at, grams_at("GB", at) + 3)
        intensity = {"forecast": forecast, "actual": actual, "index": "moderate"}
        return {"from": written(at), "to": written(at + STEP), "intensity": intensity}

    def _generation(self, at: datetime) -> dict[str, Any]:
        return {"from": written(at), "to": written(at + STEP), "generationmix": self._mix()}

    def _mix(self) -> list[dict[str, object]]:
        return [{"fuel": fuel, "perc": percent} for fuel, percent in self.mix.items()]

    def _region(self, zone: str, slots: list[datetime], *, as_list: bool = False) -> Reply:
        if not 1 <= int(zone) <= 17:
            return bad_request("Please enter a valid region ID.")
        rows = [
            {
                "from": written(at),
                "to": written(at + STEP),
                "intensity": {
                    "forecast": self.forecasts.get(at, grams_at(zone, at)),
                    "index": "low",
                },
                "generationmix": self._mix(),
            }
            for at in slots
        ]
        envelope = {"regionid": int(zone), "shortname": f"Area {zone}", "data": rows}
        return Reply(body={"data": [envelope] if as_list else envelope})

    def _range(self, start: str, end: str, reply: Callable[[list[datetime]], Reply]) -> Reply:
        since = _instant(start)
        if since is None:
            return bad_request("Please enter a valid date.")
        if end == "fw48h":
            return reply(_slots(since, since + 2 * DAY - STEP)[: self.longest_forecast])
        if end == "pt24h":
            return reply(_slots(since - DAY, since))
        until = _instant(end)
        if until is None or until - since > LONGEST_RANGE:
            return bad_request("The maximum date range is limited to 14 days.")
        return reply(_slots(since, until))


def bad_request(words: str) -> Reply:
    return Reply(status=400, body={"error": {"code": "400 Bad Request", "message": words}})


def _data(slots: list[datetime], row: Callable[[datetime], dict[str, Any]]) -> dict[str, Any]:
    return {"data": [row(at) for at in slots]}


def _slots(since: datetime, until: datetime) -> list[datetime]:
    """Both ends included."""
    first = slot_of(since)
    return [first + index * STEP for index in range((until - first) // STEP + 1)]


def _instant(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None
