"""Archives one file on the NAS, verifies it, or puts a rendition in its place; a copy that differs is reported, never repaired."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from services.nas_sync.ports import ORIGINALS, Copy, CopyDiffers, CopyMissing, RenditionUnusable
from shared.adapters.finding import find_file
from shared.adapters.local_files import resolve_beneath, sorted_errors
from shared.adapters.sweeping import sweep_folder
from shared.domain.errors import PhotoductError
from shared.domain.events import (
    NasMismatch,
    NasVerified,
    RenditionArchived,
    RenditionLost,
    RenditionRenewed,
)
from shared.domain.ids import Area
from shared.domain.naming import RENDITION
from shared.ports.files import Occupied

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from services.nas_sync.ports import Evidence, NasArchive
    from shared.domain.events import Report
    from shared.domain.work_items import FileWork, RenditionWork
    from shared.ports.clock import Clock


class Archive:
    """The three tasks of the archive, one method a stage; each can be done again after a death."""

    def __init__(self, library: Path, nas: NasArchive, clock: Clock) -> None:
        self._library, self._nas, self._clock = library, nas, clock

    async def store(self, work: FileWork) -> Sequence[Report]:
        """Publish the original and read it back cold; what was archived before is looked for first.

        Where other bytes lie in its place and it was or has been rendered, it goes behind them: they may be a rendition
        of which the books do not know yet.
        """
        return await self._proven(work, lambda: self._stored(work))

    def _stored(self, work: FileWork) -> Evidence:
        file = work.file
        if work.nas_path is not None:
            with suppress(CopyMissing):
                return self._held(work)
        source, retreat = find_file(self._library, file), f"{ORIGINALS}/{file.path}"
        if self._shows_rendition(work):
            return self._nas.store(retreat, source, file.size, file.sha256)
        try:
            return self._nas.store(file.path, source, file.size, file.sha256)
        except Occupied:
            if work.nas_path is None and work.present_path is None:
                raise
            return self._nas.store(retreat, source, file.size, file.sha256)

    def _shows_rendition(self, work: FileWork) -> bool:
        """Say whether this archive holds its rendition, at the original's place or beside it; a new disk holds none."""
        if work.present_path is None or work.present_sha256 is None:
            return False
        with suppress(CopyMissing, CopyDiffers):
            place = work.place_of(work.present_path)
            self._nas.verify(place, work.present_sha256, work.present_size or 0)
            return True
        return False

    async def verify(self, work: FileWork) -> Sequence[Report]:
        """Read the archived original back cold once more, wherever a rendition has sent it."""
        return await self._proven(work, lambda: self._held(work))

    def _held(self, work: FileWork) -> Evidence:
        """Books that were restored may not know that a rendition has sent the original to its retreat since."""
        file, path = work.file, work.nas_path or work.file.path
        try:
            return self._nas.verify(path, file.sha256, file.size)
        except (CopyMissing, CopyDiffers):
            retreat = f"{ORIGINALS}/{file.path}"
            if path != retreat:
                with suppress(CopyMissing, CopyDiffers):
                    return self._nas.verify(retreat, file.sha256, file.size)
            raise

    async def _proven(self, work: FileWork, prove: Callable[[], Evidence]) -> Sequence[Report]:
        try:
            found = await asyncio.to_thread(prove)
        except (CopyDiffers, CopyMissing) as error:
            return [self._mismatch(work, error)]
        return [
            work.outcome(
                NasVerified,
                self._clock.now(),
                path=found.path,
                sha256=found.sha256,
                size=found.size,
                grade=found.grade,
                archive=found.archive_id,
                file_system=found.fs_uuid,
            )
        ]

    def _mismatch(self, work: FileWork, error: CopyDiffers | CopyMissing) -> Report:
        return work.outcome(
            NasMismatch,
            self._clock.now(),
            path=work.nas_path or work.file.path,
            reason=str(error),
            archive=error.archive.id,
            file_system=error.archive.fs_uuid,
        )

    async def place_rendition(self, work: RenditionWork) -> Sequence[Report]:
        """Put the rendition in the original's place, the original into `.originals/`, and prove both."""
        rendition = resolve_beneath(self._library, f"{Area.COMPRESS}/{work.rendition_path}")
        if work.alone:
            return await self._renew_alone(work, rendition)
        try:
            original, placed = await asyncio.to_thread(
                self._nas.replace_with_rendition,
                work.file.path,
                rendition,
                shown=work.shown,
                rendition_size=work.rendition_size,
                rendition_sha256=work.rendition_sha256,
                original_sha256=work.file.sha256,
                former_sha256=work.former_sha256,
            )
        except (CopyDiffers, CopyMissing) as error:
            return [self._mismatch(work, error)]
        except RenditionUnusable as error:
            return [work.outcome(RenditionLost, self._clock.now(), reason=str(error))]
        await asyncio.to_thread(_clear, rendition, work.key)
        return [
            work.outcome(
                RenditionArchived,
                self._clock.now(),
                rendition_path=placed.path,
                original_path=original.path,
                original_sha256=original.sha256,
                grade=original.grade,
                archive=original.archive_id,
                file_system=original.fs_uuid,
            )
        ]

    async def _renew_alone(self, work: RenditionWork, rendition: Path) -> Sequence[Report]:
        """Where the original is gone, a former rendition that is not whole is a failure for a person, and no copy's."""
        wanted = Copy(work.rendition_sha256, work.rendition_size)
        renew = partial(self._nas.renew_alone, work.shown, rendition, wanted=wanted)
        try:
            placed = await asyncio.to_thread(renew, former_sha256=work.former_sha256 or "")
        except RenditionUnusable as error:
            return [work.outcome(RenditionLost, self._clock.now(), reason=str(error))]
        await asyncio.to_thread(_clear, rendition, work.key)
        return [
            work.outcome(
                RenditionRenewed,
                self._clock.now(),
                sha256=placed.sha256,
                archive=placed.archive_id,
                file_system=placed.fs_uuid,
            )
        ]


def _clear(rendition: Path, media: int) -> None:
    """Remove the local rendition, and what this try and earlier ones made besides: the NAS was seen to hold the one that counts."""
    folder, attempt = rendition.parent, rendition.name.partition("-")[0]
    with suppress(PhotoductError):  # it is archived, whatever the disk here says
        if folder.name == str(media) and attempt.isdecimal():
            sweep_folder(folder, _renditions_up_to(int(attempt), folder), older=0)
    with suppress(OSError):  # left to a later sweep; or another try is under way in the folder
        rendition.unlink(missing_ok=True)
        folder.rmdir()


def _renditions_up_to(attempt: int, folder: Path) -> re.Pattern[str]:
    with sorted_errors(folder):
        found = [one for path in folder.iterdir() if (one := RENDITION.fullmatch(path.name))]
    return re.compile("|".join(re.escape(one[0]) for one in found if int(one[1]) <= attempt))
