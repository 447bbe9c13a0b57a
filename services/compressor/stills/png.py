"""Reads the chunks of a PNG and puts newly packed pixels in their place, byte for byte the rest; pure, it touches no file.

PNG, third edition, chapter 5. Only the IDAT chunks change: header, palette and every other chunk stay where they are, so
nothing but the packing of the pixels can differ.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.compressor.verdict import Broken, Keep

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS = 1_000_000
_HEADER = 25  # bytes of a whole IHDR chunk


@dataclass(frozen=True, slots=True)
class Chunks:
    """A PNG taken apart: the chunks before, of and behind its pixels, and what lies behind the end."""

    before: tuple[bytes, ...]
    pixels: tuple[bytes, ...]
    behind: tuple[bytes, ...]
    trailer: bytes

    @property
    def header(self) -> bytes:
        """The whole IHDR chunk."""
        return self.before[0]

    @property
    def names(self) -> frozenset[bytes]:
        """The names of all chunks that are not pixels."""
        return frozenset(chunk[4:8] for chunk in (*self.before, *self.behind))


def take_apart(data: bytes) -> Chunks:
    """Take a PNG apart; raises Broken for a wrong checksum, a wrong order or a missing end."""
    found = list(_chunks(data))
    at = [n for n, chunk in enumerate(found) if chunk[4:8] == b"IDAT"]
    if not at or found[0][4:8] != b"IHDR" or len(found[0]) != _HEADER:
        raise Broken("the PNG has no header or no pixels")
    first, last = at[0], at[-1] + 1
    if last - first != len(at):
        raise Broken("the PNG's pixels are interrupted by other chunks")
    end = len(SIGNATURE) + sum(map(len, found))
    return Chunks(tuple(found[:first]), tuple(found[first:last]), tuple(found[last:]), data[end:])


def _chunks(data: bytes) -> Iterator[bytes]:
    at = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        size = int.from_bytes(data[at : at + 4])
        chunk = data[at : at + 12 + size]
        if len(chunk) < 12 + size or zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
            raise Broken(f"a PNG chunk is cut off or damaged (byte {at:,} of {len(data):,})")
        yield chunk
        if chunk[4:8] == b"IEND":
            return
        at += len(chunk)
    raise Broken(f"the PNG has more than {_MOST_CHUNKS:,} chunks")


def obstacle(source: Chunks) -> str | None:
    """Return why a rendition would lose something or be wrong, None when all can be kept."""
    if source.names & {b"acTL", b"fcTL", b"fdAT"}:
        return "it is animated"
    if b"caBX" in source.names:
        return "it carries a signature, which new bytes would break"
    if is_deep(source) and source.header[17] == 4:
        return "it has 16 bits a sample of grey and alpha"
    return None


def is_deep(source: Chunks) -> bool:
    """Say whether it has 16 bits a sample."""
    return source.header[16] == 16


def with_pixels(source: Chunks, packed: Chunks) -> bytes:
    """Return `source` with the pixel chunks of `packed`; raises Keep unless both headers are the same."""
    if source.header != packed.header:
        raise Keep("the rendition came out with another size, depth or colour type")
    chunks = (*_lasting(source.before), *packed.pixels, *_lasting(source.behind))
    return b"".join((SIGNATURE, *chunks, source.trailer))


def account(source: bytes, made: bytes) -> str:
    """Compare every chunk but the pixels, in order; return what was kept, raise Keep for a difference."""
    old, new = take_apart(source), take_apart(made)
    kept = _lasting(old.before), _lasting(old.behind)
    if (*kept, old.trailer) != (new.before, new.behind, new.trailer):
        raise Keep("the rendition's chunks differ")
    return f"{sum(map(len, kept))} chunks the same"


def _lasting(chunks: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Leave out Apple's index into the packed pixels: a wrong one makes Apple's decoder start in the wrong place."""
    return tuple(chunk for chunk in chunks if chunk[4:8] != b"iDOT")
