"""Holds the named sets of tiers that a person chooses from; pure data, no number here can touch an original.

Every number comes from measured camera files. A JPEG at jpegli 90 scores 84 in the median, 85 scores 80, 75 scores 74.
HEIC and HEVC are small already: a second encode at high quality grows most of them, and only the ratio decides.
"""

from __future__ import annotations

from typing import Final, Literal

from services.compressor.tiers.tier import Film, Lossless, Still, Tier

_PNG = Lossless()
_YOUNG, _MIDDLE = 365, 3 * 365


Profile = Literal["careful", "balanced", "small"]
"""The names of the sets."""


def _jpeg(quality: int, floor: float, *, down: int = 0) -> Still:
    return Still("jpegli", quality, floor, lowest=quality - down if down else None)


def _heic(quality: int, floor: float, *, down: int = 0) -> Still:
    return Still("x265", quality, floor, lowest=quality - down if down else None)


def _film(crf: int, floor: float, floor_p5: float, max_ratio: float = 0.9, *, up: int = 0) -> Film:
    worst = crf + up if up else None
    return Film("x265", crf, max_ratio, floor, floor_p5, worst=worst)


_TWICE = 0.7  # a second encode by the same method costs quality again, so it has to bring more

CAREFUL: tuple[Tier, ...] = (
    Tier("light", _YOUNG, jpeg=_jpeg(90, 80), png=_PNG,
        h264=_film(20, 95, 92)),
    Tier("medium", _MIDDLE, jpeg=_jpeg(85, 75), png=_PNG,
        h264=_film(22, 93, 90)),
    Tier(
        "heavy", None,
        jpeg=_jpeg(75, 68), heic=_heic(50, 72), png=_PNG,
        h264=_film(26, 90, 86), hevc=_film(28, 90, 86, _TWICE),
    ),
)  # fmt: skip
"""No difference seen, hardly any, barely any; HEIC and HEVC are touched in the third year only."""

BALANCED: tuple[Tier, ...] = (
    Tier(
        "light", _YOUNG,
        jpeg=_jpeg(85, 75, down=20), heic=_heic(50, 76, down=10), png=_PNG,
        h264=_film(20, 94, 91, up=6), hevc=_film(24, 94, 91, _TWICE, up=6),
    ),
    Tier(
        "medium", _MIDDLE,
        jpeg=_jpeg(80, 72, down=20), heic=_heic(50, 73, down=10), png=_PNG,
        h264=_film(23, 92, 88, up=6), hevc=_film(26, 92, 88, _TWICE, up=6),
    ),
    Tier(
        "heavy", None,
        jpeg=_jpeg(70, 66, down=20), heic=_heic(45, 68, down=10), png=_PNG,
        h264=_film(26, 90, 86, up=6), hevc=_film(28, 90, 86, _TWICE, up=6),
    ),
)  # fmt: skip
"""The default: hardly seen, barely seen, seen side by side. Every tier does something for every kind where its floor holds:

a file that is small already is tried at lower qualities, too.
"""

SMALL: tuple[Tier, ...] = (
    Tier(
        "light", _YOUNG,
        jpeg=_jpeg(75, 68, down=20), heic=_heic(45, 68, down=10), png=_PNG,
        h264=_film(24, 91, 87, up=6), hevc=_film(26, 91, 87, _TWICE, up=6),
    ),
    Tier(
        "medium", _MIDDLE,
        jpeg=_jpeg(65, 62, down=20), heic=_heic(40, 62, down=10), png=_PNG,
        h264=_film(27, 88, 84, up=6), hevc=_film(29, 88, 84, _TWICE, up=6),
    ),
    Tier(
        "heavy", None,
        jpeg=_jpeg(55, 55, down=20), heic=_heic(35, 55, down=10), png=_PNG,
        h264=_film(30, 85, 80, up=6), hevc=_film(32, 85, 80, _TWICE, up=6),
    ),
)  # fmt: skip
"""Seen side by side from the first year on: for those who keep the originals elsewhere."""

PROFILES: Final[dict[Profile, tuple[Tier, ...]]] = {
    "careful": CAREFUL,
    "balanced": BALANCED,
    "small": SMALL,
}
