"""What is asked of WattTime v3."""

from base64 import b64encode
from dataclasses import replace
from datetime import datetime

from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.providers.answers import Request

SIGNAL_TYPE = "co2_moer"


def login_request(username: str, password: str) -> Request:
    """A token for half an hour; the only path outside of v3."""
    credentials = b64encode(f"{username}:{password}".encode()).decode("ascii")
    return Request(path="/login", headers={"Authorization": f"Basic {credentials}"})


def with_token(request: Request, token: str) -> Request:
    """The same in the account's name."""
    return replace(request, headers={"Authorization": f"Bearer {token}"})


def region_request(region: CloudRegion) -> Request:
    """Which grid lies at a cloud region's coordinates."""
    return _request(
        "region-from-loc", latitude=str(region.latitude), longitude=str(region.longitude)
    )


def forecast_request(zone: str, horizon_hours: int) -> Request:
    """Points from the present one on; a horizon of 0 is the present one alone."""
    return _request("forecast", region=zone, horizon_hours=str(horizon_hours))


def history_request(zone: str, since: datetime, until: datetime) -> Request:
    """Points from `since` to `until`, both of them included."""
    return _request(
        "historical",
        region=zone,
        start=since.isoformat(timespec="seconds"),
        end=until.isoformat(timespec="seconds"),
        include_imputed_marker="true",
    )


def index_request(zone: str) -> Request:
    """The present percentile within the next day."""
    return _request("signal-index", region=zone)


def access_request() -> Request:
    """What the account may use."""
    return _request("my-access")


def _request(endpoint: str, **query: str) -> Request:
    return Request(path=f"/v3/{endpoint}", query={**query, "signal_type": SIGNAL_TYPE})
