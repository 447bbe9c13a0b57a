"""Forks one confined process for each hostile file from a parent that has the codecs loaded; itself it opens no file.

    python -m services.compressor.pool.zygote FD PARENT

PARENT is the service's process id: when that dies, this dies at once, while it loads the codecs, too. FD is a socket. Each message on it brings three descriptors of one job: its talk (stdin and stdout), its words
(stderr) and its line to us. On the line go a `b` when the child is born and its exit code when it ends; the other
side's hanging up asks for its death. When FD ends, all children are killed; when this is killed, the system kills them.
Nothing of one file reaches the next.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import NoReturn

from services.compressor.pool import worker
from services.compressor.pool.confine import cut_off, name_process
from shared.adapters.parent_death import DieWith

BORN = b"b"
DECODER = "ph-decoder"
"""The children's name in `ps` and `top`, as they share the command line of their parent."""
_FDS = 3


class Zygote:
    """Single-threaded, so that a fork copies no lock that somebody holds."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._lines: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = socket.socketpair()
        self._wake.setblocking(False)

    def serve(self) -> None:
        """Work until the service is gone; then kill what is left."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno())
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        try:
            while self._turn():
                pass
        finally:
            for pid in self._lines:
                _kill(pid)

    def _turn(self) -> bool:
        """Handle what has come; False when the service has hung up."""
        for key, _ in self._selector.select():
            if key.fileobj is self._control:
                if not self._receive():
                    return False
            elif key.fileobj is self._woken:
                self._woken.recv(4096)
                self._bury()
            else:  # its line: the service gave the job up
                self._selector.unregister(key.fileobj)
                _kill(key.data)
        return True

    def _receive(self) -> bool:
        message, fds, _, _ = socket.recv_fds(self._control, 16, _FDS)
        if not message:
            return False
        if len(fds) == _FDS:
            self._fork(*fds)
        else:  # there was no room for all: this job alone fails, as its line ends
            for fd in fds:
                os.close(fd)
        return True

    def _fork(self, talk: int, words: int, line_fd: int) -> None:
        line, parent = socket.socket(fileno=line_fd), os.getpid()
        try:
            pid = os.fork()
        except OSError:  # no room for one more: this job alone fails, the others go on
            os.close(talk)
            os.close(words)
            line.close()
            return
        if pid == 0:
            DieWith(parent, signal.SIGKILL)()
            self._become_child(talk, words, line)
        with suppress(OSError):  # the child does the same; whoever is first
            os.setpgid(pid, pid)
        os.close(talk)
        os.close(words)
        self._lines[pid] = line
        self._selector.register(line, selectors.EVENT_READ, pid)
        with suppress(OSError):
            line.send(BORN)

    def _become_child(self, talk: int, words: int, line: socket.socket) -> NoReturn:
        """Let go of all that is ours or another job's, do the one job, and end."""
        status = 1
        try:
            name_process(DECODER)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with suppress(OSError):
                os.setpgid(0, 0)
            self._selector.close()
            for one in (self._control, self._woken, self._wake, line, *self._lines.values()):
                one.close()
            for fd, place in ((talk, 0), (talk, 1), (words, 2)):
                os.dup2(fd, place)
            os.close(talk)
            os.close(words)
            worker.main()
            status = 0
        except BaseException:  # noqa: BLE001 - nothing may unwind into the zygote's own frames
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _bury(self) -> None:
        """Kill what a dead child has started, reap it, and tell how it ended; its number is not given anew before."""
        while self._lines and (
            dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        ):
            _kill(dead.si_pid)
            _, status = os.waitpid(dead.si_pid, 0)
            if line := self._lines.pop(dead.si_pid, None):
                with suppress(KeyError):
                    self._selector.unregister(line)
                with suppress(OSError):
                    line.send(str(os.waitstatus_to_exitcode(status)).encode())
                line.close()


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def main() -> None:
    """Load the codecs once, leave the network, and fork until the service hangs up."""
    control = socket.socket(fileno=int(sys.argv[1]))
    cut_off()
    die_with_service = DieWith(int(sys.argv[2]), signal.SIGKILL)
    die_with_service()  # only now: a change of rights may cancel the order
    name_process("ph-zygote")
    worker.warm_up()
    gc.collect()
    gc.freeze()  # the children share these pages as long as no collector writes to them
    Zygote(control).serve()


if __name__ == "__main__":
    main()
