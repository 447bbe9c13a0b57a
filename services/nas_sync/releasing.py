"""Removes an archived original whose time has come, its rendition staying; it can do so only under a permit of that moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from services.nas_sync.ports import Copy, CopyDiffers
from shared.domain.errors import Transient
from shared.domain.events import NasMismatch, OriginalReleased, ReleaseKept
from shared.domain.questions import ClaimedRelease, ClaimRelease

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.nas_sync.ports import Archive, NasArchive
    from shared.domain.events import Report
    from shared.domain.work_items import RenditionWork
    from shared.ports.clock import Clock


class AskRelease(Protocol):
    """Asks the state service."""

    async def __call__(
        self, name: str, question: ClaimRelease, answer: type[ClaimedRelease]
    ) -> ClaimedRelease:
        """Return the answer; raises Transient when there is none."""
        ...


class _Kept(Exception):
    """There is no permit; `reasons` say why."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Release:
    """The stage `release`."""

    nas: NasArchive
    ask: AskRelease
    clock: Clock

    async def __call__(self, work: RenditionWork) -> Sequence[Report]:
        """Report `OriginalReleased` or `ReleaseKept`; NasMismatch where the original is not what was archived.

        Raises as `NasArchive.release`. The permit is asked for when both files have been read: that may take longer than it lasts.
        """
        loop = asyncio.get_running_loop()

        def permit() -> None:
            asyncio.run_coroutine_threadsafe(self._permit(work), loop).result()

        release = partial(
            self.nas.release,
            work.file.path,
            shown=work.shown,
            original=Copy(work.file.sha256, work.file.size),
            rendition=Copy(work.rendition_sha256, work.rendition_size),
            permit=permit,
        )
        return [await self._released(work, release)]

    async def _released(self, work: RenditionWork, release: Callable[[], Archive]) -> Report:
        try:
            archive = await asyncio.to_thread(release)
        except _Kept as kept:
            return work.outcome(ReleaseKept, self.clock.now(), reasons=kept.reasons)
        except CopyDiffers as error:
            return work.outcome(
                NasMismatch,
                self.clock.now(),
                path=work.nas_path or work.file.path,
                reason=str(error),
                archive=error.archive.id,
                file_system=error.archive.fs_uuid,
            )
        return work.outcome(
            OriginalReleased,
            self.clock.now(),
            path=work.file.path,
            archive=archive.id,
            file_system=archive.fs_uuid,
        )

    async def _permit(self, work: RenditionWork) -> None:
        question = ClaimRelease(asset=work.asset, media=work.key, attempt=work.attempt)
        claimed = await self.ask("claim_release", question, ClaimedRelease)
        if claimed.deadline is None:
            raise _Kept(claimed.reasons)
        if self.clock.now() >= claimed.deadline:
            raise Transient("the permit to remove an original came too late; it was left")
