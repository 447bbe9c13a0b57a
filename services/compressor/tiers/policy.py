"""Decides what a tier does with a photo or video of a kind; pure, it can never read or change a file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.compressor.tiers.tier import Film, Lossless, Reversible, Still, Tier

    Setting = Still | Reversible | Lossless | Film


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
    UNKNOWN = "of no kind that is known here"


_ORDERED: Final[dict[Kind, Callable[[Tier], Setting | None]]] = {
    Kind.JPEG: lambda tier: tier.jpeg,
    Kind.HEIC: lambda tier: tier.heic,
    Kind.PNG: lambda tier: tier.png,
    Kind.WEBP: lambda tier: tier.webp,
    Kind.AVIF: lambda tier: tier.avif,
    Kind.H264: lambda tier: tier.h264,
    Kind.HEVC: lambda tier: tier.hevc,
}
"""The kinds for which a tier may order something."""


@dataclass(frozen=True, slots=True)
class Encode:
    """Make a rendition as `setting` says."""

    kind: Kind
    setting: Setting


@dataclass(frozen=True, slots=True)
class Leave:
    """Keep the original as it is; `reason` is a sentence for people."""

    reason: str


def plan(kind: Kind, tier: Tier) -> Encode | Leave:
    """Return what `tier` does with a file of `kind`."""
    if kind in _ORDERED:
        return _order(kind, tier, _ORDERED[kind](tier))
    if kind is Kind.UNKNOWN:
        return Leave(f"the file is {kind}")
    return Leave(f"no encoder is set for {kind}")


def settled_until(kind: Kind, tiers: Sequence[Tier]) -> int | None:
    """Return the age in days from which a file of `kind` has to be encoded otherwise than now; None: it never has.

    `tiers`: those that the file may be in, now (the first) or when it is older, in order.
    """
    now, *later = tiers
    end, settings = now.max_age_days, _setting(kind, now)
    for tier in later:
        if end is None:
            break
        if tier.max_age_days is not None and tier.max_age_days <= end:
            continue
        if _setting(kind, tier) not in (None, settings):
            return end
        end = tier.max_age_days
    return None


def _setting(kind: Kind, tier: Tier) -> Setting | None:
    order = plan(kind, tier)
    return order.setting if isinstance(order, Encode) else None


def _order(kind: Kind, tier: Tier, setting: Setting | None) -> Encode | Leave:
    if setting is None:
        return Leave(f"the tier {tier.name} leaves {kind} as it is")
    return Encode(kind, setting)


def worth_it(original_size: int, rendition_size: int, max_ratio: float = 0.9) -> bool:
    """Say whether a rendition saves enough bytes to take the original's place; an empty one never does."""
    return 0 < rendition_size <= original_size * max_ratio
