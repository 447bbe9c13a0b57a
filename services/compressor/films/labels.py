"""Copies what a track says of itself besides its samples: who made it, how it is mixed in, and of sound how it is coded; pure.

ffmpeg writes all of that anew. A sound's packets stay the same, so their description does, too: with its channels' places,
its loudness, or what makes it spatial.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from services.compressor.films.mp4 import NotMp4
from services.compressor.films.mp4_edit import (
    TABLE,
    changed,
    handler,
    inside,
    sample_entries,
    split,
)

_SOUND: Final = b"soun"
_MEDIA: Final = ((b"mdia", b"hdlr"), (b"mdia", b"minf", b"vmhd"), (b"mdia", b"minf", b"smhd"))
_FORM: Final = (*TABLE, b"stsd")
_KNOWN: Final = {
    (b"mdia",): frozenset({b"mdhd", b"hdlr", b"minf", b"elng"}),
    (b"mdia", b"minf"): frozenset({b"vmhd", b"smhd", b"hdlr", b"dinf", b"stbl"}),
    TABLE: frozenset({
        b"stsd", b"stts", b"ctts", b"cslg", b"stss", b"stps", b"stsh", b"stdp", b"sdtp", b"padb", b"sgpd", b"sbgp", b"csgp",
        b"stsc", b"stsz", b"stz2", b"stco", b"co64",
    }),
}  # fmt: skip
"""What a shown track's media are made of: copied here or elsewhere, or telling a decoder how these very samples are stored."""


def labels_of(trak: bytes) -> dict[tuple[bytes, ...], bytes]:
    """Return the bodies of the boxes that are copied, by their places."""
    paths = (*_MEDIA, _FORM) if handler(trak) == _SOUND else _MEDIA
    found = {path: inside(trak, *path) for path in paths}
    return {path: body for path, body in found.items() if body is not None}


def with_labels_of(trak: bytes, other: bytes) -> bytes:
    """Return the track with those of another one; raises NotMp4 where it has no place for one."""
    for path, body in labels_of(other).items():
        trak = changed(trak, path, partial(_instead, body))
    return trak


def _instead(body: bytes, _: bytes) -> bytes:
    return body


def unknown(trak: bytes) -> set[bytes]:
    """Return the names of boxes in a shown track's media of which nobody here knows what they are."""
    return {
        name
        for path, known in _KNOWN.items()
        for name, _ in split(inside(trak, *path) or b"")
        if name not in known
    }


def check_sound(trak: bytes) -> None:
    """Raise NotMp4 unless a sound is described once, and lies in its own file: only then its description can be copied."""
    entries = sample_entries(trak)
    if len(entries) != 1:
        raise NotMp4("its sound changes its form")
    if entries[0][1][6:8] != b"\0\1":
        raise NotMp4("its sound is in another file")
