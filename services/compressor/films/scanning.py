"""Tells whether a film may be interlaced, by what its codec's own box says; pure, it decodes no picture.

ITU-T H.264, 7.3.2.1.1, and ISO/IEC 14496-15. x265 would make whole frames of it and say nothing of fields: combs for every player.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.compressor.films.bits import Bits, unguarded
from services.compressor.films.mp4 import entry_boxes

if TYPE_CHECKING:
    from services.compressor.films.mp4 import Track

_HIGH: Final = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
"""Profiles that tell their colours, bits and scaling lists."""
FINEST: Final = 3  # 4:4:4
_MOST: Final = 255  # picture order offsets


def may_be_interlaced(track: Track) -> bool:
    """Say whether `track` may hold fields: H.264 parameters that end early may; where there are none, nothing tells so."""
    inside = entry_boxes(track)
    if len(hevc := inside.get(b"hvcC", b"")) > 6:
        return bool(hevc[6] & 0x40)  # general_interlaced_source_flag
    avc = inside.get(b"avcC", b"")
    parameters = avc[9 : 8 + int.from_bytes(avc[6:8])]
    try:
        return bool(parameters) and not up_to_frames_only(parameters).flag()
    except IndexError:
        return True


def up_to_frames_only(parameters: bytes) -> Bits:
    """Walk over an H.264 sequence parameter set, its first byte (the kind of unit) left out, to frame_mbs_only_flag; IndexError."""
    bits = Bits(unguarded(parameters)[3:])
    bits.number()
    if parameters[0] in _HIGH:
        _pass_colours(bits)
    bits.number()
    _pass_order(bits)
    bits.number()
    bits.flag()
    bits.number()
    bits.number()
    return bits


def _pass_colours(bits: Bits) -> None:
    colours = bits.number()
    if colours == FINEST:
        bits.flag()
    bits.number()
    bits.number()
    bits.flag()
    if bits.flag():
        for n in range(12 if colours == FINEST else 8):
            if bits.flag():
                _pass_scaling_list(bits, 16 if n < 6 else 64)


def _pass_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _pass_order(bits: Bits) -> None:
    kind = bits.number()
    if kind == 0:
        bits.number()
    elif kind == 1:
        bits.flag()
        bits.signed()
        bits.signed()
        for _ in range(min(bits.number(), _MOST)):
            bits.signed()
