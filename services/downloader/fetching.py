"""The own engine: brings one file to its whole length with the checksum that Apple states, again and again from where it broke."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import structlog

from services.downloader.partial import InUse, Partial
from services.downloader.policy import Patience, Refusals
from services.downloader.receiving import Pouring, WrongAnswer
from services.downloader.verdict import Verdict
from shared.domain.errors import Permanent, Transient, Waiting
from shared.ports.files import DiskTrouble, WrongLength
from shared.ports.icloud import SlowedDown, Stalled, StillSlow, UrlExpired

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from services.downloader.known import Known, KnownAssets
    from services.downloader.limiter import Limiter
    from services.downloader.ports import AttentionBook, Fetch
    from services.downloader.settings import DownloaderSettings
    from shared.domain.icloud_checksum import StreamDigest
    from shared.domain.icloud_records import FileOf
    from shared.domain.work_items import DownloadWork
    from shared.ports.watching import Observe

log = structlog.get_logger(__name__)
CHANGED = "changed in iCloud before it was downloaded; the newer version is handled as its own file"
GONE = "it was removed from iCloud before it was downloaded"


class Changed(Permanent):
    """iCloud has another file now in place of the wanted one; `known` is the asset as it was shown."""

    def __init__(self, known: Known) -> None:
        super().__init__(CHANGED)
        self.known = known


class CloudFiles:
    """A `Receive` that fetches from iCloud itself."""

    def __init__(
        self,
        *,
        known: KnownAssets,
        fetch: Fetch,
        limiter: Limiter,
        attention: AttentionBook,
        settings: DownloaderSettings,
        observe: Observe,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._known = known
        self._fetch = fetch
        self._limiter = limiter
        self._attention = attention
        self._settings = settings
        self._observe = observe
        self._sleep = sleep
        self._ending = asyncio.Semaphore(settings.concurrency)

    async def __call__(self, work: DownloadWork, part: Path) -> StreamDigest:
        """Bring `part` to the whole file; Apple's wish to be asked less is waited for, what breaks is taken up again.

        Raises Permanent when iCloud has no such file any more (Changed: another one); Waiting, Declined, Unanswered as look-ups do; Transient
        when a few tries in a row brought nothing; DiskFull, DiskTrouble.
        """
        partial = Partial(part, work.size)
        try:
            if await asyncio.to_thread(part.is_file):
                await asyncio.to_thread(partial.open)
            digest = await self._proven(work, partial)
        finally:
            partial.close()
        self._observe.file(work.resource)
        return digest

    async def _proven(self, work: DownloadWork, partial: Partial) -> StreamDigest:
        """Fill the file until its bytes are right: wrong ones are fetched once more, from the start."""
        verdict = Verdict(work, accept_size_only=self._settings.accept_size_only)
        while True:
            await self._fill(work, partial)
            if partial.digest.apple == work.checksum:
                return partial.digest
            self._observe.retried("checksum")
            if (why := verdict.on(partial.digest)) is not None:
                log.warning("A file was taken by its size alone.", asset=work.asset, why=why)
                await self._attention.raised("size-only", why)
                return partial.digest
            await asyncio.to_thread(partial.restart)
            verdict.raise_if_final()

    async def _fill(self, work: DownloadWork, partial: Partial) -> None:
        patience, refusals = Patience(), Refusals(self._limiter.answers)
        while (held := partial.digest.size) < work.size:
            try:
                await self._try(work, partial)
                continue
            except StillSlow:  # nobody was asked
                continue
            except SlowedDown:  # the limiter knows, and holds back everybody's next try
                refusals = self._after_refusal(refusals)
                continue
            except (Transient, Waiting) as error:
                failed = error
            gained = partial.digest.size - held
            left = patience.after(gained)
            if left is None or not _is_the_line(failed):
                raise failed
            patience = left
            self._observe.retried(_reason(failed))
            await self._sleep(patience.pause * random.uniform(0.75, 1.25))  # noqa: S311

    def _after_refusal(self, refusals: Refusals) -> Refusals:
        after = refusals.after(self._limiter.answers)
        if after is None:
            raise Transient(
                "iCloud asks for patience with this file again and again, and serves others"
            )
        return after

    async def _try(self, work: DownloadWork, partial: Partial) -> None:
        """Fetch what is missing, once; an address that proves bad is forgotten."""
        known, file = await self._addressed(work)
        held = partial.digest.size
        pouring = Pouring(partial)
        try:
            async with self._limiter.turn(work.kind) as turn:
                if not self._known.is_fresh(known):  # it grew old while it waited
                    self._known.forget(work.asset, known)
                    turn.not_used()
                    return
                async with self._fetch(file.url, held) as incoming:
                    turn.answered()
                    await pouring.take(incoming, stall=self._settings.stall_seconds)
                if self._ending.locked():  # a slow disk holds the line up before memory fills
                    await pouring.end()
        except (UrlExpired, WrongAnswer):
            self._known.forget(work.asset, known)
            raise
        finally:
            async with self._ending:  # the line is another's while the disk is waited for
                await pouring.end()
            self._observe.received(max(0, partial.digest.size - held))
        if partial.digest.size < work.size:
            raise WrongLength(f"iCloud sent {partial.digest.size} of {work.size} bytes")

    async def _addressed(self, work: DownloadWork) -> tuple[Known, FileOf]:
        known = self._known.recall(work.asset)
        file = wanted(known, work) if known else None
        if known is None or file is None:
            known = await self._known.look_up(work.asset, work.zone, urgent=False)
            file = wanted(known, work) if known else None
        if known is None:
            raise Permanent(GONE)
        if file is None:
            raise Changed(known)
        return known, file


def wanted(known: Known, work: DownloadWork) -> FileOf | None:
    """Return the very file that the work names, by kind, checksum and size."""
    key = (work.resource, work.checksum, work.size)
    return next((f for f in known.files if (f.resource, f.checksum, f.size) == key), None)


def _is_the_line(error: Transient | Waiting) -> bool:
    """Say whether a second try may well do what the first did not."""
    if isinstance(error, Waiting):
        return error.attention == "icloud-unreachable"
    return not isinstance(error, DiskTrouble | InUse)


def _reason(error: Transient | Waiting) -> str:
    match error:
        case UrlExpired():
            return "expired"
        case Stalled():
            return "stalled"
        case WrongAnswer():
            return "wrong answer"
        case WrongLength():
            return "short"
        case Waiting():
            return "unreachable"
        case _:
            return "broken off"
