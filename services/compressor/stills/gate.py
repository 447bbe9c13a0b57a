"""Decides whether a rendition may count: whole, of the same form, small enough, and alike enough; it makes none."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image
from typing_extensions import override

from services.compressor.stills import jxl
from services.compressor.stills.decode import decoded
from services.compressor.stills.score import Score, TooSmall, score
from services.compressor.tiers.policy import Kind, worth_it
from services.compressor.verdict import Broken, Keep

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.compressor.tiers.tier import Still
    from services.compressor.verdict import Limits

_COMPARED = ("exif", "icc_profile", "xmp")
_IN_A_JPEG = ("exif", "icc_profile")
_COLOURS = ("color_primaries", "transfer_characteristics")
SAME = 100.0
"""The score of a picture that has every pixel of its original."""
_LOW_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}  # Pillow keeps the first byte of each


@dataclass(frozen=True, slots=True)
class Original:
    """What a rendition is held against: the file's bytes, its decoded picture, its kind, and what decoding may cost."""

    data: bytes
    image: Image.Image
    kind: Kind
    limits: Limits


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a rendition passed with: its score, and all of its numbers as a text."""

    text: str
    score: float

    @override
    def __str__(self) -> str:
        return self.text


def search(
    source: Original, setting: Still, encode: Callable[[int], bytes]
) -> tuple[bytes, Numbers]:
    """Return the first rendition that passes, and its numbers; raises Keep when none does.

    Goes up in quality while the look suffers, or down while the first try is too large, never both ways.
    """
    tried: list[str] = []
    first = encode(setting.quality)
    if not _fits(source, first, setting):
        return _smaller(source, setting, encode, first)
    for quality in setting.qualities:
        made = first if not tried else encode(quality)
        check_size(source, made, setting.max_ratio, ", ".join((*tried, f"quality {quality}")))
        found = _judge(source, made)
        if found.clears(setting.floor):
            return made, _numbers(source, setting, made, quality, found, len(tried) + 1)
        tried.append(f"score {found} at quality {quality}")
    raise _suffers(setting, ", ".join(tried))


def _smaller(
    source: Original, setting: Still, encode: Callable[[int], bytes], first: bytes
) -> tuple[bytes, Numbers]:
    made, quality = first, setting.quality
    for tries, quality in enumerate(setting.lower_qualities, 2):
        made = encode(quality)
        if _fits(source, made, setting):
            found = _judge(source, made)
            if found.clears(setting.floor):
                return made, _numbers(source, setting, made, quality, found, tries)
            raise _suffers(setting, f"score {found} at quality {quality}, and larger above it")
    check_size(source, made, setting.max_ratio, f"quality {quality}")
    raise AssertionError("a rendition that is too large passed as small enough")


def _fits(source: Original, made: bytes, setting: Still) -> bool:
    return worth_it(len(source.data), len(made), setting.max_ratio)


def _suffers(setting: Still, tried: str) -> Keep:
    return Keep(f"its look would suffer: {tried}; a score of {setting.floor:g} is asked for")


def _numbers(
    source: Original, setting: Still, made: bytes, quality: int, found: Score, tries: int
) -> Numbers:
    ratio = len(made) / len(source.data)
    return Numbers(
        f"quality={quality} score={found} floor={setting.floor:g} ratio={ratio:.3f} tries={tries}",
        round(found.value, 2),
    )


def check_size(source: Original, made: bytes, max_ratio: float, how: str) -> None:
    """Raise Keep unless `made` saves enough; `how` says how it was made."""
    before, after = len(source.data), len(made)
    if not worth_it(before, after, max_ratio):
        part = f"{after:,} of {before:,} bytes, {after / max(before, 1):.3f}"
        raise Keep(f"would not be smaller enough: {part}, more than {max_ratio:g} ({how})")


def _judge(source: Original, made: bytes) -> Score:
    """Decode `made` completely, compare its form, and score it; raises Keep."""
    again = decoded_again(source, made)
    # Of a JPEG every byte of metadata is compared by itself: in XMP its own length may have changed.
    check_form(source.image, again, _IN_A_JPEG if source.kind is Kind.JPEG else _COMPARED)
    try:
        return score(source.image, again)
    except TooSmall as error:
        raise Keep(str(error)) from error


def decoded_again(source: Original, made: bytes) -> Image.Image:
    """Decode a rendition to its end; raises Keep."""
    try:
        return decoded(made, source.limits, source.kind)
    except Broken as error:
        raise Keep(f"the rendition came out damaged: {error}") from error


def check_form(old: Image.Image, new: Image.Image, compared: tuple[str, ...] = _COMPARED) -> None:
    """Raise Keep unless size, bits, colour space and what Pillow reads of metadata (`compared`) are the same."""
    if (old.size, old.mode) != (new.size, new.mode):
        raise Keep(f"the rendition came out as {new.mode} {new.size}, not {old.mode} {old.size}")
    if lost := [name for name in compared if old.info.get(name) != new.info.get(name)]:
        raise Keep(f"the rendition lost its {', '.join(lost)}")
    if not old.info.get("icc_profile") and _colours(old) != _colours(new):
        raise Keep("the rendition came out in another colour space")


def _colours(image: Image.Image) -> tuple[int, ...]:
    """Return the primaries and transfer that a HEIC declares, unspecified ones as sRGB's."""
    declared = image.info.get("nclx_profile") or {}
    numbers = (int(declared.get(name, 2)) for name in _COLOURS)
    return tuple(default if n == 2 else n for n, default in zip(numbers, (1, 13), strict=True))


def check_pixels(source: Original, made: bytes) -> None:
    """Raise Keep unless every stored sample of a PNG is the same, palette indexes and all 16 bits included."""
    again = decoded_again(source, made)
    check_form(source.image, again)
    if source.image.tobytes() != again.tobytes():
        raise Keep("the rendition's pixels differ")
    if _low_bytes(source.data) != _low_bytes(made):
        raise Keep("the low bits of the rendition's pixels differ")


def check_reversed(source: Original, packed: bytes) -> None:
    """Raise Keep unless a packed JPEG gives its original back, byte for byte."""
    try:
        again = jxl.unpack(packed)
    except Broken as error:
        raise Keep(f"the rendition came out damaged: {error}") from error
    if again != source.data:
        raise Keep("the rendition does not give the original's bytes back")


def _low_bytes(data: bytes) -> bytes:
    """Return the second byte of every 16-bit colour sample, which Pillow otherwise drops; empty for other depths."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        tile = image.tile[0]
        if tile.args not in _LOW_BYTES:
            return b""
        image.tile = [tile._replace(args=_LOW_BYTES[tile.args])]
        return image.tobytes()
