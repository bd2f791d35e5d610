"""Which user the embedded server runs as: PostgreSQL refuses root and users without a name."""

import os
import pwd
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from carbon_scaler.storage.embedded.binaries import EmbeddedPostgresError

ROOT = 0
PREFERRED_ACCOUNTS = ("postgres", "nobody")

Way = Literal["direct", "namespace", "account"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerIdentity:
    """`direct`: as we are. `namespace`: as we are, under another name. `account`: as another."""

    way: Way
    uid: int  # owner of the server's files
    gid: int
    name: tuple[int, int] = (0, 0)  # user and group that the server takes itself for

    def first_closed(self, path: Path) -> Path | None:
        """The first directory on the way to `path`, or `path`, that this user may not enter."""
        real = path.resolve()
        way = (*reversed(real.parents), real)
        return next((part for part in way if not self._may_enter(part)), None)

    def _may_enter(self, directory: Path) -> bool:
        status = directory.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & 0o100)
        return bool(status.st_mode & (0o010 if status.st_gid == self.gid else 0o001))


async def server_identity(
    owner: int | None, permitted: Callable[[ServerIdentity], Awaitable[bool]]
) -> ServerIdentity:
    """The user to run as; `owner` is the user id that existing data belong to."""
    uid, gid = os.geteuid(), os.getegid()
    if uid != ROOT and _has_name(uid):
        return ServerIdentity(way="direct", uid=uid, gid=gid)
    if named := _other_account():
        name = (named.pw_uid, named.pw_gid)
        account = ServerIdentity(way="account", uid=named.pw_uid, gid=named.pw_gid, name=name)
        if uid == ROOT and owner == account.uid:
            return account
        namespace = ServerIdentity(way="namespace", uid=uid, gid=gid, name=name)
        if await permitted(namespace):
            return namespace
        if uid == ROOT:
            return account
    reason = "it is root" if uid == ROOT else "/etc/passwd does not name it"
    raise EmbeddedPostgresError(
        f"PostgreSQL cannot run as user id {uid} ({reason}) and this system does not permit "
        "user namespaces: run as a user that /etc/passwd names, or set DATABASE_URL to a server"
    )


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _other_account() -> pwd.struct_passwd | None:
    ordinary = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != ROOT}
    preferred = (ordinary[name] for name in PREFERRED_ACCOUNTS if name in ordinary)
    return next(preferred, None) or next(iter(ordinary.values()), None)
