"""What the compressor's answers mean for a file: its first rendition, or a new one that is to take the present one's place.

While it is renewed, the file keeps what it has: its rendition counts, its original's evidence counts, and nothing holds up
a deletion. It can neither touch a copy nor make one count.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from services.state.policy.facts import Books, Media
    from shared.domain import events

RENEWABLE: Final = frozenset({"archived", "left"})
"""States in which a file may be compressed anew."""
_AGAIN: Final = timedelta(days=30)
"""How long after a renewal that brought nothing the next one is tried, where its own date has passed already."""
LOST: Final = timedelta(hours=6)
"""How long after a rendition was lost the next is made: what loses one may lose each, and each may take hours."""
_NOT_RENEWED: Final = "; not renewed: "


def compressed(books: Books, media: Media, report: events.Compressed) -> None:
    """Take the first rendition, or keep a new one as the candidate for the present one's place."""
    made: dict[str, Any] = {
        "rendition_path": report.path,
        "rendition_sha256": report.sha256,
        "rendition_size": report.size,
        "tier": report.tier,
        "score": report.score,
        "compression_note": f"{report.encoder} {report.settings}",
    }
    if media.compression == "none":
        _adopt(books, media, made)
        media.readable, media.renew_at = True, report.renew_at
        books.move(media, "compression", "compressed")
    elif media.compression in RENEWABLE:
        media.candidate, media.renew_at = json.dumps(made), _later(books, report.renew_at)
        books.move(media, "compression", "renewing", f"it has grown into the tier {report.tier}")


def left(books: Books, media: Media, report: events.Left) -> None:
    """Note why a file stays as it is: as the original, or as the rendition that it has."""
    if media.compression == "none":
        media.compression_note, media.tier = report.reason, report.tier
        media.readable, media.renew_at = report.readable, report.renew_at
        state = "unreadable" if report.readable is False else "left"
        books.move(media, "compression", state, report.reason)
    elif media.compression in RENEWABLE:
        before = (media.compression_note or "").split(_NOT_RENEWED)[0]
        media.compression_note = f"{before}{_NOT_RENEWED}{report.reason}"
        again = books.now + _AGAIN if report.readable is False else report.renew_at
        media.renew_at = _later(books, again)
        books.touched.add(media.asset_id)


def archived(books: Books, media: Media) -> None:
    """The rendition lies in its place: it is the file's from now on."""
    if media.compression == "renewing":
        _adopt(books, media, candidate_of(media))
        media.candidate = None
    books.move(media, "compression", "archived")


def lost(books: Books, media: Media, reason: str) -> bool:
    """The finished rendition is gone before it was archived; False where none was on its way."""
    if media.compression == "renewing":
        media.candidate, media.renew_at = None, books.now
        has_one = media.rendition_sha256 is not None
        books.move(media, "compression", "archived" if has_one else "left", reason)
    elif media.compression == "compressed":
        media.rendition_path = media.rendition_sha256 = media.rendition_size = None
        media.score = None
        books.move(media, "compression", "none", reason)
    else:
        return False
    return True


def candidate_of(media: Media) -> dict[str, Any]:
    """Return the columns that the new rendition will fill; none while there is no new one."""
    found: dict[str, Any] = json.loads(media.candidate or "{}")
    return found


def _adopt(books: Books, media: Media, made: dict[str, Any]) -> None:
    for name, value in made.items():
        setattr(media, name, value)
    media.last_compressed = books.now


def _later(books: Books, at: datetime | None) -> datetime | None:
    """A worker's clock may be behind: never ask for the same again at once."""
    return at if at is None or at > books.now else books.now + _AGAIN
