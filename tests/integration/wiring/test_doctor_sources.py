"""What `doctor` finds on the way to each source and in what it answers, with what to do about it."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from carbon_scaler.config.settings import load_settings
from carbon_scaler.storage.call_counts import PostgresCallCounts
from carbon_scaler.storage.pool import Pool
from carbon_scaler.wiring.doctor.findings import Finding, State
from carbon_scaler.wiring.doctor.sources import examine_sources
from tests.peers.electricity_maps import LIVE_TOKEN, SANDBOX_TOKEN, ElectricityMapsPeer
from tests.peers.neso import NesoPeer
from tests.peers.server import Fault, Peer, Reply, Request, page
from tests.peers.watttime import PASSWORD, USERNAME, WattTimePeer

NOBODY = "postgresql://carbon@127.0.0.1:1/carbon"
HTTP_SECRET = "hunter2-of-the-proxy"
SECRETS = (LIVE_TOKEN, SANDBOX_TOKEN, PASSWORD, HTTP_SECRET)


@dataclass(frozen=True, kw_only=True)
class Told:
    """The findings by check."""

    findings: Mapping[str, Finding]

    def good(self, check: str) -> str:
        return self._of(State.GOOD, check)

    def warning(self, check: str) -> str:
        return self._of(State.WARNING, check)

    def bad(self, check: str) -> str:
        return self._of(State.BAD, check)

    def _of(self, state: State, check: str) -> str:
        found = self.findings[check]
        assert found.state is state, found
        return found.text


async def told(**environment: str) -> Told:
    settings = load_settings({"DATABASE_URL": NOBODY, **environment})
    found = [finding async for finding in examine_sources(settings, environment)]
    assert [secret for secret in SECRETS if secret in str(found)] == []
    return Told(findings={finding.check: finding for finding in found})


def electricity_maps(address: str, token: str = LIVE_TOKEN, **more: str) -> dict[str, str]:
    return {
        "CARBON_SCALER_SOURCES": "electricity_maps",
        "CARBON_SCALER_REGIONS": "eu-central-1",
        "CARBON_SCALER_ELECTRICITY_MAPS_URL": address,
        "ELECTRICITY_MAPS_API_KEY": token,
        **more,
    }


def watttime(address: str, region: str = "us-east-1", password: str = PASSWORD) -> dict[str, str]:
    return {
        "CARBON_SCALER_SOURCES": "watttime",
        "CARBON_SCALER_REGIONS": region,
        "CARBON_SCALER_WATTTIME_URL": address,
        "WATTTIME_USERNAME": USERNAME,
        "WATTTIME_PASSWORD": password,
    }


def neso(address: str) -> dict[str, str]:
    return {
        "CARBON_SCALER_SOURCES": "neso,static",
        "CARBON_SCALER_REGIONS": "eu-west-2",
        "CARBON_SCALER_NESO_URL": address,
    }


def profiles(folder: Path, text: str) -> dict[str, str]:
    (folder / "region-profiles.yaml").write_text(text)
    return {"CARBON_SCALER_POLICY_DIR": str(folder)}


# All well


async def test_each_step_to_a_fresh_value_is_told(database_url: str):
    with Peer(ElectricityMapsPeer()) as peer:
        found = await told(**electricity_maps(peer.url, DATABASE_URL=database_url))

    assert list(found.findings) == [
        "sources",
        "electricity_maps network",
        "electricity_maps account",
        "electricity_maps eu-central-1",
        "electricity_maps quota",
    ]
    assert found.good("sources") == "electricity_maps"
    assert found.good("electricity_maps network").endswith("answers, TCP included")
    assert found.good("electricity_maps account") == "4 zones"
    assert found.good("electricity_maps eu-central-1").startswith("zone DE: ")
    assert "average/lifecycle" in found.good("electricity_maps eu-central-1")


async def test_an_account_of_watttime_is_logged_in_and_its_region_looked_up(database_url: str):
    with Peer(WattTimePeer()) as peer:
        found = await told(**watttime(peer.url), DATABASE_URL=database_url)

    assert found.good("watttime account") == "2 zones"
    assert found.good("watttime us-east-1").startswith("zone PJM_DC: ")
    assert "marginal/direct" in found.good("watttime us-east-1")


async def test_the_keyless_source_needs_no_account():
    with Peer(NesoPeer()) as peer:
        found = await told(**neso(peer.url))

    assert found.good("neso account") == "18 zones"
    assert found.good("neso eu-west-2").startswith("zone GB: ")


# Network


async def test_a_name_that_nobody_knows_stops_at_dns():
    found = await told(**electricity_maps("https://carbon-scaler.invalid"))

    assert found.bad("electricity_maps network") == (
        "carbon-scaler.invalid:443, DNS: the name is not known here; check DNS and the address"
    )
    assert "electricity_maps account" not in found.findings, "the rest would only repeat it"


async def test_a_closed_port_stops_at_tcp():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = await told(**electricity_maps(f"http://127.0.0.1:{taken.getsockname()[1]}"))

    assert "TCP: Connection refused" in found.bad("electricity_maps network")


async def test_a_certificate_that_nobody_trusts_stops_at_tls_and_naming_it_mends_that(
    monkeypatch: pytest.MonkeyPatch,
):
    with Peer(ElectricityMapsPeer(), tls=True) as peer:
        refused = await told(**electricity_maps(peer.url))
        monkeypatch.setenv("SSL_CERT_FILE", str(peer.certificate))
        trusted = await told(**electricity_maps(peer.url))

    assert "TLS: its certificate is not trusted" in refused.bad("electricity_maps network")
    assert "SSL_CERT_FILE" in refused.bad("electricity_maps network")
    assert trusted.good("electricity_maps network").endswith("answers, TLS included")
    assert trusted.good("electricity_maps eu-central-1")


async def test_behind_a_proxy_the_proxy_is_what_has_to_be_reached(
    monkeypatch: pytest.MonkeyPatch,
):
    with Peer(ElectricityMapsPeer()) as proxy:
        address = proxy.url.replace("http://", f"http://somebody:{HTTP_SECRET}@")
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        found = await told(**electricity_maps("http://carbon-scaler.invalid"))

    assert found.good("electricity_maps network") == (
        f"the proxy 127.0.0.1:{proxy.port} answers, TCP included"
    )
    assert found.good("electricity_maps eu-central-1")


async def test_an_address_that_no_proxy_serves_is_reached_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", "carbon-scaler.invalid:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Peer(ElectricityMapsPeer()) as peer:
        found = await told(**electricity_maps(peer.url))

    assert found.good("electricity_maps network").startswith(f"127.0.0.1:{peer.port} answers")


async def test_a_port_where_something_else_listens_is_no_source():
    with Peer(lambda _: page()) as peer:
        found = await told(**neso(peer.url))

    assert found.good("neso network")
    assert "answered a page, not data" in found.bad("neso eu-west-2")
    assert found.bad("neso eu-west-2").endswith("is that the provider's own address?")


async def test_a_source_that_fails_is_not_blamed_on_the_user():
    peer_of_neso = NesoPeer(overrides={"/": Reply(status=503)})
    with Peer(peer_of_neso) as peer:
        found = await told(**neso(peer.url))

    assert "answered status 503; the provider fails; nothing to do here" in found.bad(
        "neso eu-west-2"
    )


# Authentication, plan, zone


async def test_a_refused_key_is_told_with_the_name_of_its_variable():
    with Peer(ElectricityMapsPeer(tokens=set())) as peer:
        found = await told(**electricity_maps(peer.url))

    assert found.bad("electricity_maps eu-central-1").count("check ELECTRICITY_MAPS_API_KEY") == 1


async def test_a_refused_account_of_watttime_ends_at_the_account():
    with Peer(WattTimePeer()) as peer:
        found = await told(**watttime(peer.url, password="another-password"))

    assert found.bad("watttime account").endswith(
        "refused user name and password; check WATTTIME_USERNAME and WATTTIME_PASSWORD"
    )
    assert "watttime us-east-1" not in found.findings
    assert "another-password" not in str(found)


async def test_a_missing_key_is_told_by_its_variable():
    found = await told(CARBON_SCALER_SOURCES="electricity_maps")

    assert "needs ELECTRICITY_MAPS_API_KEY" in found.bad("sources")


async def test_what_the_plan_lacks_is_told_as_that():
    with Peer(ElectricityMapsPeer(access={"carbon-intensity/history"})) as peer:
        found = await told(**electricity_maps(peer.url))

    assert found.bad("electricity_maps eu-central-1").endswith(
        "; the account does not include this; another plan, or another source for it"
    )


async def test_a_sandbox_key_is_told_as_that():
    with Peer(ElectricityMapsPeer()) as peer:
        found = await told(**electricity_maps(peer.url, SANDBOX_TOKEN))

    assert found.bad("electricity_maps eu-central-1").endswith(
        "; a sandbox key; ask for a real one"
    )


async def test_an_unknown_zone_leads_to_the_profile(tmp_path: Path):
    policy = profiles(tmp_path, "regions:\n  eu-central-1: {zones: {electricity_maps: XX-NONE}}\n")
    with Peer(ElectricityMapsPeer()) as peer:
        found = await told(**electricity_maps(peer.url, **policy))

    assert "XX-NONE" in found.bad("electricity_maps eu-central-1")
    assert found.bad("electricity_maps eu-central-1").endswith(
        "; name the right zone in region-profiles.yaml"
    )


async def test_an_unknown_region_is_told_with_the_one_that_was_meant():
    environment = electricity_maps("http://127.0.0.1:1") | {"CARBON_SCALER_REGIONS": "eu-central-9"}

    found = await told(**environment)

    assert 'region "eu-central-9" is not known; did you mean' in found.bad("sources")


async def test_what_is_allowed_and_yet_surprising_is_a_warning():
    with Peer(NesoPeer()) as peer:
        found = await told(**neso(peer.url) | {"CARBON_SCALER_REGIONS": "eu-west-2,us-west-1"})

    assert found.warning("sources").startswith("us-west-1 has yearly averages only")


# Freshness


async def test_a_value_that_is_too_old_to_decide_is_a_warning_with_its_age():
    late = ElectricityMapsPeer(now=lambda: datetime.now(UTC) - timedelta(hours=6))
    with Peer(late) as peer:
        found = await told(**electricity_maps(peer.url))

    assert "at most 2h is usable" in found.warning("electricity_maps eu-central-1")


async def test_a_zone_without_a_value_at_present_is_told_as_that():
    nothing = Reply(status=404, body={"error": "No recent data for zone DE"})
    peer_of_maps = ElectricityMapsPeer(overrides={"carbon-intensity/latest": nothing})
    with Peer(peer_of_maps) as peer:
        found = await told(**electricity_maps(peer.url))

    assert found.bad("electricity_maps eu-central-1").endswith(
        "; the provider has nothing at present; the next source of the chain serves"
    )


async def test_a_zone_that_breaks_leaves_the_other_regions_checked():
    peer_of_maps = ElectricityMapsPeer()

    def cut_for_germany(request: Request) -> Reply:
        reply = peer_of_maps.faithful(request)
        return reply.broken(Fault.CUT_BEFORE) if request.query["zone"] == "DE" else reply

    peer_of_maps.overrides["carbon-intensity/latest"] = cut_for_germany
    both = {"CARBON_SCALER_REGIONS": "eu-central-1,eu-west-3"}
    with Peer(peer_of_maps) as peer:
        found = await told(**electricity_maps(peer.url) | both)

    assert found.bad("electricity_maps eu-central-1").endswith(
        "; check the network, proxies and NetworkPolicies"
    )
    assert found.good("electricity_maps eu-west-3").startswith("zone FR: ")


# Quota


async def test_requests_of_the_day_are_told_with_those_of_the_check(database_url: str, pool: Pool):
    with Peer(ElectricityMapsPeer()) as peer:
        found = await told(**electricity_maps(peer.url, DATABASE_URL=database_url))
        asked = len(peer.requests)

    assert asked > 1
    assert found.good("electricity_maps quota") == (f"{asked} requests today, no limit of your own")


async def test_a_quota_that_is_nearly_used_up_is_a_warning(database_url: str, pool: Pool):
    await spend(pool, "electricity_maps", 900)
    with Peer(ElectricityMapsPeer()) as peer:
        found = await told(
            **electricity_maps(
                peer.url, DATABASE_URL=database_url, ELECTRICITY_MAPS_QUOTA_PER_DAY="1000"
            )
        )

    assert found.warning("electricity_maps quota").endswith(" requests today of 1000")
    assert found.good("electricity_maps eu-central-1")


async def test_a_quota_that_is_used_up_is_told_and_nothing_is_asked(database_url: str, pool: Pool):
    await spend(pool, "electricity_maps", 1000)
    with Peer(ElectricityMapsPeer()) as peer:
        found = await told(
            **electricity_maps(
                peer.url, DATABASE_URL=database_url, ELECTRICITY_MAPS_QUOTA_PER_DAY="1000"
            )
        )
        asked = len(peer.requests)

    assert asked == 0
    assert found.warning("electricity_maps quota") == "1000 requests today of 1000"
    assert found.bad("electricity_maps eu-central-1").endswith(
        "; the day's own quota is used up; it begins anew at midnight UTC"
    )


async def test_a_quota_that_cannot_be_kept_is_told_as_ingest_would_refuse_it():
    with Peer(ElectricityMapsPeer()) as peer:
        found = await told(**electricity_maps(peer.url, ELECTRICITY_MAPS_QUOTA_PER_DAY="10"))

    assert "ELECTRICITY_MAPS_QUOTA_PER_DAY allows 10" in found.bad("sources")


async def test_without_a_database_sources_are_checked_and_their_quota_is_not_known():
    with Peer(NesoPeer()) as peer:
        found = await told(**neso(peer.url))

    assert found.good("neso eu-west-2")
    assert found.warning("neso quota") == "not known: requests are counted in the database"


async def spend(pool: Pool, source: str, calls: int) -> None:
    """Today's, and tomorrow's too, because midnight may pass before they are read."""
    today = datetime.now(UTC)
    for day in (today, today + timedelta(days=1)):
        await PostgresCallCounts(pool).spend(source, day, limit=None)
    await pool.execute("UPDATE ingest_calls SET calls = $1", calls)
