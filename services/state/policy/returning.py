"""What the archive has lost is archived anew from the original, which is fetched where iCloud has it again; it can neither release nor delete.

A photo that iCloud has again after its deletion stays there for good. What its archive lacks, or cannot prove any more, is fetched once more,
however late that turns out: a release or a purge may have been under way when it came back, and the archive's disk may be another one a year later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.state.policy.facts import Asset, Books, Media
    from shared.domain.gate import Situation


def fetch_back(books: Books, asset: Asset, here: Situation) -> None:
    """Let files be fetched and archived anew of which nothing but a rendition may be left; twice is once."""
    for media in asset.media:
        if media.on_disk and media.nas == "mismatch":
            _archive_anew(books, media, "its copy was lost or differs, and its original is here")
    if asset.removal != "restored":
        return
    for media in asset.media:
        gone = media.local == "purged" and media.current and asset.listed
        if gone and media.nas != "verified" and not is_to_be_read_again(media, here):
            books.move(media, "local", "wanted", "the archive has no proven copy of it any more")
        elif media.on_disk and media.nas == "released":
            _archive_anew(books, media, "it is back in iCloud, and its original is here")


def doubt_after_release(books: Books, asset: Asset) -> None:
    """Have each original read back whose removal from the archive was ever ordered: its worker may have died before it told."""
    for media in asset.media:
        if media.nas == "verified" and books.task_of("release", media.id) is not None:
            books.move(media, "nas", "void", "it is back in iCloud; its original may have gone")


def is_to_be_read_again(media: Media, here: Situation) -> bool:
    """Say whether the archive alone has it, as far as is known, and the evidence was voided, by a restore for one."""
    known = here.archive in {None, media.nas_archive}  # one that is away for now is no other one
    return media.nas == "void" and media.local == "purged" and known


def _archive_anew(books: Books, media: Media, why: str) -> None:
    """Forget where the copy was: other bytes that lie there still are never replaced, and a person is told of them."""
    media.nas_path = media.nas_verified_at = None
    books.move(media, "nas", "none", why)
