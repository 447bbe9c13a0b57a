"""What the person configured about order and patience, as the planning needs it; values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.gate import Rules
from shared.domain.ids import GoogleLevel


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of deletion and the order of the stages."""

    deletion: Rules = field(default_factory=Rules)
    compress_after: GoogleLevel = GoogleLevel.SETTLED
    """Compression waits for this evidence (and the NAS copy); the rendition never counts as a copy."""
    local_purge_after: timedelta | None = timedelta(days=7)
    """Local originals stay so long after the confirmed deletion; None keeps them for ever."""
    last_check_before_expunge: timedelta = timedelta(days=25)
    """Deleted assets are read back on the NAS once more while restoring is still possible."""
    first_retry: timedelta = timedelta(seconds=2)
    """Delay after the first failure of a task; each further one waits four times as long."""
    tries: int | None = None
    """Reported failures before quarantine; None: as the stage table says."""
    never_delete_favorites: bool = False
    never_delete_hidden: bool = False
