"""What to do with bytes that do not match Apple's checksum: fetch them once more, then give up; pure, it accepts almost nothing.

Apple's checksum was matched on photos and short videos; nobody has seen one of a very large file. Only where the person
allows it, only above 2 GB, and only when two downloads from the start brought the very same bytes, size alone is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.domain.errors import Transient

if TYPE_CHECKING:
    from shared.domain.icloud_checksum import StreamDigest
    from shared.domain.work_items import DownloadWork

LARGE: Final = 2_000_000_000


class Verdict:
    """The verdict on one file; `on` is asked of whole downloads only."""

    def __init__(self, work: DownloadWork, *, accept_size_only: bool) -> None:
        self._work = work
        self._lenient = accept_size_only and work.size > LARGE
        self._before: list[str] = []

    def on(self, digest: StreamDigest) -> str | None:
        """Return why these bytes are taken although they do not match, None when they are not."""
        alike = digest.sha256 in self._before
        self._before.append(digest.sha256)
        if not (self._lenient and alike):
            return None
        return (
            f"{self._work.path} came twice with the same {self._work.size} bytes, which do not match Apple's checksum;"
            " it was taken, as downloader.accept_size_only says"
        )

    def raise_if_final(self) -> None:
        """Raise Transient when a second download from the start was no better."""
        if len(self._before) > 1:
            raise Transient("the bytes do not match Apple's checksum, twice")
