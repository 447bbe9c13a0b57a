"""What an asset is to a person: a video, a Live Photo, a RAW photo; it reads the listing only and decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.domain.ids import Kind, Resource

if TYPE_CHECKING:
    from services.state.policy.facts import Asset, Media

RAW: Final = frozenset(
    [
        ".3fr",
        ".arw",
        ".cr2",
        ".cr3",
        ".crw",
        ".dcr",
        ".dng",
        ".erf",
        ".iiq",
        ".mef",
        ".mos",
        ".mrw",
        ".nef",
        ".nrw",
        ".orf",
        ".pef",
        ".raf",
        ".raw",
        ".rw2",
        ".rwl",
        ".sr2",
        ".srf",
        ".srw",
        ".x3f",
    ]
)


def kind_of(asset: Asset) -> Kind:
    """Return what the asset is by its original: the movie of a Live Photo makes no video of it."""
    originals = _files(asset, Resource.ORIGINAL)
    return Kind(originals[0].kind) if originals else Kind.PHOTO


def is_video(asset: Asset) -> bool:
    """True for a video, and for what has a video among its originals or edits without being a Live Photo."""
    some = (*_files(asset, Resource.ORIGINAL), *_files(asset, Resource.EDITED))
    return any(one.kind == Kind.VIDEO for one in some) and not is_live(asset)


def is_live(asset: Asset) -> bool:
    """True for a Live Photo."""
    return bool(_files(asset, Resource.LIVE))


def has_raw(asset: Asset) -> bool:
    """True for a RAW photo, alone or beside a JPEG."""
    suffixes = {f".{media.path.rpartition('.')[2]}".lower() for media in asset.current}
    return bool(_files(asset, Resource.ALTERNATE)) or not suffixes.isdisjoint(RAW)


def _files(asset: Asset, resource: Resource) -> list[Media]:
    return [media for media in asset.current if media.resource == resource]
