"""Reads the chunks of a PNG and carries its metadata over to another one, byte for byte; pure, it touches no file."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from services.compressor.verdict import Broken

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PICTURE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_STALE = frozenset({b"hIST", b"sPLT"})  # describe the old palette's use
_BEFORE_PALETTE = frozenset(
    {b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI"}
)


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, whole chunk) up to the end; raises Broken for a wrong checksum or a missing end."""
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        chunk = data[at : at + 12 + size]
        if len(chunk) < 12 + size or zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
            raise Broken(f"a PNG chunk is cut off or damaged (byte {at:,} of {len(data):,})")
        yield chunk[4:8], chunk
        if chunk[4:8] == b"IEND":
            return
        at += len(chunk)
    raise Broken("the PNG has no end: it was cut off")


def carries(parts: list[tuple[bytes, bytes]]) -> str | None:
    """Return what would be lost or wrong in a rendition, None when all can be carried over."""
    header = parts[0][1]
    bits, colour = header[16], header[17]
    if bits == 16:
        return "it has 16 bits a sample"
    if bits < 8 and colour == 0 and bits > 1:
        return f"it has {bits} bits of grey a sample"
    if any(name == b"acTL" for name, _ in parts):
        return "it is animated"
    if any(name in {b"caBX", b"cICP"} for name, _ in parts):
        return "it carries a signature or an HDR colour space"
    return None


def carry_over(source: list[tuple[bytes, bytes]], encoded: bytes) -> bytes:
    """Return `encoded` with every chunk of `source` that is not the picture itself."""
    kept = [(n, c) for n, c in source if n not in _PICTURE | _STALE]
    picture = [(n, c) for n, c in chunks(encoded) if n in _PICTURE]
    early = [c for n, c in kept if n in _BEFORE_PALETTE]
    late = [c for n, c in kept if n not in _BEFORE_PALETTE]
    header, *rest = picture
    split = next(i for i, (n, _) in enumerate(rest) if n == b"IDAT")
    before, after = [c for _, c in rest[:split]], [c for _, c in rest[split:]]
    return b"".join((_SIGNATURE, header[1], *early, *before, *late, *after))
