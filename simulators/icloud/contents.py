"""Where the bytes of a resource come from: a file, or numbers turned into bytes; it never writes any."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

Role = Literal["original", "live", "alternate", "edited", "edited_live"]
MIB = 1 << 20
_MAGIC = {
    ".jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00",
    ".heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    ".mov": b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ",
    ".mp4": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42",
    ".dng": b"II*\x00\x08\x00\x00\x00",
    ".png": b"\x89PNG\r\n\x1a\n",
}


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Bytes that follow from numbers alone; two that differ in any of them differ in every MiB."""

    seed: int
    number: int
    role: Role
    size: int
    suffix: str
    version: int = 0

    @property
    def name(self) -> str:
        """What to call it where a file would have its path."""
        return f"synthetic {self.seed}/{self.number}/{self.role}/{self.version}"


Content = Path | Synthetic


def pieces(content: Content, start: int, end: int, most: int = MIB) -> Iterator[bytes | memoryview]:
    """Give bytes [start, end) in pieces of at most `most`; raises OSError for a file that cannot be read."""
    match content:
        case Path() as path:
            yield from _of_file(path, start, end, most)
        case synthetic:
            for piece in _of_numbers(synthetic, start, end):
                for begin in range(0, len(piece), most):
                    yield piece[begin : begin + most]


def _of_file(path: Path, start: int, end: int, most: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (block := file.read(min(most, end - start))):
            start += len(block)
            yield block


def _of_numbers(content: Synthetic, start: int, end: int) -> Iterator[bytes | memoryview]:
    noise = _noise(content.seed)
    for block in range(start // MIB, -(-end // MIB)):
        head = _head(content, block)
        shift = int.from_bytes(head[-3:]) % MIB
        begin, stop = max(start - block * MIB, 0), min(end - block * MIB, MIB)
        if begin < len(head):
            yield head[begin:stop]
        if stop > len(head):
            yield noise[shift + max(begin, len(head)) : shift + stop]


def _head(content: Synthetic, block: int) -> bytes:
    text = f"{content.seed}|{content.number}|{content.role}|{content.version}|{block}"
    mark = hashlib.sha256(text.encode()).digest()
    return mark if block else _MAGIC.get(content.suffix, b"") + mark


@lru_cache(maxsize=4)
def _noise(seed: int) -> memoryview:
    return memoryview(random.Random(seed).randbytes(2 * MIB))  # noqa: S311  (no secret)
