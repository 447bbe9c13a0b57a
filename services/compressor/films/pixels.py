"""Tells how a picture's samples are stored, by what its codec's own box says; pure, it decodes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.compressor.films.mp4 import entry_boxes

if TYPE_CHECKING:
    from services.compressor.films.mp4 import Track

HALVED: Final = 1
"""4:2:0, as H.264 and HEVC number it."""
_FINE_PROFILES = {110, 122, 144, 244}  # of H.264: more than 8 bits or finer colours are possible


@dataclass(frozen=True, slots=True)
class SamplesForm:
    """How a picture's samples are stored: colours as H.264 and HEVC number them (1: 4:2:0), bits of luma and chroma."""

    colours: int
    luma: int
    chroma: int

    @property
    def is_deep(self) -> bool:
        """Tell whether there are more than 8 bits."""
        return max(self.luma, self.chroma) > 8


def samples_form(track: Track) -> SamplesForm | None:
    """Return how the samples are stored by the codec's own box, None when it does not say."""
    inside = entry_boxes(track)
    if len(hevc := inside.get(b"hvcC", b"")) >= 19:
        return _form(hevc[16:19])
    if len(avc := inside.get(b"avcC", b"")) >= 2:
        return _avc_form(avc)
    return None


def _form(told: bytes) -> SamplesForm:
    return SamplesForm(told[0] & 3, 8 + (told[1] & 7), 8 + (told[2] & 7))


def _avc_form(avc: bytes) -> SamplesForm | None:
    """Walk over the parameter sets of an avcC box to what stands behind them; the plain profiles need it not."""
    if avc[1] not in _FINE_PROFILES:
        return SamplesForm(HALVED, 8, 8)
    at = 5
    for mask in (0x1F, 0xFF):
        number = avc[at] & mask if at < len(avc) else 0
        at += 1
        for _ in range(number):
            at += 2 + int.from_bytes(avc[at : at + 2])
    return _form(avc[at : at + 3]) if len(avc) >= at + 3 else None
