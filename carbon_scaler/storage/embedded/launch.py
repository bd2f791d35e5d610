"""Becomes the user that PostgreSQL accepts, then becomes PostgreSQL.

Run by path in an interpreter of its own: what it does between fork and exec is not safe in a
process that has threads, and here its complaints reach the log.
"""

import ctypes
import os
import signal
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1


def _system_call(name: str, *arguments: int) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 -- pathlib costs 5 ms here
        file.write(text)


def _enter_namespace(uid: int, gid: int) -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _system_call("unshare", CLONE_NEWUSER)
    _write("/proc/self/setgroups", "deny")  # else the group map is refused
    _write("/proc/self/uid_map", f"{uid} {outer_uid} 1")
    _write("/proc/self/gid_map", f"{gid} {outer_gid} 1")


def _become_account(uid: int, gid: int) -> None:
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)


def _stop_with_parent(parent: int) -> None:
    _system_call("prctl", PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != parent:
        sys.exit("FATAL: the process that starts the server is gone")


def main(parent: str, way: str, uid: str, gid: str, *command: str) -> None:
    try:
        if way == "namespace":
            _enter_namespace(int(uid), int(gid))
        elif way == "account":
            _become_account(int(uid), int(gid))
        # After the change of user, because that clears it.
        _stop_with_parent(int(parent))
        if command:
            os.execv(command[0], command)  # noqa: S606
    except OSError as error:
        sys.exit(f"FATAL: {command[0] if command else way}: {error.strerror}")


if __name__ == "__main__":
    main(*sys.argv[1:])
