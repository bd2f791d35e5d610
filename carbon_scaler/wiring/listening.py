"""Is there a free port to listen on?"""

import errno
import os
import socket

from carbon_scaler.domain.errors import CarbonScalerError


class ListenError(CarbonScalerError):
    """This address and port can't be listened on."""


def listen(host: str, port: int, *, setting: str) -> socket.socket:
    """A listening socket, or an error that names the setting to change.

    Who connects before somebody serves it waits, and is not refused.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen()
    except OSError as error:
        raise ListenError(_text(error, host, port, setting)) from error
    return bound


def ensure_free(host: str, port: int, *, setting: str) -> None:
    """Refuse a port that another process listens on; 0 is always free."""
    listen(host, port, setting=setting).close()


def _text(error: OSError, host: str, port: int, setting: str) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"CARBON_SCALER_BIND: {host} is no address of this machine; 127.0.0.1 or 0.0.0.0 is"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; set {setting} to another one, or to 0 for any"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights; set {setting} to one above 1023"
    return f"port {port} on {host}: {os.strerror(error.errno or 0)}; set {setting} to another one"
