"""Decides what Google Photos accepts and what a sight of the phone proves; it touches nothing and knows no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from services.pixel_sync.ports import ChangedOnPhone, Freed, Held, Holding, NotYet
from shared.domain.ids import GoogleLevel

if TYPE_CHECKING:
    from datetime import datetime, timedelta

_PHOTOS: Final = frozenset(["jpg", "jpeg", "heic", "heif", "png", "webp", "gif", "avif"])
_RAWS: Final = frozenset(
    ["dng", "cr2", "cr3", "nef", "nrw", "arw", "raf", "orf", "rw2", "pef", "srw"]
)
_VIDEOS: Final = frozenset(["mov", "mp4", "m4v", "3gp"])
_PHOTO_BYTES: Final = 200 * 1000**2
_VIDEO_BYTES: Final = 10 * 1000**3
_PHOTO_PIXELS: Final = 200 * 1000**2
_LEAST_SIDE: Final = 256


@dataclass(frozen=True, slots=True)
class Accepted:
    """Google Photos takes such a file."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Google Photos does not take it; `reason` is a phrase for people."""

    reason: str


def google_accepts(
    filename: str, size: int, width: int | None = None, height: int | None = None
) -> Accepted | Refused:
    """Judge by the published limits; `size` in bytes, sides in pixels, None when not known."""
    ending = filename.rpartition(".")[2].lower() if "." in filename else ""
    if size <= 0:
        return Refused("the file is empty")
    if ending in _VIDEOS:
        return Refused("a video of more than 10 GB") if size > _VIDEO_BYTES else Accepted()
    if ending in _PHOTOS | _RAWS:
        return _judge_photo(size, width, height)
    return Refused(f"Google Photos does not take .{ending} files" if ending else "no file ending")


def _judge_photo(size: int, width: int | None, height: int | None) -> Accepted | Refused:
    if size > _PHOTO_BYTES:
        return Refused("a photo of more than 200 MB")
    if any(side is not None and side < _LEAST_SIDE for side in (width, height)):
        return Refused("smaller than 256 x 256 pixels")
    if width is not None and height is not None and width * height > _PHOTO_PIXELS:
        return Refused("more than 200 megapixels")
    return Accepted()


@dataclass(frozen=True, slots=True)
class Rules:
    """What the person set: how long a file must lie on the phone, what counts as everything at once.

    A deletion is of everything at once from a share of `mass_share` (0 to 1) of the window,
    when the window held at least `mass_from` files.
    """

    settle_for: timedelta
    mass_share: float = 1.0
    mass_from: int = 1


@dataclass(frozen=True, slots=True)
class Known:
    """What is recorded of a file: its level and since when (of `arrived`: when it arrived)."""

    level: GoogleLevel
    since: datetime
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at a file on the phone, in the light of the whole window at that moment.

    `phone_seen_at` is when the phone was last online; `freed` of `window` files are newly deleted,
    where `window` counts all files that were recorded on the phone before this look.
    """

    holding: Holding
    phone_seen_at: datetime | None
    freed: int = 0
    window: int = 0


@dataclass(frozen=True, slots=True)
class Advance:
    """The evidence reaches this level."""

    level: GoogleLevel


@dataclass(frozen=True, slots=True)
class Suspect:
    """What was seen proves nothing and a person has to look; `reason` is a sentence's part."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stay:
    """Nothing new is known."""


Step: TypeAlias = Advance | Suspect | Stay


def evidence(known: Known, sight: Sight, rules: Rules) -> Step:
    """Answer the next step of the evidence; it never skips a level and never goes back."""
    if known.suspect or known.level.rank >= GoogleLevel.FREED.rank:
        return Stay()
    match sight.holding:
        case Held():
            return _held(known, sight, rules)
        case Freed():
            return _freed(known, sight, rules)
        case ChangedOnPhone():
            return Suspect("the phone changed the file, so Google may hold other bytes")
        case NotYet():
            return Stay()


def _held(known: Known, sight: Sight, rules: Rules) -> Step:
    if known.level.rank < GoogleLevel.ARRIVED.rank:
        return Advance(GoogleLevel.ARRIVED)
    if known.level is GoogleLevel.ARRIVED and _has_settled(known, sight, rules):
        return Advance(GoogleLevel.SETTLED)
    return Stay()


def _has_settled(known: Known, sight: Sight, rules: Rules) -> bool:
    """Count only time that ends with the phone online: a phone in a drawer uploads nothing."""
    seen = sight.phone_seen_at
    return seen is not None and seen - known.since >= rules.settle_for


def _freed(known: Known, sight: Sight, rules: Rules) -> Step:
    if known.level is not GoogleLevel.SETTLED:
        return Suspect("it was deleted from the phone before it could be backed up")
    if is_everything(sight, rules):
        return Suspect(f"all {sight.freed} files were deleted from the phone at once")
    return Advance(GoogleLevel.FREED)


def is_everything(sight: Sight, rules: Rules) -> bool:
    """Tell a cleared folder or a reset phone from "Free up space"."""
    if sight.window < max(1, rules.mass_from):
        return False
    return sight.freed >= rules.mass_share * sight.window
