"""The bounded window of hardlinks that Syncthing shares; removing a link here never removes the file itself."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from shared.adapters.local_files import resolve_beneath
from shared.domain.errors import Waiting

if TYPE_CHECKING:
    from pathlib import Path


class Window:
    """Counts what lies in the shared folder, and holds back what would be too much."""

    def __init__(self, folder: Path, most_files: int, most_bytes: int) -> None:
        self._folder = folder
        self._most_files, self._most_bytes = most_files, most_bytes
        self._lock = threading.Lock()
        self._sizes: dict[str, int] | None = None

    def admit(self, path: str, size: int) -> None:
        """Make room for a file, or raise Waiting until the phone has freed some."""
        with self._lock:
            sizes = self._known()
            if path in sizes:
                return
            full = len(sizes) >= self._most_files or sum(sizes.values()) + size > self._most_bytes
            if sizes and full:
                raise Waiting(
                    f"The phone's window is full ({len(sizes)} files): waiting for Google Photos "
                    'to upload them and for "Free up space" on the phone.',
                    attention="pixel-window-full",
                )
            sizes[path] = size

    def forget(self, path: str) -> None:
        """Give back the room of a file that did not get its link; a link that is there goes on counting.

        It is not taken away: the phone may have the file already, and would lose it before Google has it.
        """
        link = resolve_beneath(self._folder, path)
        with self._lock:
            if not os.path.lexists(link):
                self._known().pop(path, None)

    def release(self, path: str) -> None:
        """Remove the link; that the file itself stays is checked first."""
        link = resolve_beneath(self._folder, path)
        with self._lock:
            with suppress(FileNotFoundError):
                link.unlink()
            self._known().pop(path, None)
        with suppress(OSError):  # not empty: other links are in it
            link.parent.rmdir()

    def _known(self) -> dict[str, int]:
        if self._sizes is None:
            self._sizes = {
                os.path.relpath(os.path.join(where, name), self._folder): os.lstat(  # noqa: PTH118
                    os.path.join(where, name)  # noqa: PTH118 - paths as text, this runs over thousands
                ).st_size
                for where, _, names in os.walk(self._folder)
                for name in names
                if not name.startswith(".")
            }
        return self._sizes
