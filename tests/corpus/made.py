"""Makes the JPEGs that several parts of the corpus begin with."""

from __future__ import annotations

from tests.corpus import exif, pictures
from tests.unit.compressor.gain_maps import segment, with_segments


def noted(turn: int) -> bytes:
    """A JPEG with an iPhone's EXIF, which says how to turn it."""
    return with_segments(
        pictures.jpeg(subsampling=2), segment(0xE1, exif.exif(exif.MAKERS[0], turn))
    )


def small() -> bytes:
    """A small JPEG, as the pictures behind another one are."""
    return pictures.jpeg(pictures.photo((96, 72)), 80)


def carrying(segments: list[bytes]) -> bytes:
    """A picture with these segments; a larger one where they are large, so that it can become small enough."""
    size = (1000, 700) if sum(map(len, segments)) > 20_000 else pictures.WIDE
    return with_segments(pictures.jpeg(pictures.photo(size), subsampling=2), *segments)
