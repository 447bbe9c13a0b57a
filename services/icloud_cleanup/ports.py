"""What icloud_cleanup needs of the outside world; `Delete` is the only port of photoduct that can delete in iCloud."""

from __future__ import annotations

from typing import Protocol

from shared.ports.bus import Ask
from shared.ports.clock import Clock
from shared.ports.icloud import DeletedRecord, KeepAlbum, ReadRecords

__all__ = ["Ask", "Clock", "Delete", "KeepAlbum", "KeptAlbums", "ReadRecords"]


class KeptAlbums(Protocol):
    """The person's albums from which nothing is deleted."""

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, as the settings have them."""
        ...

    async def holding(self, asset: str) -> tuple[str, ...]:
        """Return the names of those that hold the asset now; an error is never an empty answer."""
        ...


class Delete(Protocol):
    """Moves an asset to Recently Deleted."""

    async def __call__(self, asset: str, tag: str) -> DeletedRecord:
        """Delete the asset whose CPLAsset has this change tag; Declined: refused; Unanswered, Waiting: unknown."""
        ...
