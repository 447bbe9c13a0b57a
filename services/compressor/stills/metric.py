"""Computes SSIMULACRA2 from the parts of PyPI's `ssimulacra2`, strip by strip, so that all it touches stays near the processor.

The package's own loop holds some 20 arrays of a whole picture: 590 MB a megapixel. Everything in it is local, but for the
means at the end; so a strip with five pixels more at its sides, as far as the blur looks, gives the same numbers, in a tenth
of the memory and half of the time. Only the order of the sums differs, which moves the eleventh digit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from ssimulacra2 import ssimulacra2 as _parts  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from PIL import Image

_STRIP: Final = 128
"""Pixels across; even, as the next scale halves it."""
_BLUR: Final = 5
"""Pixels that the blur looks to each side: its standard deviation is 1.5, cut off at 3.33 of them."""
_SMALLEST: Final = 8
"""Pixels a side below which there is no further scale, as in the package."""
_PLANES: Final = 3
_POWERS: Final = np.where(np.arange(_PLANES * 6) % 2, 4, 1)
"""Of each number that a scale has: means and fourth roots of means of fourth powers take turns."""
_LINEAR: Final = _parts.srgb_to_linear(np.arange(256))
"""Linear light of each sRGB sample: a power for each sample was more than half of a score's time."""


def ssimulacra2(old: Image.Image, new: Image.Image) -> float:
    """Return the score, up to 100, of two sRGB pictures of mode RGB and one size."""
    shown, made = np.asarray(old), np.asarray(new)
    found = _parts.Msssim()
    light: Callable[[Any], Any] = _LINEAR.__getitem__
    for scale in range(_parts.kNumScales):
        if scale:
            shown, made = _halved(shown, light), _halved(made, light)
            light = _as_it_is
        if min(shown.shape[:2]) < _SMALLEST:
            break
        found.scales.append(_compared(shown, made, light))
    return float(found.score())


def _as_it_is(linear: Any) -> Any:
    return linear


def _strips(width: int) -> Iterator[tuple[int, int]]:
    for left in range(0, width, _STRIP):
        yield left, min(left + _STRIP, width)


def _halved(samples: Any, light: Callable[[Any], Any]) -> Any:
    """Return a picture of half the size, in linear light."""
    strips = _strips(samples.shape[1])
    halves = [_parts.downsample(light(samples[:, left:right]), 2, 2) for left, right in strips]
    return np.concatenate(halves, axis=1)


def _compared(old: Any, new: Any, light: Callable[[Any], Any]) -> Any:
    """Return the numbers of one scale in the package's own form."""
    width, total = old.shape[1], np.zeros(len(_POWERS))
    for left, right in _strips(width):
        near = slice(max(0, left - _BLUR), right + _BLUR)
        shown = slice(left - near.start, right - near.start)
        found = _strip(_seen(light(old[:, near])), _seen(light(new[:, near])), shown)
        total += found**_POWERS * ((right - left) / width)
    total = total ** (1 / _POWERS)
    numbers = _parts.MsssimScale()
    numbers.avg_ssim, numbers.avg_edgediff = total[: 2 * _PLANES], total[2 * _PLANES :]
    return numbers


def _seen(linear: Any) -> Any:
    """Return the colours as an eye sees them, width x height x 3: the package turns the picture, too."""
    return _parts.make_positive_xyb(_parts.linear_rgb_to_xyb(linear))


def _strip(old: Any, new: Any, shown: slice) -> Any:
    """Return the numbers of the part `shown` of a strip: two a plane of its structure, then four a plane of its edges."""
    structure, edges = [], []
    for plane in range(_PLANES):
        a, b = (np.ascontiguousarray(one[:, :, plane : plane + 1]) for one in (old, new))
        squares = [_parts.blur_image(product)[shown] for product in (a * a, b * b, a * b)]
        mean_a, mean_b = (_parts.blur_image(one)[shown] for one in (a, b))
        # Both say the numbers of one plane three times over, as they expect three.
        structure.append(_parts.ssim_map(mean_a, mean_b, *squares)[:2])
        edges.append(_parts.edge_diff_map(a[shown], mean_a, b[shown], mean_b)[:4])
    return np.concatenate(structure + edges)
