"""Decides what is done with a photo or video by its age and kind; pure, it can never read or change a file.

Three tiers, each judged against what a person sees (SSIMULACRA2, VMAF) on real camera files. HEIC and HEVC are
small already: a second encode at high quality grows most of them, so only the last tier touches them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, assert_never


class Kind(StrEnum):
    """What a file is by its content; its value is the word for people."""

    JPEG = "JPEG"
    HEIC = "HEIC"
    PNG = "PNG"
    AVIF = "AVIF"
    WEBP = "WebP"
    GIF = "GIF"
    BMP = "BMP"
    RAW = "RAW or TIFF"
    H264 = "H.264 video"
    HEVC = "HEVC video"
    OTHER_VIDEO = "video of another codec"
    UNKNOWN = "neither picture nor video"


@dataclass(frozen=True, slots=True)
class Tier:
    """How hard the files younger than `max_age_days` are compressed (None: no upper age); a setting of None leaves.

    JPEG and HEIC in encoder quality (1 to 95), H.264 and HEVC sources in the x265 CRF they are encoded with.
    Raises ValueError for numbers outside their range.
    """

    name: str
    max_age_days: int | None
    jpeg_quality: int | None
    heic_quality: int | None
    png: bool
    video_crf: int | None
    hevc_crf: int | None = None

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        qualities = (self.jpeg_quality, self.heic_quality)
        rates = (self.video_crf, self.hevc_crf)
        if not self.name:
            raise ValueError("a tier needs a name")
        if self.max_age_days is not None and self.max_age_days < 1:
            raise ValueError(f"tier {self.name}: max_age_days must be 1 or more")
        if any(q is not None and not 1 <= q <= 95 for q in qualities):
            raise ValueError(f"tier {self.name}: a quality must lie between 1 and 95")
        if any(r is not None and not 1 <= r <= 51 for r in rates):
            raise ValueError(f"tier {self.name}: a CRF must lie between 1 and 51")


BALANCED: tuple[Tier, ...] = (
    Tier("light", 365, jpeg_quality=85, heic_quality=None, png=True, video_crf=20),
    Tier("medium", 3 * 365, jpeg_quality=80, heic_quality=None, png=True, video_crf=23),
    Tier("heavy", None, jpeg_quality=70, heic_quality=50, png=True, video_crf=26, hevc_crf=28),
)
"""The default tiers: hardly visible, barely visible, visible side by side."""

_SECOND_ENCODE_RATIO = 0.7  # HEVC to HEVC costs quality twice, so it has to bring more
_RATIO = 0.9


@dataclass(frozen=True, slots=True)
class Encode:
    """Make a rendition; `quality` is a quality, a CRF for video, None where nothing is lost."""

    kind: Kind
    quality: int | None
    max_ratio: float = _RATIO


@dataclass(frozen=True, slots=True)
class Leave:
    """Keep the original as it is; `reason` is a sentence for people."""

    reason: str


def checked_tiers(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """Return `tiers`; raises ValueError unless they cover every age once, youngest first, with unique names."""
    ages = [tier.max_age_days for tier in tiers]
    bounds = [age for age in ages[:-1] if age is not None]
    if not ages or ages[-1] is not None or len(bounds) != len(ages) - 1:
        raise ValueError("exactly the last tier must have no max_age_days")
    if bounds != sorted(set(bounds)):
        raise ValueError("the tiers' max_age_days must grow from one to the next")
    if len({tier.name for tier in tiers}) != len(tiers):
        raise ValueError("two tiers have the same name")
    return tiers


def tier_for(created: datetime, now: datetime, tiers: tuple[Tier, ...] = BALANCED) -> Tier:
    """Return the first tier whose age limit the photo has not reached; a date in the future is young.

    Both times carry a time zone; `tiers` have passed checked_tiers.
    """
    age = now - created
    for tier in tiers[:-1]:
        if tier.max_age_days is None or age < timedelta(days=tier.max_age_days):
            return tier
    return tiers[-1]


def plan(kind: Kind, tier: Tier) -> Encode | Leave:
    """Return what `tier` does with a file of `kind`."""
    match kind:
        case Kind.JPEG:
            return _lossy(kind, tier, tier.jpeg_quality)
        case Kind.HEIC:
            return _lossy(kind, tier, tier.heic_quality)
        case Kind.H264:
            return _lossy(kind, tier, tier.video_crf)
        case Kind.HEVC:
            return _lossy(kind, tier, tier.hevc_crf, _SECOND_ENCODE_RATIO)
        case Kind.PNG:
            return Encode(kind, None) if tier.png else _by_tier(kind, tier)
        case Kind.AVIF | Kind.WEBP | Kind.GIF | Kind.BMP | Kind.RAW | Kind.OTHER_VIDEO:
            return Leave(f"no encoder is set for {kind}")
        case Kind.UNKNOWN:
            return Leave(f"the file is {kind}")
        case _:
            assert_never(kind)


def _lossy(
    kind: Kind, tier: Tier, quality: int | None, max_ratio: float = _RATIO
) -> Encode | Leave:
    return _by_tier(kind, tier) if quality is None else Encode(kind, quality, max_ratio)


def _by_tier(kind: Kind, tier: Tier) -> Leave:
    return Leave(f"the tier {tier.name} leaves {kind} as it is")


def worth_it(original_size: int, rendition_size: int, max_ratio: float = _RATIO) -> bool:
    """Say whether a rendition saves enough bytes to take the original's place; an empty one never does."""
    return 0 < rendition_size <= original_size * max_ratio
