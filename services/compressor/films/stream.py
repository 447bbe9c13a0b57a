"""Walks over all of a film's picture stream, and lets pass only what a rendition keeps or needs not; reads only, it decodes no picture.

What changes from scene to scene (Dolby Vision, HDR10+), what is shown with the picture (captions, a second eye, time codes) and
whatever nobody here knows would be lost: such a film is left.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Final

from services.compressor.films.bits import Bits
from services.compressor.films.light import Gathered, Light, check_light
from services.compressor.films.movie import HLG, PQ, colours, is_full_range, picture, transfer_of
from services.compressor.films.mp4 import NotMp4, entry_boxes
from services.compressor.films.parameters import UNSAID, Said, avc_said, hevc_said
from services.compressor.films.parts import read_parts
from services.compressor.films.units import AVC, Coding, Unit, stored, units
from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from pathlib import Path

    from services.compressor.films.mp4 import Movie, Track

_AVC_PARTS: Final = frozenset({*range(1, 13), 14})
_HEVC_PARTS: Final = frozenset({*range(10), *range(16, 22), *range(32, 41)})
"""Units of pictures, their parameters, their messages, and filling."""
_DOLBY: Final = frozenset({62, 63})
_AVC_WORDS: Final = frozenset({0, 3, 5, 6, 7, 10, 11, 12})
_HEVC_WORDS: Final = frozenset({0, 1, 3, 5, 6, 128, 129, 130, 131, 132})
"""Messages of the encoder to the decoder, which x265 writes anew, and programs' own words, which are not kept of any film."""
_TIMING: Final = 1
_REGISTERED, _OWN_WORDS = 4, 5
_CAMERAS: Final = (
    bytes.fromhex("17ee8c60f84d11d98cd60800200c9a66"),
    b"MISP",
    bytes.fromhex("a8687dd4d7593758a5cef0338b6545f1"),
    bytes.fromhex("cf848278ee23306c9265e8fef22fb8b8"),
)
"""What a camera's own words of each picture begin with: date, place and exposure of AVCHD (MDPM), and precise times (MISB ST 0604)."""
_SAME_TRANSFER: Final = 147  # the transfer once more, ITU-T H.265, D.2.38
_HDR10_PLUS: Final = b"\xb5\x00\x3c\x00\x01"
_MOST: Final = 1_000
"""Units of a picture in the mean; HEVC's largest pictures have 600 slices at most (ITU-T H.265, Table A.8)."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What a film's stream and boxes say: whether the range is full, the colours, and of an HDR film its light."""

    is_full: bool = False
    colours: bytes = b""
    light: Light | None = None


def read_stream(path: Path, movie: Movie) -> Stream:
    """Read all of a film's picture stream; raises Keep for what a rendition would lose, and for what cannot be read."""
    try:
        with path.open("rb") as file:
            return _stream(file, picture(movie))
    except (NotMp4, struct.error, IndexError) as error:
        raise Keep(f"its picture stream could not be read: {error}") from error


def _stream(file: BinaryIO, track: Track) -> Stream:
    trak = read_parts(file).shown[0]
    how = stored(trak)
    sequences = how.sequences
    said = _said(how.coding, sequences)
    _check_said(said, track)
    transfer = transfer_of(track)
    gathered = Gathered(entry_boxes(track)) if transfer in {PQ, HLG} else None
    most, is_late = _MOST * (track.samples + 1), False
    for number, unit in enumerate(chain(how.before, units(file, trak, how))):
        if number > most:
            raise NotMp4("there are too many parts in it")
        _check_unit(unit, how.coding, sequences)
        is_late = is_late or unit.kind in how.coding.pictures
        for kind, body in unit.messages() if unit.kind in how.coding.messages else ():
            if not (gathered and gathered.takes(kind, body, is_late=is_late)):
                _check_message(kind, body, said, transfer, how.coding)
    is_full = said.full if said.full is not None else bool(is_full_range(track))
    return Stream(is_full, said.colours, gathered.light(transfer) if gathered else None)


def _said(coding: Coding, sequences: frozenset[bytes]) -> Said:
    """Return what the parameters before all pictures say; raises NotMp4 where there are several of them."""
    if len(sequences) > 1:
        raise NotMp4("its picture changes its form")
    read = avc_said if coding is AVC else hevc_said
    return next(map(read, sequences), Said())


def _check_said(said: Said, track: Track) -> None:
    """Raise Keep unless the stream agrees with the container about HDR."""
    if not {said.transfer, transfer_of(track)} & {PQ, HLG}:
        return
    if transfer_of(track) not in {PQ, HLG}:
        raise Keep("its stream says that it is HDR, and its container does not")
    if said.colours and said.colours != colours(track)[1::2]:
        raise Keep("it is HDR, and its stream and its container contradict each other")
    if said.full:
        raise Keep("it is HDR of full range")


def _check_unit(unit: Unit, coding: Coding, sequences: frozenset[bytes]) -> None:
    if coding is not AVC and unit.kind in _DOLBY:
        raise Keep("its Dolby Vision would be lost")
    if unit.layer or unit.kind not in (_AVC_PARTS if coding is AVC else _HEVC_PARTS):
        raise Keep(f"its picture stream has parts that would be lost ({unit.kind})")
    if unit.kind == coding.sequence and unit.body not in sequences:
        raise Keep("its picture stream changes its parameters")


def _check_message(kind: int, body: bytes, said: Said, transfer: int, coding: Coding) -> None:
    if kind == _REGISTERED and body.startswith(_HDR10_PLUS):
        raise Keep("its HDR10+ would be lost")
    if kind == _OWN_WORDS and body.startswith(_CAMERAS):
        raise Keep("what its camera noted of each picture would be lost (SEI 5)")
    if coding is AVC:
        is_known = kind in _AVC_WORDS or (kind == _TIMING and _is_plain(body, said))
    else:
        is_known = kind in _HEVC_WORDS or (kind == _SAME_TRANSFER and body == bytes((transfer,)))
    if not is_known:
        raise Keep(f"its picture stream has data that would be lost (SEI {kind})")


def _is_plain(timing: bytes, said: Said) -> bool:
    """Tell whether an H.264 picture's message of its time says no more than that it is one frame (D.1.3): no fields, no time code."""
    if said.delays is None:
        return True
    bits = Bits(timing)
    bits.take(said.delays)
    return not bits.take(4) and not bits.flag()


def check_stream(before: Stream, after: Stream) -> None:
    """Raise Keep unless the rendition's stream says the same of its colours and its light."""
    check_light(before.light, after.light)
    told = after.colours or bytes((UNSAID,)) * 3
    differs = any(old not in {UNSAID, new} for old, new in zip(before.colours, told, strict=False))
    if before.is_full != after.is_full or differs:
        raise Keep("the rendition's stream says other colours")
