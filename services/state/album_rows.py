"""Reads and writes albums and who is in them, and wakes the assets that a change of them concerns; it judges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, select, tuple_, update

from services.state import rows, schema
from services.state.library_rows import upsert
from services.state.policy.facts import Album

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement
    from sqlalchemy.engine import Connection

    from services.state.policy.facts import Books


def load_albums(connection: Connection, books: Books, ids: Iterable[str]) -> None:
    """Take these albums into the books, where they exist; one that is there already stays as it is there."""
    missing = list({key for key in ids if key not in books.albums})
    for part in rows.chunks(missing):
        for row in connection.execute(rows.SELECT_ALBUMS.where(schema.album.c.id.in_(part))):
            books.albums[row.id] = Album(*row)


def load_members(connection: Connection, books: Books, assets: Iterable[str]) -> None:
    """Take the memberships of these assets (iCloud ids), and their albums, into the books."""
    missing = list({name for name in assets if name not in books.members})
    member = schema.membership.c
    albums: set[str] = set()
    for part in rows.chunks(missing):
        books.members.update((name, set()) for name in part)
        for row in connection.execute(
            select(member.asset, member.album).where(member.asset.in_(part))
        ):
            books.members[row.asset].add(row.album)
            albums.add(row.album)
    load_albums(connection, books, albums)


def write_albums(connection: Connection, books: Books) -> None:
    """Write what changed; assets outside the books that it concerns are planned again."""
    if books.changed_albums:
        changed = [books.albums[key] for key in sorted(books.changed_albums)]
        values = [dict(zip(rows.ALBUM_FIELDS, _values(one), strict=True)) for one in changed]
        upsert(connection, schema.album, ("id",), values)
    _write_members(connection, books)
    for zone, number in books.ended_passes.items():
        _sweep(connection, books, zone, number)
    _wake_members(connection, books, schema.membership.c.album.in_(books.changed_albums))
    if books.first_looks:
        _wake(connection, books, schema.asset.c.zone.in_(books.first_looks))


def _values(album: Album) -> tuple[object, ...]:
    return tuple(getattr(album, name) for name in rows.ALBUM_FIELDS)


def _write_members(connection: Connection, books: Books) -> None:
    joined, parted = [], []
    for (album, asset), state in books.changed_members.items():
        if state is None:
            parted.append((album, asset))
        else:
            zone, number = state
            joined.append({"album": album, "asset": asset, "zone": zone, "pass_number": number})
    member = schema.membership.c
    for part in rows.chunks(parted):
        connection.execute(
            delete(schema.membership).where(tuple_(member.album, member.asset).in_(part))
        )
    if joined:
        upsert(connection, schema.membership, ("album", "asset"), joined)


def _sweep(connection: Connection, books: Books, zone: str, number: int) -> None:
    """End what a whole pass over the zone's history did not show; its page of this very transaction is written already."""
    member, album = schema.membership.c, schema.album.c
    stale = and_(member.zone == zone, member.pass_number < number)
    old = and_(album.zone == zone, album.pass_number < number)
    _wake_members(connection, books, stale)
    connection.execute(delete(schema.membership).where(stale))
    _wake_members(connection, books, member.album.in_(select(album.id).where(old)))
    connection.execute(update(schema.album).where(old).values(deleted=True))


def _wake_members(connection: Connection, books: Books, which: ColumnElement[bool]) -> None:
    """Plan the members again that can be planned: before the first look ends, its end wakes all at once."""
    zones = books.zones_looked - books.first_looks
    if zones:
        members = select(schema.membership.c.asset).where(
            which, schema.membership.c.zone.in_(zones)
        )
        _wake(connection, books, schema.asset.c.icloud_id.in_(members))


def _wake(connection: Connection, books: Books, which: ColumnElement[bool]) -> None:
    connection.execute(update(schema.asset).where(which).values(wake_at=books.now))
