"""Keeps an asset's archived record, and its sidecar, in step with what iCloud says of it; it can neither end a wait nor begin one.

The record media is named by the asset's change tag and its albums. One that nobody was asked for yet is renamed, so
that the first look, which shows albums after assets, leaves one version; later changes each make a new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.state.policy.files import add_media
from shared.domain.ids import Kind, Resource
from shared.domain.seen import ResourceSeen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.state.policy.facts import Asset, Books, Media

_TYPES = {
    Resource.RECORD: ("application/json", ".json"),
    Resource.SIDECAR: ("application/rdf+xml", ".xmp"),
}


def keep_up(books: Books, asset: Asset, *, sidecars: bool) -> None:
    """Make the record (and with `sidecars` the sidecar) of the asset as it is now its current one; twice is once."""
    if not asset.listed:
        return  # nothing more can be learnt of it
    for resource in _TYPES:
        mine = [media for media in asset.media if media.resource == resource]
        if resource is Resource.RECORD or sidecars:
            _make_current(books, asset, resource, mine)
        else:
            _retire(books, mine)


def _make_current(books: Books, asset: Asset, resource: Resource, mine: Sequence[Media]) -> None:
    wanted = asset.record_checksum
    found = next((media for media in mine if media.checksum == wanted), None)
    if found is None:
        found = _never_asked_for(books, mine)
    if found is None:
        found = add_media(books, asset, _resource(resource, wanted))
    found.checksum, found.current = wanted, True
    if found.local == "superseded":
        books.move(found, "local", "wanted")
    _retire(books, [media for media in mine if media is not found])


def _never_asked_for(books: Books, mine: Sequence[Media]) -> Media | None:
    """Return a version of which no download was ever ordered: nobody can answer for what it was before."""
    free = (m for m in mine if m.current and m.local == "wanted")
    return next((m for m in free if books.task_of("download", m.id) is None), None)


def _retire(books: Books, old: Sequence[Media]) -> None:
    for media in old:
        media.current = False
        if media.local == "wanted":
            books.move(media, "local", "superseded", "a newer version replaced it in iCloud")


def _resource(resource: Resource, checksum: str) -> ResourceSeen:
    file_type, extension = _TYPES[resource]
    return ResourceSeen(
        resource=resource,
        checksum=checksum,
        size=0,
        file_type=file_type,
        extension=extension,
        kind=Kind.PHOTO,
    )
