"""Replies to every request for data that are no data, and what each comes to."""

from dataclasses import dataclass

from carbon_scaler.providers.transport import Patience
from tests.integration.ingest.world import AT_ONCE, IMPATIENT
from tests.peers.electricity_maps import plan_refusal
from tests.peers.server import Fault, Reply, page, redirect

EVERY = ("electricity_maps", "neso", "watttime")
EM, GB, WT = (("electricity_maps",), ("neso",), ("watttime",))
TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A reply to every request for data, and what it comes to."""

    name: str
    reply: Reply
    # The word that the feed's results count, which is the metric's label.
    result: str
    said: str
    asked: int
    sources: tuple[str, ...] = EVERY
    patience: Patience = AT_ONCE
    logins: int = 1


SOME = {"zone": "DE", "data": [{"from": "2026-01-01T00:00Z", "point_time": "2026-01-01"}]}
WHOLE = Reply(body=SOME)
BAD = (
    Bad(
        name="401 for the key",
        reply=Reply(status=401, body={"error": "Invalid auth-token"}),
        result="key",
        said="the token is refused; check ELECTRICITY_MAPS_API_KEY",
        asked=1,
        sources=EM,
    ),
    Bad(
        name="401 for the plan",
        reply=plan_refusal("DE", "carbon-intensity/latest"),
        result="plan",
        said="the account's plan does not include this",
        asked=1,
        sources=EM,
    ),
    Bad(
        name="401 in spite of a new login",
        reply=Reply(status=401, body={"error": "Token has expired"}),
        result="key",
        said="refused the login (status 401)",
        asked=2,
        sources=WT,
        logins=2,
    ),
    Bad(
        name="403 with a page",
        reply=page(status=403),
        result="server",
        said="403",
        asked=TRIES,
        sources=EM + GB,
    ),
    Bad(
        name="403 with a page at WattTime",
        reply=page(status=403),
        result="key",
        said="refused the login (status 403)",
        asked=2,
        sources=WT,
        logins=2,
    ),
    Bad(
        name="403 with words",
        reply=Reply(status=403, body={"error": "Invalid scope"}),
        result="plan",
        said="403",
        asked=1,
        sources=EM + GB,
    ),
    Bad(
        name="403 with words at WattTime",
        reply=Reply(status=403, body={"error": "Invalid scope"}),
        result="plan",
        said="the account does not include this",
        asked=1,
        sources=WT,
    ),
    Bad(
        name="404 no recent data",
        reply=Reply(status=404, body={"error": 'No recent data for zone "DE"'}),
        result="no_data",
        said="has no data now",
        asked=1,
        sources=EM,
    ),
    Bad(
        name="404",
        reply=Reply(status=404, body={"error": "not here"}),
        result="no_data",
        said="status 404",
        asked=1,
        sources=GB,
    ),
    Bad(
        name="404",
        reply=Reply(status=404, body={"error": "not here"}),
        result="zone",
        said="has no grid there (status 404)",
        asked=1,
        sources=WT,
    ),
    Bad(
        name="429 for a second",
        reply=Reply(status=429, headers={"Retry-After": "1"}),
        result="rate_limited",
        said="429",
        asked=TRIES,
    ),
    Bad(
        name="429 for an hour",
        reply=Reply(status=429, headers={"Retry-After": "3600"}),
        result="rate_limited",
        said="429",
        asked=1,
    ),
    Bad(
        name="429 without a time",
        reply=Reply(status=429),
        result="rate_limited",
        said="429",
        asked=TRIES,
    ),
    Bad(name="500", reply=Reply(status=500), result="server", said="status 500", asked=TRIES),
    Bad(
        name="503 with a page",
        reply=page(status=503),
        result="server",
        said="status 503",
        asked=TRIES,
    ),
    Bad(
        name="no byte of an answer",
        reply=WHOLE.broken(Fault.SILENT),
        result="timeout",
        said="no complete answer in time",
        asked=TRIES,
        patience=IMPATIENT,
    ),
    Bad(
        name="a body that drips",
        reply=WHOLE.broken(Fault.DRIPPING),
        result="timeout",
        said="no complete answer in time",
        asked=TRIES,
        patience=IMPATIENT,
    ),
    Bad(
        name="cut before the answer",
        reply=WHOLE.broken(Fault.CUT_BEFORE),
        result="unreachable",
        said="the connection broke",
        asked=TRIES,
    ),
    Bad(
        name="cut in the middle",
        reply=WHOLE.broken(Fault.CUT_WITHIN),
        result="unreachable",
        said="the connection broke",
        asked=TRIES,
    ),
    Bad(
        name="a page with status 200",
        reply=page(),
        result="malformed",
        said="a proxy or sign-in page may stand between",
        asked=1,
    ),
    Bad(
        name="truncated JSON",
        reply=WHOLE.broken(Fault.TRUNCATED),
        result="malformed",
        said="not whole JSON",
        asked=TRIES,
    ),
    Bad(
        name="sent elsewhere",
        reply=redirect("https://portal.invalid/login?secret=1"),
        result="malformed",
        said="sends us to portal.invalid; set that address",
        asked=1,
    ),
    Bad(
        name="status no-data",
        reply=Reply(body={"zone": "DE", "status": "no-data", "data": {}}),
        result="no_data",
        said="has no data for DE now",
        asked=1,
        sources=EM,
    ),
    Bad(
        name="no rows",
        reply=Reply(body={"zone": "DE", "data": []}),
        result="no_data",
        said="no",
        asked=1,
        sources=EM + GB,
    ),
    Bad(
        name="an empty object",
        reply=Reply(body={}),
        result="malformed",
        said="is",
        asked=1,
        sources=EM + WT,
    ),
    Bad(
        name="an empty object",
        reply=Reply(body={}),
        result="no_data",
        said="has no data now for GB",
        asked=1,
        sources=GB,
    ),
    Bad(
        name="another zone's data",
        reply=Reply(
            body={
                "zone": "FR",
                "carbonIntensity": 42,
                "datetime": "2026-10-01T12:00:00.000Z",
                "isEstimated": False,
            }
        ),
        result="zone",
        said="answered for 'FR' when asked for DE",
        asked=1,
        sources=EM,
    ),
    Bad(
        name="another region's data",
        reply=Reply(body={"data": [], "meta": {"region": "PJM_DC", "units": "lbs_co2_per_mwh"}}),
        result="zone",
        said="was asked for CAISO_NORTH and answered for PJM_DC",
        asked=1,
        sources=WT,
    ),
    Bad(
        name="a percentile",
        reply=Reply(
            body={
                "data": [{"point_time": "2026-10-01T12:00:00+00:00", "value": 42.0}],
                "meta": {"region": "CAISO_NORTH", "units": "percentile"},
            }
        ),
        result="unit",
        said="answered a percentile, which orders the hours of one region and cannot become grams",
        asked=1,
        sources=WT,
    ),
    Bad(
        name="other factors than asked for",
        reply=Reply(
            body={
                "zone": "DE",
                "carbonIntensity": 42,
                "datetime": "2026-10-01T12:00:00.000Z",
                "emissionFactorType": "direct",
            }
        ),
        result="malformed",
        said="`emissionFactorType` is 'direct', but lifecycle was asked for",
        asked=1,
        sources=EM,
    ),
    Bad(
        name="an instant without a zone",
        reply=Reply(body={"zone": "DE", "carbonIntensity": 42, "datetime": "2026-10-01T12:00:00"}),
        result="malformed",
        said="`datetime`",
        asked=1,
        sources=EM,
    ),
    Bad(
        name="an instant without a zone",
        reply=Reply(
            body={
                "data": [
                    {
                        "from": "2026-10-01T12:00",
                        "to": "2026-10-01T12:30",
                        "intensity": {"actual": 42, "forecast": 42},
                    }
                ]
            }
        ),
        result="malformed",
        said="`from`",
        asked=1,
        sources=GB,
    ),
    Bad(
        name="an instant without a zone",
        reply=Reply(
            body={
                "data": [{"point_time": "2026-10-01T12:00:00", "value": 42.0}],
                "meta": {"region": "CAISO_NORTH", "units": "lbs_co2_per_mwh"},
            }
        ),
        result="malformed",
        said="`point_time`",
        asked=1,
        sources=WT,
    ),
    Bad(name="an empty body", reply=Reply(body=""), result="malformed", said="JSON", asked=TRIES),
    Bad(name="a list", reply=Reply(body=[]), result="malformed", said="answer", asked=1),
)
