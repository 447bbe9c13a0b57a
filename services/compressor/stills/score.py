"""Scores how alike a picture and its rendition look (SSIMULACRA2); an estimate never passes for the score itself.

The metric is PyPI's `ssimulacra2`; ours is what it is shown. It costs about half a CPU-s a megapixel, so a larger
picture is judged by 64 crops that lie evenly over it, put side by side: pooled like this, the worst of them weigh as they
do in the whole picture. On pictures of 9 megapixels at three qualities that came within -1.7 and +0.9 of the whole's score;
the mean of nine crops' own scores, up to 4.6 too high.
"""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageCms
from typing_extensions import override

from services.compressor.stills.metric import ssimulacra2

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROW, _SIDE = 8, 128  # crops in a row and in a column; pixels
_WHOLE = (_ROW * _SIDE) ** 2  # pixels up to which the whole picture is scored
_MARGIN = 1.5
_LEAST = 64  # pixels a side: below it the metric has too few scales to mean anything


class TooSmall(Exception):
    """The picture has too few pixels to be judged, or an odd shape; the text says so."""


@dataclass(frozen=True, slots=True)
class Score:
    """A score up to 100 (the same picture), and by how much it may be too high (0.0 when all pixels were compared)."""

    value: float
    margin: float

    def clears(self, floor: float) -> bool:
        """Say whether the whole picture's score is at least `floor`, however wrong the estimate is."""
        return self.value - self.margin >= floor

    @override
    def __str__(self) -> str:
        return f"{self.value:.1f}" + (
            f" (of {_ROW * _ROW} crops, less {self.margin})" * bool(self.margin)
        )


def score(old: Image.Image, new: Image.Image) -> Score:
    """Compare two decoded pictures of one size and one profile as they are stored, unrotated; raises TooSmall."""
    if old.size != new.size:
        raise ValueError(f"{old.size} cannot be compared with {new.size}")
    if min(old.size) < _LEAST:
        raise TooSmall(f"{old.width} x {old.height} pixels are too few to be judged")
    if whole := old.width * old.height <= _WHOLE:
        shown = (old, new)
    else:
        shown = (_crops(old), _crops(new))
    profile = old.info.get("icc_profile")
    value = ssimulacra2(*(_as_srgb(one, profile) for one in shown))
    return Score(value, 0.0 if whole else _MARGIN)


def _crops(image: Image.Image) -> Image.Image:
    """Return a square of crops that lie evenly over the picture, each with the same neighbours in every rendition."""
    if min(image.size) < _SIDE:
        raise TooSmall(f"a picture of {image.width} x {image.height} pixels cannot be judged")
    shown = Image.new(image.mode, (_ROW * _SIDE, _ROW * _SIDE))
    for n, (x, y) in enumerate(_corners(image)):
        crop = image.crop((x, y, x + _SIDE, y + _SIDE))
        shown.paste(crop, (n % _ROW * _SIDE, n // _ROW * _SIDE))
    return shown


def _corners(image: Image.Image) -> Iterator[tuple[int, int]]:
    across, down = image.width - _SIDE, image.height - _SIDE
    for row in range(_ROW):
        for column in range(_ROW):
            yield round(across * column / (_ROW - 1)), round(down * row / (_ROW - 1))


def _as_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The metric knows sRGB only: the same numbers mean stronger colours in a wider space."""
    if profile:
        with suppress(ImageCms.PyCMSError, OSError, ValueError):  # a damaged profile: as it stands
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            made = ImageCms.profileToProfile(image, own, srgb, outputMode="RGB")
            return made or image.convert("RGB")
    return image.convert("RGB")
