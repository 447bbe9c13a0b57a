"""Says how an HDR film is shown to a judge that knows SDR only: as several exposures of it; pure, it runs nothing.

VMAF was made for SDR. On the code values of PQ it called renditions up to 20 points better than they are in the dark. So original and
rendition are shown alike as an SDR display shows them, once for each part of their light (as mPSNR does it: Munkberg et al. 2006), and the worst
view counts. VMAF looks at luma alone, and so does this: a curve on luma, not a conversion of colours. On films of two cameras the worst view's
score was 0.2 to 4.6 above that after zscale's conversion, down to VMAF 80; on drawn ones of pure colours up to 38, as that turns errors of colours into light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.compressor.films.movie import HLG, PQ

if TYPE_CHECKING:
    from services.compressor.films.light import Light

_WHITES: Final = (25, 200, 1600)
"""cd/m2 that are white in each view. From 0.01 to 1600 cd/m2, the best of these
views shows a step of light at 0.65 of the size or more that it has to the eye (PU21, Mantiuk and Azimi 2021); SDR on a display of
100 shows it at 0.63 where it is 1 cd/m2."""
_WHITEST: Final = {PQ: 10_000, HLG: 2_000}
"""The white of a further view, above all light that there is: what PQ can say (SMPTE ST 2084), and HLG's brightest code, 1865
on a display of 1000. A film's mastering display and light levels are not asked: they do not bound its picture."""
_GAMMA: Final = 2.4  # of an SDR display, ITU-R BT.1886
_CODE: Final = "clip((val-64)/876,0,959/876)"
"""Luma of 10 bits, limited range, from 0 to 1, and what lies above it."""


def views(light: Light | None) -> tuple[str | None, ...]:
    """Return the curves on 10-bit luma (for ffmpeg's lutyuv) under which a film is judged; None: as it is, for SDR."""
    if light is None:
        return (None,)
    shown = _hlg() if light.transfer == HLG else _pq()
    return tuple(f"64.5+876*pow(clip({shown}/{white},0,1),{1 / _GAMMA:.6f})" for white in whites(light))  # fmt: skip


def whites(light: Light) -> tuple[int, ...]:
    """Return the cd/m2 that are white in each view of the film."""
    return (*_WHITES, _WHITEST[light.transfer])


def _pq() -> str:
    """Return cd/m2 of a code value (SMPTE ST 2084)."""
    power = f"pow({_CODE},{32 / 2523:.12f})"
    return f"(10000*pow(max({power}-0.8359375,0)/(18.8515625-18.6875*{power}),{16384 / 2610:.12f}))"


def _hlg() -> str:
    """Return cd/m2 of a code value on a display of 1000 (ITU-R BT.2100)."""
    light = f"if(lte({_CODE},0.5),{_CODE}*{_CODE}/3,(exp(({_CODE}-0.55991073)/0.17883277)+0.28466892)/12)"
    return f"(1000*pow({light},1.2))"
