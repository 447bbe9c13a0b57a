"""Work, as it travels on the bus: what the state service asks a stage to do next; none can authorise a deletion.

As in `shared.domain.events`: versioned, paths relative with `/`, times aware, sizes in bytes.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from typing_extensions import override

from shared.domain.events import Outcome
from shared.domain.ids import Area, Kind, Resource
from shared.domain.naming import suffix_of
from shared.domain.wire import Wire

Ended = TypeVar("Ended", bound=Outcome)


class FileRef(Wire):
    """One local file of an asset, as the state service knows it."""

    media: int
    resource: Resource
    area: Area
    path: str
    """Path below the area's folder and below the NAS root: `YYYY/MM/NAME`."""
    sha256: str
    size: int


class Work(Wire):
    """One task for one stage; `key` is a media's or an asset's row number, `attempt` fences late answers."""

    stage: str
    key: int
    attempt: int
    asset: str
    created: datetime

    @property
    def size_of_files(self) -> int:
        """Bytes of the files that it is about, as far as they are known before."""
        return 0

    def outcome(self, report: type[Ended], at: datetime, **fields: object) -> Ended:
        """Make the report that ends this task; the same task and outcome always get the same id."""
        kind = report.model_fields["type"].default
        return report.model_validate(
            {
                "id": f"{self.stage}:{self.key}:{self.attempt}:{kind}",
                "at": at,
                "stage": self.stage,
                "key": self.key,
                "attempt": self.attempt,
                "asset": self.asset,
                **fields,
            }
        )


class DownloadWork(Work):
    """Bring one resource of an asset to `backup/<path>`."""

    zone: str
    resource: Resource
    checksum: str
    size: int
    path: str
    kind: Kind
    albums: tuple[str, ...] = ()
    """Names of the person's albums that hold it, for a `record` or `sidecar` file; sorted."""

    @property
    @override
    def size_of_files(self) -> int:
        return self.size


class FileWork(Work):
    """Do the stage's task with one local file."""

    file: FileRef
    filename: str
    kind: Kind
    nas_path: str | None = None
    """Where the original lies below the NAS root, once it does."""
    albums: tuple[str, ...] = ()
    """For the stage `compress`: names of the person's albums that hold it, sorted."""
    local: bool = True
    """False: its local file is gone, only the archive has it."""
    present_size: int | None = None
    """Bytes of its rendition in the archive, for the stages `compress` (only a smaller one is worth it) and `nas`."""
    from_rendition: str | None = None
    """SHA-256 of its rendition in the archive, when that is what it is compressed from: the original is gone."""
    present_path: str | None = None
    """That rendition's path when it was made: only one of the same form takes its place."""
    present_sha256: str | None = None
    """SHA-256 of that rendition: where the archive holds it, the original goes behind it."""

    @property
    @override
    def size_of_files(self) -> int:
        return self.file.size

    def place_of(self, rendition_path: str) -> str:
        """Return a rendition's place below the NAS root: its original's, with its own suffix behind where it is of another form."""
        own, old = suffix_of(rendition_path), suffix_of(self.file.path)
        return self.file.path if own == old else f"{self.file.path}{own}"


class RenditionWork(FileWork):
    """Put a finished rendition (below `compress/`) in its original's place on the NAS."""

    rendition_path: str
    rendition_sha256: str
    rendition_size: int
    former_sha256: str | None = None
    """SHA-256 of the rendition that lies in the original's place now, when it was compressed anew."""

    alone: bool = False
    """Its original has left the archive: the former rendition is all that lies there."""

    @property
    def shown(self) -> str:
        """The rendition's place below the NAS root."""
        return self.place_of(self.rendition_path)


class AssetWork(Work):
    """Do the stage's task with a whole asset."""

    zone: str
    change_tag: str
    files: tuple[FileRef, ...]
    was_pending: bool = False
    """It was put into the album before; if it is not there any more, that is the person's veto."""

    @property
    @override
    def size_of_files(self) -> int:
        return sum(file.size for file in self.files)
