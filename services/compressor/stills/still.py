"""Makes a smaller JPEG, HEIC, PNG, WebP or AVIF and lets it count only when the gate is passed; never changes the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.compressor.films.mp4 import NotMp4
from services.compressor.stills import (
    avif,
    carry,
    encoders,
    gate,
    heic,
    heic_items,
    jpeg,
    jxl,
    png,
    webp,
)
from services.compressor.stills.decode import check_undamaged, decoded
from services.compressor.stills.gate import Original
from services.compressor.tiers.policy import Encode, Kind, Leave
from services.compressor.tiers.tier import Lossless, Reversible, Still
from services.compressor.verdict import Keep, Made

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.compressor.verdict import Limits


def still(source: Path, temp: Path, kind: Kind, order: Encode | Leave, limits: Limits) -> Made:
    """Decode `source` completely, then make what `order` says at `temp`; sizes in pixels as stored.

    Raises Keep, Broken, and OSError with an errno when the disk, not the picture, is at fault.
    """
    if (size := source.stat().st_size) > limits.file:
        raise Keep(f"it has {size:,} bytes, more than {limits.file:,}", readable=None)
    data = source.read_bytes()
    image = decoded(data, limits, kind)
    if isinstance(order, Leave):
        raise Keep(order.reason)
    if getattr(image, "n_frames", 1) > 1 and kind is not Kind.JPEG:
        raise Keep(f"it holds {getattr(image, 'n_frames', 1)} pictures")
    original = Original(data, image, kind, limits)
    made = _encoded(original, order)
    temp.write_bytes(made.data)
    added = jxl.SUFFIX if isinstance(order.setting, Reversible) else ""
    return Made(
        made.encoder, made.settings, image.width, image.height, score=made.score, added=added
    )


_HOLE: Final = bytes(64)
_HOLE_IN_HEVC: Final = bytes(8)
"""Zeros in a row that no picture is coded as, but for one that is all flat; HEVC never has more than three (ITU-T H.265, 7.4.2)."""


@dataclass(frozen=True, slots=True)
class _Encoded:
    """What made the rendition, how and with what numbers, the rendition, and its score."""

    encoder: str
    settings: str
    data: bytes
    score: float


def _encoded(source: Original, order: Encode) -> _Encoded:
    match order:
        case Encode(kind=Kind.JPEG, setting=Still() as setting):
            return _jpeg(source, setting)
        case Encode(kind=Kind.JPEG, setting=Reversible() as setting):
            return _packed(source, setting)
        case Encode(kind=Kind.HEIC, setting=Still() as setting):
            return _heic(source, setting)
        case Encode(kind=Kind.PNG, setting=Lossless() as setting):
            return _png(source, setting)
        case Encode(kind=Kind.WEBP, setting=Still() as setting):
            return _webp(source, setting)
        case Encode(kind=Kind.AVIF, setting=Still() as setting):
            return _avif(source, setting)
        case _:
            raise Keep(f"no encoder is set for {order.kind}")


def _jpeg(source: Original, setting: Still) -> _Encoded:
    parts = jpeg.take_apart(source.data)
    if source.image.mode not in {"RGB", "L"}:
        raise Keep(f"its colours are {source.image.mode}")
    if lost := carry.obstacle(parts):
        raise Keep(lost)
    check_undamaged(parts)
    encoder = encoders.for_jpeg(source.image, parts, setting.encoder)

    def encode(quality: int) -> bytes:
        return carry.carry_over(parts, encoder.encode(quality))

    made, found = gate.search(source, setting, encode)
    told = f"{encoder.note} {found}; {carry.account(source.data, made)}"
    return _Encoded(encoder.name, told, made, found.score)


def _packed(source: Original, setting: Reversible) -> _Encoded:
    made = jxl.pack(source.data)
    gate.check_size(source, made, setting.max_ratio, "packed")
    gate.check_reversed(source, made)
    told = (
        f"reversible ratio={len(made) / len(source.data):.3f}; unpacked again: every byte the same"
    )
    return _Encoded(jxl.name(), told, made, 100.0)


def _heic(source: Original, setting: Still) -> _Encoded:
    if lost := heic.obstacle(source.data, source.image):
        raise Keep(lost)
    for coded in _coded(source.data):
        _check_whole(coded, _HOLE_IN_HEVC)
    made, found = gate.search(source, setting, lambda quality: heic.encode(source.image, quality))
    told = f"preset={heic.PRESET} {found}; EXIF, XMP and ICC the same"
    return _Encoded(heic.VERSION, told, made, found.score)


def _webp(source: Original, setting: Still) -> _Encoded:
    parts = webp.take_apart(source.data)
    _check_modern(source, parts.picture)

    def encode(quality: int) -> bytes:
        return webp.with_picture(parts, encoders.webp(source.image, quality))

    made, found = gate.search(source, setting, encode)
    told = f"{found}; {webp.account(source.data, made)}"
    return _Encoded(encoders.WEBP_NAME, told, made, found.score)


def _avif(source: Original, setting: Still) -> _Encoded:
    parts = avif.take_apart(source.data)
    _check_modern(source, parts.coded)

    def encode(quality: int) -> bytes:
        return avif.with_picture(parts, encoders.avif(source.image, quality, parts))

    made, found = gate.search(source, setting, encode)
    told = f"{parts.chroma} {found}; {avif.account(source.data, made)}"
    return _Encoded(encoders.AVIF_NAME, told, made, found.score)


def _coded(heic_file: bytes) -> Iterator[bytes]:
    try:
        yield from heic_items.coded(heic_file)
    except NotMp4 as error:
        raise Keep("its boxes could not be taken apart") from error


def _check_whole(coded: bytes, hole: bytes) -> None:
    """Raise Keep for a hole, which decoders fill without a word."""
    if hole in coded:
        raise Keep("a hole of zeros lies in its picture, so it may be damaged", readable=None)


def _check_modern(source: Original, coded: bytes) -> None:
    """Raise Keep for what these encoders do not make, and for a hole."""
    _check_whole(coded, _HOLE)
    if source.image.mode != "RGB":
        raise Keep(f"its colours are {source.image.mode}")


def _png(source: Original, setting: Lossless) -> _Encoded:
    parts = png.take_apart(source.data)
    if lost := png.obstacle(parts):
        raise Keep(lost)
    packed = encoders.pack_png(source.data, setting.level)
    made = png.with_pixels(parts, png.take_apart(packed))
    gate.check_size(source, made, setting.max_ratio, f"level {setting.level}")
    gate.check_pixels(source, made)
    kept = f"ratio={len(made) / len(source.data):.3f}; every pixel and {png.account(source.data, made)}"
    return _Encoded(encoders.PNG_NAME, f"lossless level={setting.level} {kept}", made, gate.SAME)
