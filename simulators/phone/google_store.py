"""What Google holds: uploaded bytes by hash, and a log of uploads and refusals; nothing is ever removed from it."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """One backed-up file; `name` is its path on the phone, `at` is in seconds since 1970."""

    sha256: str
    size: int
    name: str
    at: float


class GoogleStore:
    """`objects/<sha256>`, `uploads.jsonl` and `refused.jsonl` under one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._objects = root / "objects"
        self._objects.mkdir(parents=True, exist_ok=True)
        self._uploads = {
            (row["name"], row["sha256"]): Upload(**row)
            for row in read_lines(root / "uploads.jsonl")
        }
        self._refused = {(row["name"], row["size"]) for row in self.refusals()}

    def uploads(self) -> list[Upload]:
        """Answer everything that was backed up, in order."""
        return list(self._uploads.values())

    def refusals(self) -> list[dict[str, Any]]:
        """Answer everything that was left alone, with the reasons."""
        return read_lines(self._root / "refused.jsonl")

    def upload(self, name: str, file: Path) -> Upload:
        """Take the bytes of a complete file; the same name and bytes are taken once."""
        sha256, size = self._keep(file)
        known = self._uploads.get((name, sha256))
        if known is not None:
            return known
        upload = Upload(sha256, size, name, time.time())
        append_line(self._root / "uploads.jsonl", asdict(upload))
        self._uploads[name, sha256] = upload
        return upload

    def refuse(self, name: str, size: int, reason: str) -> None:
        """Note why a file is left alone."""
        if (name, size) in self._refused:
            return
        self._refused.add((name, size))
        row = {"name": name, "size": size, "reason": reason, "at": time.time()}
        append_line(self._root / "refused.jsonl", row)

    def _keep(self, file: Path) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        part = self._root / "upload.part"
        with file.open("rb") as source, part.open("wb") as target:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += target.write(chunk)
        part.replace(self._objects / digest.hexdigest())
        return digest.hexdigest(), size


def append_line(file: Path, row: dict[str, Any]) -> None:
    """Add one JSON line, on a line of its own even after a torn one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+b") as stream:
        torn = stream.seek(0, 2) > 0 and stream.seek(-1, 2) >= 0 and stream.read(1) != b"\n"
        stream.write((b"\n" if torn else b"") + json.dumps(row).encode() + b"\n")


def read_lines(file: Path) -> list[dict[str, Any]]:
    """Read JSON lines; a line torn by a kill is skipped."""
    if not file.exists():
        return []
    rows = []
    for line in file.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows
