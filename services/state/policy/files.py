"""Adds a file to an asset: its row, its first states and a path that nothing else has; it touches no disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.state.policy.facts import Media
from shared.domain import naming

if TYPE_CHECKING:
    from services.state.policy.facts import Asset, Books
    from shared.domain.seen import ResourceSeen

MEDIA_MACHINES = ("local", "google", "nas", "compression")


def add_media(books: Books, asset: Asset, seen: ResourceSeen) -> Media:
    """Add a resource as a wanted file; what photoduct writes itself goes neither to Google nor to the compressor."""
    path = _free_path(books, asset, seen)
    rest = "exempt" if seen.resource.is_metadata else "none"
    media = Media(
        id=books.next_media,
        asset_id=asset.id,
        icloud_id=asset.icloud_id,
        filename=asset.filename,
        created_date=asset.created_date,
        resource=seen.resource.value,
        checksum=seen.checksum,
        listed_size=seen.size,
        kind=seen.kind.value,
        path=path,
        path_key=naming.path_key(path),
        google=rest,
        compression=rest,
    )
    books.next_media += 1
    books.new_names.add(media.path_key)
    asset.media.append(media)
    books.media[media.id] = media
    books.began(media, MEDIA_MACHINES)
    return media


def _free_path(books: Books, asset: Asset, seen: ResourceSeen) -> str:
    directory = asset.stem_key.rsplit("/", 1)[0]
    version = 1
    while True:
        name = naming.media_name(asset.stem, seen.resource, seen.extension, version)
        path = f"{directory}/{name}"
        if not books.name_is_taken(naming.path_key(path)):
            return path
        version += 1
