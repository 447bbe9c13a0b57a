"""Reads what a stream's own parameter sets say of its colours and its time codes; pure, it decodes no picture.

ITU-T H.264, 7.3.2.1.1 and E.1; ITU-T H.265, 7.3.2.2, 7.3.3, 7.3.4, 7.3.7 and E.2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.compressor.films.bits import Bits, unguarded
from services.compressor.films.scanning import FINEST, up_to_frames_only

UNSAID: Final = 2
_OWN_SHAPE: Final = 255  # of a pixel, in numbers of its own
_PROFILE, _LEVEL = 88, 8  # bits
_LAYERS: Final = 8
_MOST_SETS: Final = 64


@dataclass(frozen=True, slots=True)
class Said:
    """Whether the range is full (None: not said), primaries, transfer and matrix (ITU-T H.273; empty: not said).

    `delays`: bits of an H.264 picture's message of its time before it says how it is shown; None: it says nothing of that.
    """

    full: bool | None = None
    colours: bytes = b""
    delays: int | None = None

    @property
    def transfer(self) -> int:
        """How light is coded, `UNSAID` where it is not said."""
        return self.colours[1] if self.colours else UNSAID


def avc_said(unit: bytes) -> Said:
    """Read an H.264 sequence parameter set behind the unit's header; raises IndexError for one that ends early."""
    bits = up_to_frames_only(unit)
    if not bits.flag():
        bits.flag()
    bits.flag()
    if bits.flag():
        bits.numbers(4)
    if not bits.flag():
        return Said()
    full, colours = _signal(bits)
    if bits.flag():
        bits.numbers(2)
    if bits.flag():
        bits.take(65)
    buffers = [_delays(bits) for _ in ("NAL", "VCL") if bits.flag()]
    if buffers:
        bits.flag()
    return Said(full, colours, max(buffers, default=0) if bits.flag() else None)


def hevc_said(unit: bytes) -> Said:
    """Read an HEVC sequence parameter set behind the unit's header; raises IndexError for one that ends early."""
    bits = Bits(unguarded(unit))
    bits.take(4)
    layers = bits.take(3)
    bits.flag()
    _pass_profile(bits, layers)
    bits.number()
    if bits.number() == FINEST:
        bits.flag()
    bits.numbers(2)
    if bits.flag():
        bits.numbers(4)
    bits.numbers(2)
    order = bits.number() + 4
    bits.numbers(3 * (1 if not bits.flag() else layers + 1))
    bits.numbers(6)
    if bits.flag() and bits.flag():
        _pass_scaling_lists(bits)
    bits.take(2)
    if bits.flag():
        bits.take(8)
        bits.numbers(2)
        bits.flag()
    _pass_references(bits, order)
    bits.take(2)
    return Said(*_signal(bits)) if bits.flag() else Said()


def _signal(bits: Bits) -> tuple[bool | None, bytes]:
    """Read the first part of the usability information, alike in both."""
    if bits.flag() and bits.take(8) == _OWN_SHAPE:
        bits.take(32)
    if bits.flag():
        bits.flag()
    if not bits.flag():
        return None, b""
    bits.take(3)
    full = bool(bits.flag())
    return full, bits.take(24).to_bytes(3) if bits.flag() else b""


def _delays(bits: Bits) -> int:
    """Walk over H.264's buffer parameters (E.1.2); return the bits of both delays of a picture."""
    buffers = bits.number() + 1
    bits.take(8)
    for _ in range(buffers):
        bits.numbers(2)
        bits.flag()
    bits.take(5)
    removal, output = bits.take(5), bits.take(5)
    bits.take(5)
    return removal + output + 2


def _pass_profile(bits: Bits, layers: int) -> None:
    bits.take(_PROFILE + _LEVEL)
    told = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.take(2 * (_LAYERS - layers))
    for profile, level in told:
        bits.take(_PROFILE * profile + _LEVEL * level)


def _pass_scaling_lists(bits: Bits) -> None:
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not bits.flag():
                bits.number()
                continue
            bits.numbers((size > 1) + min(64, 1 << (4 + 2 * size)))


def _pass_references(bits: Bits, order: int) -> None:
    """Walk over the pictures that others refer to; `order`: bits of a picture's place."""
    sets = bits.number()
    if sets > _MOST_SETS:
        raise IndexError("there are too many sets of references")
    last = 0
    for n in range(sets):
        last = _references_from(bits, last) if n and bits.flag() else _references(bits)
    if bits.flag():
        for _ in range(bits.number()):
            bits.take(order + 1)


def _references(bits: Bits) -> int:
    number = bits.number() + bits.number()
    for _ in range(number):
        bits.number()
        bits.flag()
    return number


def _references_from(bits: Bits, last: int) -> int:
    """Walk over a set that is told by what it has of the last one."""
    bits.flag()
    bits.number()
    return sum(bits.flag() or bits.flag() for _ in range(last + 1))
