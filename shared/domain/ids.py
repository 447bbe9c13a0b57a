"""The words of photoduct as types: ids, hashes and sizes; they hold values and decide nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

AssetId = NewType("AssetId", str)
"""iCloud's record name of a CPLAsset: one photo or video with all its files."""
MediaId = NewType("MediaId", int)
"""Row number of one file of an asset in the `media` table."""
Sha256 = NewType("Sha256", str)
"""SHA-256 of a file's bytes, 64 lower-case hexadecimal digits."""
AppleChecksum = NewType("AppleChecksum", str)
"""Base64 of 0x01 and the salted SHA-1 that iCloud states for a resource; `record` media carry a change tag."""
ByteCount = NewType("ByteCount", int)
"""A number of bytes."""
ChangeTag = NewType("ChangeTag", str)
"""iCloud's version of a record; of an asset: `<asset tag>/<master tag>`."""


class Resource(StrEnum):
    """The kinds of file that an asset can have; an asset with any other kind is kept in iCloud."""

    ORIGINAL = "original"
    ALTERNATE = "alternate"  # the RAW beside a JPEG, or the JPEG beside a RAW
    LIVE = "live"  # the movie of a Live Photo
    EDITED = "edited"  # what the person made of it
    RECORD = "record"  # the raw iCloud records (adjustments, captions, flags) and albums as JSON
    SIDECAR = "sidecar"  # what other programs can read of the record, as XMP; made when asked for

    @property
    def is_metadata(self) -> bool:
        """True for what photoduct writes about an asset; iCloud and Google hold no such file."""
        return self in (Resource.RECORD, Resource.SIDECAR)


class Kind(StrEnum):
    """What a file is, for choosing a lane; the compressor looks at the bytes itself."""

    PHOTO = "photo"
    VIDEO = "video"


OWN_ZONE = "PrimarySync"
"""The zone of the person's own library; nothing of any other zone is ever deleted."""


def asset_id(zone: str, record: str) -> AssetId:
    """Name an asset: its record's name, in other zones than the own one `<record>@<zone>`, which two zones cannot share."""
    return AssetId(record if zone == OWN_ZONE else f"{record}@{zone}")


def record_of(asset: str) -> str:
    """Return the name of the asset's CPLAsset in its zone."""
    return asset.partition("@")[0]


class Area(StrEnum):
    """The folder of the library root in which a file lies (facts: DESIGN, "Files")."""

    INCOMING = "incoming"
    BACKUP = "backup"
    COMPRESS = "compress"
    DELETE_PENDING = "delete_pending"
    PIXEL = "pixel"


class GoogleLevel(StrEnum):
    """How strong the evidence is that Google Photos holds a file; compare with `rank`."""

    NONE = "none"
    STAGED = "staged"
    ARRIVED = "arrived"
    SETTLED = "settled"
    FREED = "freed"
    CONFIRMED = "confirmed"
    TAKEOUT = "takeout"

    @property
    def rank(self) -> int:
        """Return the position in the order of strength, 0 for none."""
        return _RANK[self]


_RANK = {level: rank for rank, level in enumerate(GoogleLevel)}
