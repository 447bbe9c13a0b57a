"""The few numbers of an asset by which lists are sorted and filtered; pure."""

from typing import NamedTuple

from simulators.icloud.details import SLOW_MOTION
from simulators.icloud.media_types import MOVIE_TYPES
from simulators.icloud.records import Record


class Facts(NamedTuple):
    """One asset as a list sees it; times are epoch milliseconds."""

    name: str
    taken: int
    added: int
    expunged: int = 0
    deleted: bool = False
    hidden: bool = False
    favorite: bool = False
    video: bool = False
    live: bool = False
    burst: bool = False
    slow: bool = False


def facts_of(asset: Record, master: Record | None) -> Facts:
    """Read them from an asset's two records."""
    return Facts(
        name=asset.name,
        taken=asset.number("assetDate"),
        added=asset.number("addedDate"),
        expunged=asset.number("dateExpunged"),
        deleted=bool(asset.number("isDeleted")),
        hidden=bool(asset.number("isHidden")),
        favorite=bool(asset.number("isFavorite")),
        video=master is not None and master.text("itemType") in MOVIE_TYPES,
        live=master is not None and "resOriginalVidComplRes" in master.fields,
        burst="burstId" in asset.fields,
        slow=asset.text("adjustmentType") == SLOW_MOTION,
    )
