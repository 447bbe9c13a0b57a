"""Plays the Google Photos app on the phone: backs up, refuses, frees up space; it never writes a photo."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from simulators.phone.google_rules import refusal
from simulators.phone.google_store import append_line, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulators.phone.google_store import GoogleStore
    from simulators.phone.persona import Persona

_TEMPORARY = (".syncthing.", "~syncthing~", ".st")


class GooglePhotos:
    """The app and its owner, looking at the phone's folder at each `tick`."""

    def __init__(
        self, phone: Path, store: GoogleStore, persona: Persona, *, free_after: float | None
    ) -> None:
        self._phone = phone
        self._store = store
        self._persona = persona
        self._free_after = free_after
        self._decided: dict[str, tuple[int, int]] = {}
        self._backed_up: dict[str, float] = {}
        self._log = phone.parent / "removed.jsonl"
        self._to_free: frozenset[str] = frozenset()

    def free_up_space(self) -> int:
        """Do what the button does: at the next look, remove all that is backed up now; answer how many."""
        self._to_free = frozenset(self._backed_up)
        return len(self._to_free)

    def removed(self) -> list[dict[str, Any]]:
        """Answer what was removed from the phone: name, why (`freed`, `by_hand`) and when."""
        return read_lines(self._log)

    def tick(self) -> bool:
        """Look at every file once; answer whether something was removed from the phone."""
        files = list(whole_files(self._phone))
        gone = [self._visit(name, file) for name, file in files]
        freed = [self._free(name, file) for name, file in files]
        return any(gone) or any(freed)

    def _visit(self, name: str, file: Path) -> bool:
        try:
            stat = file.stat()
            print_of = (stat.st_size, stat.st_mtime_ns)
            if self._decided.get(name) == print_of:
                return False
            if self._persona.deletes(name):
                return self._remove(name, file, "by_hand")
            self._back_up(name, file, stat.st_size)
        except FileNotFoundError:
            return False
        self._decided[name] = print_of
        return False

    def _back_up(self, name: str, file: Path, size: int) -> None:
        self._backed_up.pop(name, None)
        if self._persona.withholds(name):
            return
        reason = refusal(file)
        if reason is not None:
            self._store.refuse(name, size, reason)
            return
        self._backed_up[name] = self._store.upload(name, file).at

    def _free(self, name: str, file: Path) -> bool:
        at = self._backed_up.get(name)
        if at is None:
            return False
        in_time = self._free_after is not None and time.time() - at >= self._free_after
        if not in_time and name not in self._to_free:
            return False
        return self._remove(name, file, "freed")

    def _remove(self, name: str, file: Path, why: str) -> bool:
        append_line(self._log, {"name": name, "why": why, "at": time.time()})
        file.unlink(missing_ok=True)
        self._decided.pop(name, None)
        self._backed_up.pop(name, None)
        return True


def whole_files(folder: Path, start: Path | None = None) -> Iterator[tuple[str, Path]]:
    """Yield relative name and path of every received file; transfers under way have other names."""
    for file in sorted((start or folder).rglob("*")):
        name = file.relative_to(folder).as_posix()
        hidden = any(part.startswith(_TEMPORARY) for part in name.split("/"))
        if not hidden and file.is_file():
            yield name, file
