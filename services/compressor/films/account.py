"""Says what of a film has to come over into its rendition, and whether it has; reads only.

A part of which nobody here knows what it is, is an obstacle: the file is left as it is.
"""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from typing import TYPE_CHECKING, BinaryIO, Final

from services.compressor.films.labels import check_sound, labels_of, unknown
from services.compressor.films.movie import LIGHT
from services.compressor.films.mp4 import SAMPLE_ENTRY, NotMp4, boxes
from services.compressor.films.mp4_edit import (
    TABLE,
    edits,
    film_header_of,
    handler,
    header_of,
    inside,
    sample_entries,
    split,
    with_id,
    without,
)
from services.compressor.films.parts import Parts, blocks, numbers, read_parts, samples, tags
from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from pathlib import Path

_FILE: Final = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid"})
_PADDING: Final = frozenset({b"free", b"skip", b"wide"})
_MOOV: Final = frozenset({b"mvhd", b"trak", b"meta", b"udta", b"uuid", b"iods", b"free", b"skip"})
_TRAK: Final = frozenset(
    {b"tkhd", b"edts", b"mdia", b"tref", b"meta", b"udta", b"uuid", b"tapt", b"free", b"skip"}
)
_ENTRY: Final = LIGHT | {b"avcC", b"hvcC", b"colr", b"pasp", b"clap", b"fiel", b"btrt", b"free"}
"""What may stand in a picture's sample entry: ffmpeg makes it anew, and it is compared or of no matter."""
_SIGNED: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""What a uuid box of Content Credentials begins with (C2PA, A.5)."""
_ELSEWHERE: Final = b"saio"
"""As iloc in a meta box, it tells places in the file that nobody here moves."""


def obstacle(path: Path) -> str | None:
    """Return why something in the file could not be carried over, None when all can be."""
    with path.open("rb") as file:
        try:
            parts = read_parts(file)
            if odd := _unknown(parts):
                names = ", ".join(sorted(name.decode("latin-1") for name in odd))
                return f"it has parts that would be lost ({names})"
            if _is_signed(file, parts):
                return "it carries a signature, which new bytes would break"
            _check_tags(parts)
            _check_shown(parts)
            _check_padding(file, parts)
            for trak, _ in samples(file, parts):
                _check_movable(trak)
            account_of(file, parts)
        except (NotMp4, struct.error) as error:
            return f"its parts could not be carried over: {error}"
    return None


def _unknown(parts: Parts) -> set[bytes]:
    """Return the names of boxes of which nobody here knows what they are."""
    odd = {place.name for place in parts.places} - _FILE
    odd |= {name for name, _ in parts.film} - _MOOV
    odd |= {name for trak in parts.tracks for name, _ in split(trak)} - _TRAK
    return odd.union(*map(unknown, parts.shown))


def _is_signed(file: BinaryIO, parts: Parts) -> bool:
    """Tell whether a uuid box, of the file or of the film, holds Content Credentials."""
    found = [body[:16] for name, body in parts.copied if name == b"uuid"]
    for place in parts.places:
        if place.name == b"uuid":
            file.seek(place.body)
            found.append(file.read(16))
    return _SIGNED in found


def _check_tags(parts: Parts) -> None:
    """Raise NotMp4 where tags tell places in the file, which would be wrong in a rendition."""
    for _, body in [*parts.copied, *(box for trak in parts.shown for box in tags(trak))]:
        if b"iloc" in body:
            raise NotMp4("its tags tell places in the file")


def _check_shown(parts: Parts) -> None:
    """Raise NotMp4 where ffmpeg would lose how a track is shown: its speed, or parts of its sample entry."""
    for trak in parts.shown:
        if any(rate != 0x10000 for _, _, rate in edits(trak)):
            raise NotMp4("a track is played at another speed")
        if handler(trak) == b"soun":
            check_sound(trak)
            continue
        entries = sample_entries(trak)
        odd = {name for _, body in entries for name, _ in boxes(body[SAMPLE_ENTRY - 8 :])} - _ENTRY
        if odd:
            raise NotMp4(f"its {sorted(odd)[0].decode('latin-1')} box would be lost")


def _check_padding(file: BinaryIO, parts: Parts) -> None:
    """Raise NotMp4 where what is called free holds something: some cameras keep places and previews there."""
    inner = [box for each in (parts.film, *map(split, parts.tracks)) for box in each]
    full = any(any(body) for name, body in inner if name in _PADDING)
    for place in parts.places:
        if place.name in _PADDING and not full:
            full = any(map(any, blocks(file, place.body, place.end - place.body)))
    if full:
        raise NotMp4("data lies in its free space")


def _check_movable(trak: bytes) -> None:
    """Raise NotMp4 where a track's samples are in another file, or something else knows their places, too."""
    dref = inside(trak, b"mdia", b"minf", b"dinf", b"dref") or b""
    if not all(body[3:4] and body[3] & 1 for _, body in split(dref[8:])):
        raise NotMp4("its timed metadata is in another file")
    if _ELSEWHERE in dict(split(inside(trak, *TABLE) or b"")):
        raise NotMp4("its timed metadata is encrypted")


def check_account(source: Path, rendition: Path) -> None:
    """Read both files again, and raise Keep unless everything that was to be carried over is there."""
    try:
        before, after = account(source), account(rendition)
    except (NotMp4, struct.error) as error:
        raise Keep(f"the rendition came out damaged: {error}") from error
    if lost := [name for name, value in before.items() if after[name] != value]:
        raise Keep(f"the rendition lost its {', '.join(lost)}")


def account(path: Path) -> dict[str, object]:
    """Say what has to be the same in a rendition, numbers of tracks and places in the file apart; raises NotMp4."""
    with path.open("rb") as file:
        return account_of(file, read_parts(file))


def account_of(file: BinaryIO, parts: Parts) -> dict[str, object]:
    """As `account`, of a file that was taken apart already."""
    all_tracks = [*parts.shown, *parts.timed]
    number = numbers(all_tracks)
    further = [place for place in parts.places if place.name == b"uuid"]
    return {
        "tags": Counter(parts.copied),
        "tracks' tags": [Counter(tags(trak)) for trak in parts.shown],
        "tracks' headers": [header_of(trak) for trak in parts.shown],
        "tracks' labels": [labels_of(trak) for trak in parts.shown],
        "links between tracks": [_links(trak, number) for trak in all_tracks],
        "start beside timed metadata": [_empty(trak) for trak in parts.shown if parts.timed],
        "timed metadata": [_form(trak) for trak in parts.timed],
        "timed samples": [_digest(file, found) for _, found in samples(file, parts)],
        "time scale": parts.scale,
        "film's header": film_header_of(parts.header),
        "further boxes": [_digest(file, [(one.begin, one.end - one.begin)]) for one in further],
    }


def _links(trak: bytes, number: dict[int, int]) -> list[tuple[bytes, tuple[int, ...]]]:
    """Return the tracks that a track refers to, by their order; raises NotMp4 for one that is not there."""
    try:
        return [
            (name, tuple(number[each] for (each,) in struct.iter_unpack(">I", body)))
            for name, body in split(inside(trak, b"tref") or b"")
        ]
    except KeyError as error:
        raise NotMp4("a track refers to one that is not there") from error


def _empty(trak: bytes) -> int:
    """Return how long a track waits before it begins, in the film's units."""
    return sum(long for long, media, _ in edits(trak) if media == -1)


def _form(trak: bytes) -> bytes:
    """Return all of a track but its number, its links and the places of its chunks."""
    bare = without(with_id(trak, 0), b"tref")
    table = without(inside(bare, *TABLE) or b"", b"stco", b"co64")
    return without(bare, b"mdia") + without(inside(bare, b"mdia") or b"", b"minf") + without(inside(bare, b"mdia", b"minf") or b"", b"stbl") + table  # fmt: skip


def _digest(file: BinaryIO, stretches: list[tuple[int, int]]) -> str:
    digest = hashlib.sha256()
    for begin, length in stretches:
        for block in blocks(file, begin, length):
            digest.update(block)
    return digest.hexdigest()
