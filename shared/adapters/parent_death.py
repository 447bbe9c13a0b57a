"""Has the system end a process when its parent ends, however that ends; it can end no process but the one that asks for it.

Linux alone knows such an order; elsewhere only a parent that is gone already is noticed.
"""

from __future__ import annotations

import ctypes
import os
import signal
from dataclasses import dataclass
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class DieWith:
    """To be called in the child, before its program: `number` is sent to it when the thread that started it ends.

    `parent` is the process that started it, by its id. A program started in the child's place keeps the order, its
    children do not.
    """

    parent: int
    number: signal.Signals = signal.SIGTERM

    def __call__(self) -> None:
        """Give the order; end at once when the parent died before that."""
        if hasattr(_libc, "prctl"):
            _libc.prctl(_PR_SET_PDEATHSIG, self.number, 0, 0, 0)
        if os.getppid() != self.parent:
            os._exit(1)
