"""Holds what an HDR film says of its light, wherever it stands, and tells it to x265: HDR10 and plain HLG; pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from services.compressor.films.movie import PQ
from services.compressor.verdict import Keep

_MASTERING, _LEVELS = 137, 144  # messages, ITU-T H.265, D.2.28 and D.2.35
_BOXES: Final = {b"mdcv": _MASTERING, b"clli": _LEVELS}
"""Boxes that hold the same bytes as those messages (ISO/IEC 14496-12, 12.1.6 and 12.1.7)."""
_LENGTHS: Final = {_MASTERING: 24, _LEVELS: 4}


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


class Gathered:
    """Gathers it, part by part."""

    def __init__(self, boxes: dict[bytes, bytes]) -> None:
        """Begin with the boxes of the picture's description; raises Keep, as all here does."""
        self._said = dict[int, bytes]()
        self._places = set[int | bytes]()
        for name, kind in _BOXES.items():
            if name in boxes:
                self._note(kind, boxes[name], name)

    def takes(self, kind: int, body: bytes, *, is_late: bool) -> bool:
        """Take a message if it tells light; `is_late`: a picture came before it, which was shown without."""
        if kind not in _LENGTHS:
            return False
        if is_late and kind not in self._said:
            raise Keep("it is HDR, and its light levels come only after its first picture")
        self._note(kind, body, kind)
        return True

    def light(self, transfer: int) -> Light:
        """Return all that was said."""
        mastering, levels = (self._said.get(kind, b"") for kind in (_MASTERING, _LEVELS))
        return Light(transfer, mastering, levels, frozenset(self._places))

    def _note(self, kind: int, body: bytes, place: int | bytes) -> None:
        if len(body) != _LENGTHS[kind]:
            raise Keep("it is HDR, and its light levels are in another form")
        if self._said.setdefault(kind, body) != body:
            raise Keep("it is HDR, and its light levels change or contradict each other")
        self._places.add(place)


def check_light(before: Light | None, after: Light | None) -> None:
    """Raise Keep unless the rendition says the same of its light, in all places where the original does."""
    if before is None:
        return
    same = after and (after.transfer, after.mastering, after.levels) == (before.transfer, before.mastering, before.levels)  # fmt: skip
    if not (after and same and before.places <= after.places):
        raise Keep("the rendition lost what it says of its light")
