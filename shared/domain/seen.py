"""What a look at iCloud shows: assets with their files, albums and who is in them; it says nothing of copies."""

from __future__ import annotations

from datetime import datetime

from shared.domain.ids import Kind, Resource
from shared.domain.wire import Wire


class ResourceSeen(Wire):
    """One resource of an asset as iCloud lists it."""

    resource: Resource
    checksum: str
    size: int
    file_type: str
    extension: str
    """With its dot, as the file will be named."""
    kind: Kind


class AssetSeen(Wire):
    """One asset as iCloud lists it."""

    asset: str
    zone: str
    change_tag: str
    filename: str
    """As the person's device named it; metadata only, never used as a path."""
    created: datetime
    """In the asset's own time zone."""
    favorite: bool = False
    hidden: bool = False
    deleted: bool = False
    """In Recently Deleted."""
    problem: str | None = None
    """Why the asset has to stay in iCloud whatever else is true, e.g. a resource of an unknown kind."""
    resources: tuple[ResourceSeen, ...]


class AlbumSeen(Wire):
    """One album (or folder of albums) as iCloud lists it; `name` is metadata only."""

    album: str
    name: str
    parent: str | None = None
    deleted: bool = False


class Membership(Wire):
    """One asset in one album, both by iCloud's ids."""

    album: str
    asset: str
