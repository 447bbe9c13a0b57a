"""The played pair's index: who has which version of which file; it knows no disk but its own journal."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from simulators.phone.google_store import append_line, read_lines

if TYPE_CHECKING:
    from pathlib import Path

Version = dict[str, int]


class Side(StrEnum):
    """Whose knowledge an entry is; `TOLD` is what the phone has told the server so far."""

    SERVER = "server"
    PHONE = "phone"
    TOLD = "told"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in one index."""

    size: int
    mtime_ns: int
    sha256: str
    by: str
    version: Version
    deleted: bool = False
    sequence: int = 0


class Index:
    """Three tables of entries, kept over restarts."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._tables: dict[Side, dict[str, Entry]] = {side: {} for side in Side}
        self.sequences = dict.fromkeys(Side, 0)
        for row in read_lines(journal):
            self._load(Side(row["side"]), row["path"], Entry(**row["entry"]))

    def get(self, side: Side, path: str) -> Entry | None:
        """Answer one side's entry."""
        return self._tables[side].get(path)

    def items(self, side: Side) -> list[tuple[str, Entry]]:
        """Answer a copy of one side's table."""
        return list(self._tables[side].items())

    def put(self, side: Side, path: str, entry: Entry) -> Entry:
        """Record an entry under the side's next sequence number."""
        numbered = replace(entry, sequence=self.sequences[side] + 1)
        append_line(self._journal, {"side": side.value, "path": path, "entry": asdict(numbered)})
        self._load(side, path, numbered)
        return numbered

    def _load(self, side: Side, path: str, entry: Entry) -> None:
        self._tables[side][path] = entry
        self.sequences[side] = max(self.sequences[side], entry.sequence)

    def newest(self, path: str) -> Entry | None:
        """Answer the global entry as the server sees it; in a conflict the living file wins."""
        here, told = self.get(Side.SERVER, path), self.get(Side.TOLD, path)
        if here is None or told is None:
            return here or told
        if covers(here.version, told.version):
            return here
        if covers(told.version, here.version) or here.deleted:
            return told
        return here

    def phone_needs(self, path: str) -> bool:
        """Tell whether the server's entry is news to the phone."""
        here, there = self.get(Side.SERVER, path), self.get(Side.PHONE, path)
        if here is None or (there is None and here.deleted):
            return False
        return there is None or not covers(there.version, here.version)

    def server_needs(self) -> list[tuple[str, Entry]]:
        """Answer the phone's news that a send-only server does not follow."""
        return [
            (path, told)
            for path, told in self.items(Side.TOLD)
            if (here := self.get(Side.SERVER, path)) is not None
            and self.newest(path) is told
            and here.version != told.version
        ]


def covers(one: Version, other: Version) -> bool:
    """Tell whether the first version is the other or descends from it."""
    return all(one.get(who, 0) >= count for who, count in other.items())


def following(who: str, *entries: Entry | None) -> Version:
    """Answer the version after these, made by one device; counters follow the clock as Syncthing's do."""
    merged: Version = {}
    for entry in entries:
        for other, count in (entry.version if entry else {}).items():
            merged[other] = max(merged.get(other, 0), count)
    return merged | {who: max(merged.get(who, 0) + 1, int(time.time()))}


def as_json(path: str, entry: Entry) -> dict[str, Any]:
    """Answer the form in which `db/file` and `db/need` show an entry."""
    return {
        "deleted": entry.deleted,
        "ignored": False,
        "invalid": False,
        "localFlags": 0,
        "modified": go_time(entry.mtime_ns),
        "modifiedBy": entry.by,
        "mustRescan": False,
        "name": path,
        "noPermissions": True,
        "numBlocks": 0 if entry.deleted else 1 + entry.size // 131_072,
        "sequence": entry.sequence,
        "size": entry.size,
        "type": "FILE_INFO_TYPE_FILE",
        "version": [f"{who}:{count}" for who, count in sorted(entry.version.items())],
    }


def go_time(nanoseconds: int) -> str:
    """Write a moment as Go does: nanoseconds without trailing zeros, in UTC."""
    second, fraction = divmod(nanoseconds, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    digits = f"{fraction:09d}".rstrip("0")
    return f"{text}.{digits}Z" if digits else f"{text}Z"
