"""Reads what an HDR film says of its light, and holds its rendition to it: HDR10 and plain HLG; reads only.

Metadata that changes from scene to scene (Dolby Vision, HDR10+) and whatever nobody here knows cannot be carried: such a film is left.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

from services.compressor.films.movie import HLG, PQ, picture, transfer_of
from services.compressor.films.mp4 import NotMp4, entry_boxes
from services.compressor.films.parts import read_parts
from services.compressor.films.units import Unit, units
from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from pathlib import Path

    from services.compressor.films.mp4 import Movie

_MASTERING, _LEVELS = 137, 144  # messages, ITU-T H.265, D.2.28 and D.2.35
_BOXES: Final = {b"mdcv": _MASTERING, b"clli": _LEVELS}
"""Boxes that hold the same bytes as those messages (ISO/IEC 14496-12, 12.1.6 and 12.1.7)."""
_LENGTHS: Final = {_MASTERING: 24, _LEVELS: 4}
_OF_NO_MATTER: Final = frozenset({0, 1, 3, 5, 6, 129, 130, 131, 132})
"""Messages of the encoder to the decoder, which x265 writes anew, and programs' own words, which are not kept of any film."""
_REGISTERED = 4
_SAME_TRANSFER = 147  # the transfer once more, ITU-T H.265, D.2.38
_HDR10_PLUS: Final = b"\xb5\x00\x3c\x00\x01"
_PICTURES: Final = frozenset({*range(10), *range(16, 22), *range(32, 41)})
"""Units of pictures, their parameters and their messages."""
_DOLBY: Final = frozenset({62, 63})


@dataclass(frozen=True, slots=True)
class Light:
    """The transfer (ITU-T H.273), the mastering display and the light levels as their messages write them; empty: not said.

    `places`: what says so, a message's number or a box's name.
    """

    transfer: int
    mastering: bytes = b""
    levels: bytes = b""
    places: frozenset[int | bytes] = field(default_factory=frozenset)

    def for_x265(self) -> str:
        """Return it as parameters of x265; the colours themselves ffmpeg hands on, as the stream has them."""
        told = ":hdr10-opt=1" if self.transfer == PQ else ""
        if self.mastering:
            green, blue, red, white = (struct.unpack_from(">HH", self.mastering, 4 * n) for n in range(4))  # fmt: skip
            most, least = struct.unpack_from(">II", self.mastering, 16)
            points = (("G", green), ("B", blue), ("R", red), ("WP", white), ("L", (most, least)))
            told += ":master-display=" + "".join(f"{name}({x},{y})" for name, (x, y) in points)
        if self.levels:
            most, mean = struct.unpack(">HH", self.levels)
            told += f":max-cll={most},{mean}"
        return told


def light_of(path: Path, movie: Movie) -> Light | None:
    """Return what an HDR film says of its light, None for another film; raises Keep for what a rendition would lose."""
    if (transfer := transfer_of(picture(movie))) not in {PQ, HLG}:
        return None
    try:
        with path.open("rb") as file:
            return _light(file, movie, transfer)
    except (NotMp4, struct.error) as error:
        raise Keep(f"it is HDR, and its stream could not be read: {error}") from error


def _light(file: BinaryIO, movie: Movie, transfer: int) -> Light:
    said = dict[int, bytes]()
    places = set[int | bytes]()
    boxes = entry_boxes(picture(movie))
    for name, kind in _BOXES.items():
        if name in boxes:
            _note(said, kind, boxes[name])
            places.add(name)
    for unit in units(file, read_parts(file).shown[0]):
        _check_unit(unit)
        for kind, body in unit.messages():
            _check_message(kind, body, transfer)
            if kind in _LENGTHS:
                _note(said, kind, body)
                places.add(kind)
    return Light(transfer, said.get(_MASTERING, b""), said.get(_LEVELS, b""), frozenset(places))


def _note(said: dict[int, bytes], kind: int, body: bytes) -> None:
    if len(body) != _LENGTHS[kind]:
        raise Keep("it is HDR, and its light levels are in another form")
    if said.setdefault(kind, body) != body:
        raise Keep("it is HDR, and its light levels change or contradict each other")


def _check_unit(unit: Unit) -> None:
    if unit.kind in _DOLBY:
        raise Keep("its Dolby Vision would be lost")
    if unit.kind not in _PICTURES or unit.layer:
        raise Keep("it is HDR, and its picture stream has parts that would be lost")


def _check_message(kind: int, body: bytes, transfer: int) -> None:
    if kind == _SAME_TRANSFER and body == bytes((transfer,)):
        return
    if kind == _REGISTERED and body.startswith(_HDR10_PLUS):
        raise Keep("its HDR10+ would be lost")
    if kind not in _OF_NO_MATTER | _LENGTHS.keys():
        raise Keep(f"it is HDR, and its picture stream has data that would be lost (SEI {kind})")


def check_light(before: Light | None, path: Path, after: Movie) -> None:
    """Raise Keep unless the rendition at `path` says the same of its light, in all places where the original does."""
    if before is None:
        return
    found = light_of(path, after)
    same = found and (found.transfer, found.mastering, found.levels) == (before.transfer, before.mastering, before.levels)  # fmt: skip
    if not (found and same and before.places <= found.places):
        raise Keep("the rendition lost what it says of its light")
