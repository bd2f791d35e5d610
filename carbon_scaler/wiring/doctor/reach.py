"""How far a connection gets: name, port, encryption."""

import asyncio
import os
import socket
import ssl
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

SECONDS = 5.0


class Stage(StrEnum):
    """The steps of a connection, in order."""

    DNS = "DNS"
    TCP = "TCP"
    TLS = "TLS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """The last step that was tried, and what stopped it; None: nothing did."""

    place: str
    stage: Stage
    trouble: str | None = None


async def reach(address: str, *, seconds: float = SECONDS) -> Reached:
    """Tries an `http` or `https` address, or its proxy, as far as its encryption, and hangs up."""
    proxy = _proxy_of(address)
    parts = urlsplit(proxy or address)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = await reach_host(host, port, encrypted=parts.scheme == "https", seconds=seconds)
    return found if proxy is None else replace(found, place=f"the proxy {found.place}")


def _proxy_of(address: str) -> str | None:
    """Where HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY lead the client's requests."""
    parts = urlsplit(address)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


async def reach_host(
    host: str, port: int, *, encrypted: bool = False, seconds: float = SECONDS
) -> Reached:
    """Tries a host and port."""
    place = f"{host}:{port}"
    stages = [(Stage.DNS, _resolve), (Stage.TCP, _connect)]
    if encrypted:
        stages.append((Stage.TLS, _encrypt))
    stage = Stage.DNS
    for stage, attempt in stages:
        try:
            async with asyncio.timeout(seconds):
                await attempt(host, port)
        except (OSError, TimeoutError) as error:
            return Reached(place=place, stage=stage, trouble=_trouble(stage, error))
    return Reached(place=place, stage=stage)


async def _resolve(host: str, port: int) -> None:
    await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def _connect(host: str, port: int) -> None:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()


async def _encrypt(host: str, port: int) -> None:
    context = ssl.create_default_context()
    _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    writer.close()


def _trouble(stage: Stage, error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({error.verify_message}); a proxy that opens TLS? "
            "add its authority with SSL_CERT_FILE"
        )
    if isinstance(error, TimeoutError):
        return "no answer in time; a firewall or NetworkPolicy that drops packets?"
    if stage is Stage.DNS:
        return "the name is not known here; check DNS and the address"
    if stage is Stage.TLS:
        return "does not speak TLS there; http instead of https?"
    cause = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return f"{cause}; is the port right, and open from here?"
