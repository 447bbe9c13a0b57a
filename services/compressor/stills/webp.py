"""Puts a newly coded picture in the place of a WebP's own, byte for byte the rest; pure, it decodes no pixel.

RFC 9649, 2.3 to 2.7. Only the chunk of the picture and the file's own length change, so nothing else can be lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = 12
_PICTURE: Final = b"VP8 "
_SIZES = slice(15, 18, 2)  # of its chunk: the high bytes of width and height
_SCALED = 0xC0  # of them (RFC 6386, 9.1): show it larger than it is; encoders here never say so
_MOST = 1000  # chunks; of one picture, writers come to six
_OTHERS: Final = {
    b"ANIM": "it is animated",
    b"ANMF": "it is animated",
    b"VP8L": "it is stored without loss",
    b"ALPH": "it is transparent",
    b"C2PA": "it carries a signature, which new bytes would break",
}
"""Chunks of which no rendition is made, and why."""


@dataclass(frozen=True, slots=True)
class Chunks:
    """A WebP of one picture taken apart: its whole chunk, those before and those behind it."""

    before: tuple[bytes, ...]
    picture: bytes
    behind: tuple[bytes, ...]


def take_apart(data: bytes) -> Chunks:
    """Take apart a WebP that was decoded already; raises Keep for one of which something would be lost."""
    found = list(islice(_chunks(data), _MOST + 1))
    if len(found) > _MOST:
        raise Keep(f"it has more than {_MOST:,} chunks")
    names = [chunk[:4] for chunk in found]
    if reason := next((_OTHERS[name] for name in names if name in _OTHERS), None):
        raise Keep(reason)
    if names.count(_PICTURE) != 1:
        raise Keep("it holds not one picture")
    at = names.index(_PICTURE)
    if any(size & _SCALED for size in found[at][_SIZES]):
        raise Keep("it asks to be shown larger than it is, which a rendition would not")
    return Chunks(tuple(found[:at]), found[at], tuple(found[at + 1 :]))


def _chunks(data: bytes) -> Iterator[bytes]:
    """Yield whole chunks, filled up to an even length."""
    if data[:4] != b"RIFF" or len(data) != 8 + int.from_bytes(data[4:8], "little"):
        raise Keep("its length is another one than it says")
    at = _HEADER
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        if at + 8 > len(data) or end > len(data):
            raise Keep("one of its chunks is cut off")
        yield data[at:end]
        at = end


def with_picture(source: Chunks, encoded: bytes) -> bytes:
    """Return `source` with the picture of another WebP."""
    body = b"".join((*source.before, take_apart(encoded).picture, *source.behind))
    return b"RIFF" + (4 + len(body)).to_bytes(4, "little") + b"WEBP" + body


def account(source: bytes, made: bytes) -> str:
    """Compare every chunk but the picture, in order; return what was kept, raise Keep for a difference."""
    old, new = take_apart(source), take_apart(made)
    if (old.before, old.behind) != (new.before, new.behind):
        raise Keep("the rendition's chunks differ")
    return f"{len(old.before) + len(old.behind)} chunks the same"
