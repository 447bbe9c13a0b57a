"""Feeds mangled JPEGs, PNGs, HEICs, WebPs and AVIFs to the parsers of our own for as long as one likes; nothing but a refusal may come out.

    python -m tests.fuzz.still_containers -max_total_time=60     (needs `pip install atheris`)

What is carried over has to be proven by `account`; any other exception than a refusal stops the run with the bytes.
"""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING

import pillow_heif

from services.compressor.films.mp4 import NotMp4
from services.compressor.stills import (
    avif,
    carry,
    container,
    heic_items,
    iloc,
    jpeg,
    mpf,
    obus,
    png,
    webp,
)
from services.compressor.verdict import Broken, Keep
from tests.fuzz.running import fuzz
from tests.unit.compressor import gain_maps, samples
from tests.unit.compressor.hostile import chunk

if TYPE_CHECKING:
    from collections.abc import Callable


def photo(quality: int) -> bytes:
    """Return a small JPEG with EXIF and a profile."""
    out = io.BytesIO()
    image = samples.picture((64, 48))
    image.save(out, "JPEG", quality=quality, exif=samples.exif(), icc_profile=samples.icc())
    return out.getvalue()


def coded(kind: str, **options: object) -> bytes:
    """Return a small WebP or AVIF with a profile, as Pillow writes it."""
    out = io.BytesIO()
    samples.picture((64, 48)).save(out, kind, quality=50, icc_profile=samples.icc(), **options)
    return out.getvalue()


ENCODED = photo(50)
CODED = {kind: coded(kind) for kind in ("webp", "avif")}


def one(data: bytes) -> None:
    """Take any bytes apart; what can be carried over must be proven to have been."""
    heic_items.odd_parts(data)
    modern(data)
    for whole in (data, chunks(data)):
        with suppress(Broken, Keep):
            parts = png.take_apart(whole)
            png.obstacle(parts)
            png.account(whole, png.with_pixels(parts, parts))
    with suppress(mpf.BadIndex):
        index = mpf.read_index(data)
        mpf.moved(index, (20, 1000), (20, 900))
    container.primary_length(data[:65_000])
    with suppress(Broken, Keep):
        source = jpeg.take_apart(data)
        if jpeg.unusual(source) is None and carry.obstacle(source) is None:
            carry.account(data, carry.carry_over(source, ENCODED))


def modern(data: bytes) -> None:
    """Take any bytes for a WebP and an AVIF, and for the places and the picture in one."""
    with suppress(NotMp4):
        list(iloc.extents(data, 0, len(data)))
    with suppress(Keep):
        obus.check(data)
    for kind, coded in ((webp, CODED["webp"]), (avif, CODED["avif"])):
        with suppress(Keep):
            made = kind.with_picture(kind.take_apart(data), coded)
            _prove(kind.account, data, made)
            assert _picture(kind.take_apart(made)) == _picture(kind.take_apart(coded))


def _picture(parts: avif.Avif | webp.Chunks) -> bytes:
    return parts.coded if isinstance(parts, avif.Avif) else parts.picture


def _prove(account: Callable[[bytes, bytes], str], data: bytes, made: bytes) -> None:
    try:
        account(data, made)
    except Keep as lost:
        raise AssertionError(str(lost)) from lost


_NAMES = (b"IHDR", b"IDAT", b"IEND", b"tEXt", b"acTL", b"caBX", b"zTXt", b"iCCP")


def chunks(data: bytes) -> bytes:
    """Return a PNG of chunks whose names, lengths and contents `data` tells, with right checksums: changed bytes never have one."""
    made, at = png.SIGNATURE, 0
    while at + 2 <= len(data) and data[at] < 250:
        size = 13 if data[at] % 8 == 0 else data[at + 1]
        made += chunk(_NAMES[data[at] % 8], data[at + 2 : at + 2 + size].ljust(size, b"\0"))
        at += 2 + size
    return made + data[at:]


def seeds() -> list[bytes]:
    """Return the files to start from: both makers, both byte orders, a PNG as it is and as `chunks` reads one, a HEIC, a WebP, an AVIF."""
    makers = (gain_maps.apple, gain_maps.google)
    found = [maker(photo(70), order) for maker in makers for order in "<>"]
    length = jpeg.take_apart(gain_maps.google(photo(70), primary=' Item:Length="10000"')).end
    found.append(gain_maps.google(photo(70), primary=f' Item:Length="{length}"'))
    out = io.BytesIO()
    samples.picture((16, 16)).save(out, "PNG", icc_profile=samples.icc())
    told = b"\0\x0d" + bytes(13) + b"\1\5pixel\1\0\3\4text\2\0trailer"
    heic = io.BytesIO()
    pillow_heif.register_heif_opener()
    samples.picture((64, 48)).save(heic, "HEIF", quality=10, exif=samples.exif())
    others = [coded(kind, exif=samples.exif(), xmp=b"<x/>") for kind in CODED]
    return [*found, *others, out.getvalue(), told, heic.getvalue()]


if __name__ == "__main__":
    fuzz(one, seeds(), 30000)
