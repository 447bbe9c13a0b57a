"""Apple's real host names, all leading to a simulated iCloud on this machine; nothing here can reach Apple.

Best in a network namespace with a loopback of its own, a port 443 and an /etc/hosts; where the kernel forbids
namespaces, through a proxy that sends every host name to the simulator. `PHOTODUCT_FIDELITY=proxy` forces the latter.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest

from tests.fidelity.connect_proxy import proxy
from tests.integration.icloud_sim import Simulator, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Answer = TypeVar("Answer")
NAMES = (
    "idmsa.apple.com",
    "www.icloud.com",
    "setup.icloud.com",
    "p42-ckdatabasews.icloud.com",
    "cvws.icloud-content.com",
)
_CLONE_NEWNET, _CLONE_NEWNS = 0x40000000, 0x00020000
_MS_BIND, _MS_PRIVATE_EVERYWHERE = 0x1000, 0x44000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1
_libc = ctypes.CDLL(None, use_errno=True)


class World(Protocol):
    """A place in which Apple's host names lead to the simulator."""

    @property
    def simulator(self) -> Simulator:
        """Whatever is asked of it must be asked from there."""
        ...

    def do(self, act: Callable[[], Answer]) -> Answer:
        """Run something there, with what it starts; return or raise what it does."""
        ...


@dataclass(frozen=True)
class Namespace:
    """A thread, and all that it starts, with a network of its own."""

    simulator: Simulator
    thread: ThreadPoolExecutor

    def do(self, act: Callable[[], Answer]) -> Answer:
        """Run it in the thread."""
        return self.thread.submit(act).result()


@dataclass(frozen=True)
class Proxied:
    """This process, with a proxy in its environment."""

    simulator: Simulator

    def do(self, act: Callable[[], Answer]) -> Answer:
        """Run it here."""
        return act()


@contextmanager
def apple(library: Path, run_dir: Path, *more: str, proxied: bool = False) -> Iterator[World]:
    """Run a simulator that is known by Apple's host names."""
    names = [word for name in NAMES for word in ("--name", name)]
    run_dir.mkdir(parents=True)
    if proxied or os.environ.get("PHOTODUCT_FIDELITY") == "proxy":
        with _through_proxy(library, run_dir, *names, *more) as world:
            yield world
        return
    with ThreadPoolExecutor(1) as thread:
        try:
            thread.submit(_leave, run_dir / "hosts").result()
        except OSError:  # the kernel or a sandbox forbids it
            with _through_proxy(library, run_dir, *names, *more) as world:
                yield world
            return
        # Started by the thread, the simulator lives in its network and dies with it.
        scene = running(library, run_dir, "--port", "443", *names, *more)
        simulator = thread.submit(scene.__enter__).result()
        try:
            yield Namespace(simulator, thread)
        finally:
            thread.submit(scene.__exit__, None, None, None).result()


@contextmanager
def _through_proxy(library: Path, run_dir: Path, *arguments: str) -> Iterator[World]:
    with (
        running(library, run_dir, *arguments) as simulator,
        proxy(int(simulator.admin_url.rpartition(":")[2].partition("/")[0])) as address,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("HTTPS_PROXY", address)
        patch.setenv("NO_PROXY", "")
        yield Proxied(simulator)


def _leave(hosts: Path) -> None:
    """Give the calling thread a network and mounts of its own; raises OSError where that is forbidden."""
    _checked(_libc.unshare(_CLONE_NEWNET | _CLONE_NEWNS))
    _checked(_libc.mount(b"none", b"/", None, _MS_PRIVATE_EVERYWHERE, None))
    hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *NAMES)))
    _checked(_libc.mount(os.fsencode(hosts), b"/etc/hosts", None, _MS_BIND, None))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


def _checked(status: int) -> None:
    if status != 0:
        raise OSError(ctypes.get_errno(), "a namespace of our own is not allowed")
