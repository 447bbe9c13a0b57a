"""Takes rights away from the process that calls it; it can give none back, and works as far as the system lets it.

No network: a namespace of its own without any interface, alone where that is permitted, else together with a user
namespace. No new rights: a program that it starts gains none by its file's owner.
"""

from __future__ import annotations

import ctypes
import resource

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # linux/sched.h
_NAME, _NO_NEW_PRIVILEGES = 15, 38  # linux/prctl.h


def cut_off() -> bool:
    """Leave the network, and gain no rights any more; has to come before any thread. Say whether the network is gone.

    Where the system refuses (user namespaces switched off, another system than Linux), only the container's own
    walls keep the network away.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare"):
        return False
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return any(libc.unshare(flags) == 0 for flags in (_NEW_NET, _NEW_NET | _NEW_USER))


def name_process(name: str) -> None:
    """Be called `name` (15 characters) in lists of processes, where the system has names for them."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_NAME, name.encode(), 0, 0, 0)


def cap(what: int, value: int) -> None:
    """Set a limit (`resource.RLIMIT_*`) for good, or the present one where that is lower."""
    _, hard = resource.getrlimit(what)
    lower = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (lower, lower))
