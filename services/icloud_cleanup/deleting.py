"""Deletes one asset in iCloud if the state service permits it at this moment; it never repeats a deletion and never expunges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.icloud_cleanup.policy import Fresh, claim, objection
from shared.adapters.icloud_refreshing import refreshed
from shared.domain.errors import Transient, Waiting
from shared.domain.events import Deleted, DeletionKept
from shared.domain.questions import Claimed
from shared.ports.icloud import Declined, WholeAsset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.icloud_cleanup.ports import (
        Ask,
        Clock,
        Delete,
        KeepAlbum,
        KeptAlbums,
        ReadRecords,
    )
    from services.icloud_cleanup.settings import ICloudCleanupSettings
    from shared.domain.events import Report
    from shared.domain.work_items import AssetWork

_OFF = "deletion is turned off (icloud_cleanup.enabled)"


class DeleteHandler:
    """One asset in; `Deleted` or `DeletionKept` out, before the latter `AssetRefreshed` where the original's record has changed."""

    def __init__(
        self,
        *,
        records: ReadRecords,
        album: KeepAlbum,
        kept: KeptAlbums,
        delete: Delete,
        ask: Ask,
        clock: Clock,
        settings: ICloudCleanupSettings,
    ) -> None:
        self._records = records
        self._album = album
        self._protecting = kept
        self._delete = delete
        self._ask = ask
        self._clock = clock
        self._settings = settings

    async def __call__(self, work: AssetWork) -> Sequence[Report]:
        """Look, claim, delete; raises Waiting, Transient while nothing was claimed or its outcome cannot be read back."""
        if not self._settings.enabled:
            return [self._kept(work, None, _OFF)]
        fresh = await self._look(work.asset)
        claimed = await self._ask("claim_deletion", claim(work, fresh), Claimed)
        done = await self._use(work, fresh, claimed)
        news = self._news(work, fresh)
        return [news, done] if news and isinstance(done, DeletionKept) else [done]

    def _news(self, work: AssetWork, fresh: Fresh) -> Report | None:
        """Tell what the change feed does not: that the record of the original has changed."""
        whole = WholeAsset(fresh.asset, fresh.master)
        return refreshed(whole, known_tag=work.change_tag, zone=work.zone, at=fresh.fetched_at)

    async def _look(self, asset: str) -> Fresh:
        at = self._clock.now()
        whole = await self._records.whole(asset)
        if whole.asset is None:
            return Fresh(None, whole.master, in_album=False, fetched_at=at)
        in_album = await self._album.holds(asset)
        kept = await self._protecting.holding(asset)
        return Fresh(whole.asset, whole.master, in_album, at, self._protecting.names, kept)

    async def _use(self, work: AssetWork, fresh: Fresh, claimed: Claimed) -> Report:
        if claimed.permit is None:
            return self._kept(work, None, *claimed.reasons, veto=claimed.veto)
        if claimed.already_permitted and fresh.deleted:
            return self._deleted(work, claimed.permit, fresh.expunged)
        reason = objection(claimed, fresh, self._clock.now())
        if reason is not None:
            return self._kept(work, claimed.permit, reason)
        return await self._call(work, fresh.own_tag, claimed.permit)

    async def _call(self, work: AssetWork, tag: str, permit: str) -> Report:
        try:
            done = await self._delete(work.asset, tag)
        except Declined as error:
            return self._kept(work, permit, str(error))
        except (Transient, Waiting) as error:
            return await self._read_back(work, permit, str(error))
        return self._deleted(work, permit, done.expunged)

    async def _read_back(self, work: AssetWork, permit: str, doubt: str) -> Report:
        """Learn what became of a deletion whose answer is unclear; it is not sent again."""
        whole = await self._records.whole(work.asset)
        now = Fresh(whole.asset, whole.master, in_album=False, fetched_at=self._clock.now())
        if now.deleted:
            return self._deleted(work, permit, now.expunged)
        return self._kept(work, permit, f"{doubt}; read back: the asset is still there")

    def _deleted(self, work: AssetWork, permit: str, expunged: datetime | None) -> Report:
        return work.outcome(Deleted, at=self._clock.now(), permit=permit, expunged=expunged)

    def _kept(
        self, work: AssetWork, permit: str | None, *reasons: str, veto: bool = False
    ) -> Report:
        return work.outcome(
            DeletionKept, at=self._clock.now(), permit=permit, veto=veto, reasons=reasons
        )
