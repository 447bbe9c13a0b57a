"""Tells what a file is by its first bytes, never by its name, and when the two disagree; reads only."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from services.compressor.films.mp4 import NotMp4, read_movie
from services.compressor.tiers.policy import Kind

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"GIF87a", Kind.GIF),
    (b"GIF89a", Kind.GIF),
    (b"II*\x00", Kind.RAW),  # TIFF, DNG, NEF, ARW, CR2
    (b"MM\x00*", Kind.RAW),
    (b"II+\x00", Kind.RAW),
    (b"MM\x00+", Kind.RAW),
    (b"IIU\x00", Kind.RAW),  # Panasonic
    (b"IIRO", Kind.RAW),  # Olympus
    (b"FUJIFILMCCD-RAW", Kind.RAW),
    (b"8BPS", Kind.RAW),  # Photoshop: like RAW, a master that nothing here may touch
    (b"\x1aE\xdf\xa3", Kind.OTHER_VIDEO),  # Matroska, WebM
    (b"\x00\x00\x01\xba", Kind.OTHER_VIDEO),  # MPEG-PS
)
_STILL_BRANDS = {
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), Kind.HEIC
    ),
    **dict.fromkeys((b"avif", b"avis"), Kind.AVIF),
    b"crx ": Kind.RAW,
}
_OLD_QUICKTIME = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_VIDEO_CODECS = {
    **dict.fromkeys((b"avc1", b"avc3"), Kind.H264),
    **dict.fromkeys((b"hvc1", b"hev1", b"dvh1", b"dvhe"), Kind.HEVC),
}


_FILMS = frozenset({".mov", ".qt", ".mp4", ".m4v", ".3gp", ".3g2"})
_SUFFIXES = {
    Kind.JPEG: frozenset({".jpg", ".jpeg", ".jpe", ".jfif"}),
    Kind.HEIC: frozenset({".heic", ".heif", ".hif"}),
    Kind.PNG: frozenset({".png"}),
    Kind.WEBP: frozenset({".webp"}),
    Kind.AVIF: frozenset({".avif"}),
    Kind.H264: _FILMS,
    Kind.HEVC: _FILMS,
}


def misnamed(path: Path, kind: Kind) -> str | None:
    """Return the sentence for people when a file that is of `kind` has the name of something else."""
    suffix = path.suffix.lower()
    if kind not in _SUFFIXES or suffix in _SUFFIXES[kind]:
        return None
    return f"it is a {kind} by its content, and {path.suffix or 'nothing'} by its name"


def kind_of(path: Path) -> Kind:
    """Return what the file is; raises OSError when it cannot be read."""
    with path.open("rb") as file:
        head = file.read(64)
    found = sniff(head)
    return _codec_of(path) if found is Kind.OTHER_VIDEO else found


def sniff(head: bytes) -> Kind:
    """Return the kind that the first 64 bytes tell; a video's codec is not among them."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF":
        return {b"WEBP": Kind.WEBP, b"AVI ": Kind.OTHER_VIDEO}.get(head[8:12], Kind.UNKNOWN)
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return Kind.BMP
    return _iso(head)


def _iso(head: bytes) -> Kind:
    if head[4:8] in _OLD_QUICKTIME:
        return Kind.OTHER_VIDEO
    if head[4:8] != b"ftyp":
        return Kind.UNKNOWN
    major, others = head[8:12], {head[i : i + 4] for i in range(16, len(head) - 3, 4)}
    if major in (b"mif1", b"msf1") and b"avif" in others:
        return Kind.AVIF
    return _STILL_BRANDS.get(major, Kind.OTHER_VIDEO)


def _codec_of(path: Path) -> Kind:
    try:
        movie = read_movie(path)
    except (NotMp4, struct.error):
        return Kind.OTHER_VIDEO
    codecs = [track.codec for track in movie.tracks if track.handler == b"vide"]
    return _VIDEO_CODECS.get(codecs[0], Kind.OTHER_VIDEO) if codecs else Kind.OTHER_VIDEO
