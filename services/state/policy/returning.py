"""What iCloud has again after its deletion is archived as ever, from the original's own bytes; it can neither release nor delete.

Such a photo stays in iCloud for good. What its archive lacks, or cannot prove any more, is fetched once more, however late that turns out:
a release or a purge may have been under way when it came back, and the archive's disk may be another one a year later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.state.policy.facts import Asset, Books


def fetch_back(books: Books, asset: Asset) -> None:
    """Let files be fetched and archived anew of which nothing but a rendition may be left; twice is once."""
    if asset.removal != "restored":
        return
    for media in asset.media:
        if media.local == "purged" and media.nas != "verified" and media.current and asset.listed:
            books.move(media, "local", "wanted", "the archive has no proven copy of it any more")
        elif media.on_disk and media.nas == "released":
            books.move(media, "nas", "none", "it is back in iCloud, and its original is here")
