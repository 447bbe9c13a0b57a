"""What a page says of albums and of who is in them; what is uncertain counts as being in the album still.

A membership ends when iCloud says so, or when a whole pass over the zone's history has ended that did not show it. A
pass counts only while each of its pages follows the one before: after a gap nothing is swept, and too much is kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from services.state.policy.facts import Album
from shared.domain.ids import record_of

if TYPE_CHECKING:
    from services.state.policy.facts import Asset, Books
    from shared.domain.events import PageSeen
    from shared.domain.seen import AlbumSeen


def albums_seen(books: Books, page: PageSeen) -> None:
    """Record the page's albums and memberships, and by what names its assets' albums go now."""
    number = _pass_number(books, page)
    changed = {album.album for album in page.albums}
    for album in page.albums:
        _album(books, page.zone, album, number)
    changed |= {key for name in page.gone if (key := _gone(books, page.zone, name))}
    for one in page.parted:
        books.members.setdefault(one.asset, set()).discard(one.album)
        books.changed_members[one.album, one.asset] = None
    for one in page.joined:  # last: where a page says both, it counts as being in it
        books.members.setdefault(one.asset, set()).add(one.album)
        books.changed_members[one.album, one.asset] = (page.zone, number)
    for asset in _affected(books, page, changed):
        names = names_of(books, asset.icloud_id)
        if names != asset.albums:
            asset.albums = names
            books.touched.add(asset.id)


def names_of(books: Books, icloud_id: str) -> tuple[str, ...]:
    """Return the names of the asset's albums, sorted, without the album of assets to be deleted."""
    known = [books.albums.get(key) for key in books.members.get(icloud_id, ())]
    names = {album.name for album in known if album is not None and not album.deleted}
    return tuple(sorted(names - {books.pending_album, ""}))


def _affected(books: Books, page: PageSeen, changed: set[str]) -> list[Asset]:
    named = {
        *(seen.asset for seen in page.assets),
        *(one.asset for one in (*page.joined, *page.parted)),
    }
    if changed:
        named |= {asset for asset, albums in books.members.items() if albums & changed}
    return [asset for name in named if (asset := books.by_icloud_id.get(name)) is not None]


def _album(books: Books, zone: str, seen: AlbumSeen, number: int) -> None:
    known = books.albums.get(seen.album)
    name = seen.name or (known.name if known is not None else "")  # a feed may leave fields out
    books.albums[seen.album] = Album(seen.album, zone, name, seen.parent, seen.deleted, number)
    books.changed_albums.add(seen.album)


def _gone(books: Books, zone: str, name: str) -> str | None:
    """Note that an album's record no longer exists; return its id, None when it was no album's."""
    known = books.albums.get(record_of(name))
    if known is None or known.zone != zone:
        return None
    known.deleted = True
    books.changed_albums.add(known.id)
    return known.id


def _pass_number(books: Books, page: PageSeen) -> int:
    """Return the number of the zone's pass to which the page belongs, and note which page has to follow."""
    key = f"pass {page.zone}"
    stored = json.loads(books.settings.get(key) or "{}")
    here = [page.since, page.part]
    first = here == ["", 0]
    number = int(stored.get("number", 0)) + first
    whole = first or here == stored.get("next")
    last_part = page.final or page.token != page.since
    follows = [page.token, 0] if last_part else [page.since, page.part + 1]
    if whole and page.final:
        books.ended_passes[page.zone] = number
    now = {"number": number, "next": None if page.final or not whole else follows}
    books.settings[key] = json.dumps(now)
    return number
