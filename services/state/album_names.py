"""Says when the settings name an album that iCloud does not have: a typo would protect nothing, silently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.state import rows, schema
from services.state.policy.facts import Album
from shared.domain.albums import album_key
from shared.domain.ids import OWN_ZONE

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from services.state.policy.facts import Books
    from services.state.policy.rules import Policy

KEY: Final = "album-names"
"""The attention record."""


def check_names(connection: Connection, books: Books, policy: Policy) -> None:
    """Raise, change or clear the attention; nothing is said before a whole look at the own library is recorded."""
    if OWN_ZONE not in books.zones_looked:
        return
    here = _names(connection, books)
    lines = {
        setting: missing
        for setting, names in policy.albums_named().items()
        if (missing := [name for name in names if album_key(name) not in here])
    }
    said = "; ".join(_line(setting, missing) for setting, missing in lines.items()) or None
    books.settings["google_album_doubt"] = (
        _line("google.albums", lines["google.albums"]) if "google.albums" in lines else None
    )
    if books.settings.get("album_names") != said:
        books.settings["album_names"] = said
        books.attention[KEY] = (said or "", said is not None)


def _line(setting: str, missing: list[str]) -> str:
    names = ", ".join(f"'{name}'" for name in missing)
    return f"iCloud has no album {names}, which {setting} names"


def _names(connection: Connection, books: Books) -> set[str]:
    """Return the keys of the names of all albums; a folder of albums is none, for nothing is in it itself."""
    stored = connection.execute(rows.SELECT_ALBUMS.where(schema.album.c.zone == OWN_ZONE))
    albums = {row.id: Album(*row) for row in stored} | {
        key: books.albums[key] for key in books.changed_albums
    }
    since = books.ended_passes.get(OWN_ZONE, 0)
    live = [a for a in albums.values() if not a.deleted and a.pass_number >= since]
    folders = {album.parent for album in live}
    return {album_key(a.name) for a in live if a.zone == OWN_ZONE and a.id not in folders}
