"""Asks iCloud whether an asset is in an album that protects it; it changes nothing, and never takes silence for a no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.adapters.icloud_albums import albums_like
from shared.ports.icloud import Declined

if TYPE_CHECKING:
    from shared.adapters.icloud_reading import ICloudRecords
    from shared.adapters.icloud_transport import CloudKit


class ICloudKeptAlbums:
    """The albums of these names, as iCloud has them at the moment of each question: an album can be made at any time."""

    def __init__(self, cloud: CloudKit, records: ICloudRecords, names: tuple[str, ...]) -> None:
        self._cloud = cloud
        self._records = records
        self.names = names

    async def holding(self, asset: str) -> tuple[str, ...]:
        """Return by which of the names the asset is protected now; raises Waiting, Unanswered, Declined."""
        if not self.names:
            return ()
        albums = await albums_like(self._cloud, self.names)
        relations = {f"{asset}-IN-{album}": name for album, name in albums.items()}
        answer = await self._records.lookup(relations)
        for reason in answer.failed.values():
            raise Declined(reason, code="LOOKUP")
        return tuple(sorted({relations[relation] for relation in answer.found}))
