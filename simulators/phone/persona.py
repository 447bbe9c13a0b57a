"""How this phone's owner behaves: what is deleted by hand and what is never backed up; it acts on nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Persona:
    """Globs or parts of a file's name, matched against the name and the whole relative path."""

    delete_by_hand: tuple[str, ...] = ()
    never_upload: tuple[str, ...] = ()

    def deletes(self, name: str) -> bool:
        """Tell whether the owner removes this file as soon as it arrives."""
        return _matches(name, self.delete_by_hand)

    def withholds(self, name: str) -> bool:
        """Tell whether the backup of this file never happens."""
        return _matches(name, self.never_upload)


def load_persona(file: Path | None) -> Persona:
    """Read the JSON form; no file means an owner who leaves everything alone."""
    if file is None:
        return Persona()
    told = json.loads(file.read_text())
    unknown = set(told) - {"delete_by_hand", "never_upload"}
    if unknown:
        message = f"{file}: unknown keys {sorted(unknown)}"
        raise ValueError(message)
    return Persona(tuple(told.get("delete_by_hand", ())), tuple(told.get("never_upload", ())))


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    last = name.rpartition("/")[2]
    return any(
        pattern in last or fnmatchcase(last, pattern) or fnmatchcase(name, pattern)
        for pattern in patterns
    )
