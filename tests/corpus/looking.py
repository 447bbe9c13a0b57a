"""Looks at two pictures as a person would: the right way up, the same one, not turned; uses none of the compressor's code."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pillow_heif
from PIL import Image, ImageChops, ImageOps, ImageStat

if TYPE_CHECKING:
    from pathlib import Path

pillow_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = None  # what the compressor has taken on is looked at
_SIDE: Final = 48
_MOST: Final = 10.0  # mean difference of a sample, 0 to 255, seen from afar
_MOST_IN_DETAIL: Final = 20.0  # and pixel by pixel
_SEEN: Final = 1.0  # by how much a picture has to differ from itself turned
_TURNS: Final = tuple(Image.Transpose)


def upright(path: Path) -> Image.Image:
    """Return the first picture of a file the right way up, in plain colours."""
    with Image.open(path) as image:
        with suppress(SyntaxError):  # EXIF that is none turns nothing
            ImageOps.exif_transpose(image, in_place=True)
        return image.convert("RGB")


def check_look(old: Image.Image, new: Image.Image) -> None:
    """Assert that both are the same picture the same way up, as far as its eight ways up look different."""
    assert old.size == new.size, f"shown as {new.size}, not {old.size}"
    small, other = (image.resize((_SIDE, _SIDE), Image.Resampling.BOX) for image in (old, new))
    as_it_is = _difference(small, other)
    assert as_it_is < _MOST, f"looks different by {as_it_is:.1f} of 255"
    for turn in _TURNS:
        if _difference(small, small.transpose(turn)) > _SEEN:
            turned = _difference(small, other.transpose(turn))
            assert as_it_is < turned, f"looks like its original when turned by {turn.name}"
    assert _difference(old, new) < _MOST_IN_DETAIL, "differs in its details"


def _difference(one: Image.Image, other: Image.Image) -> float:
    bands = ImageStat.Stat(ImageChops.difference(one, other)).mean
    return sum(bands) / len(bands)
