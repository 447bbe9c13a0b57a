"""What the person configured about order and patience, as the planning needs it; values only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from services.state.policy.google import GoogleRules
from shared.domain.folders import DEFAULT as DEFAULT_FOLDERS
from shared.domain.gate import Rules
from shared.domain.ids import GoogleLevel
from shared.domain.release import Keeping


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of deletion and the order of the stages."""

    deletion: Rules = field(default_factory=Rules)
    compress_after: GoogleLevel = GoogleLevel.SETTLED
    """Compression waits for this evidence (and the NAS copy); the rendition never counts as a copy."""
    keeping: Keeping = field(default_factory=Keeping)
    """How long the archive keeps originals behind their renditions."""
    tier_albums: tuple[str, ...] = ()
    """Albums by which the compressor's tiers tell files apart: until they are known nothing is compressed."""
    reencode: bool = False
    """What grows out of its tier without its original is made smaller from its rendition."""
    local_purge_after: timedelta | None = timedelta(days=7)
    """Local originals stay so long after the confirmed deletion; None keeps them for ever."""
    last_check_before_expunge: timedelta = timedelta(days=25)
    """Deleted assets are read back on the NAS once more while restoring is still possible."""
    first_retry: timedelta = timedelta(seconds=2)
    """Delay after the first failure of a task; each further one waits four times as long."""
    tries: int | None = None
    """Reported failures before quarantine; None: as the stage table says."""
    never_delete: tuple[str, ...] = ()
    """Kinds that stay in iCloud for good: favorites, hidden, videos, live, raw."""
    google: GoogleRules = field(default_factory=GoogleRules)
    """What Google Photos receives."""
    pending_album: str = "DeletePending"
    """The album of assets to be deleted, which counts for no rule about albums."""
    folders: str = DEFAULT_FOLDERS
    """Pattern of the folder of a new asset."""
    sidecars: bool = False
    """An XMP file beside each asset's files."""

    @property
    def fingerprint(self) -> str:
        """Return what changes whenever a rule does: then every asset is planned anew."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def albums_named(self) -> dict[str, tuple[str, ...]]:
        """Return the names of albums that the settings name, by setting."""
        return {
            "deletion.never_delete_albums": self.deletion.never_delete_albums,
            "google.albums": self.google.albums,
            "google.except_albums": self.google.except_albums,
            "compressor.tiers": self.tier_albums,
        }
