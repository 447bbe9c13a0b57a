"""Room is counted beside downloads that end at any moment; one that has just ended fails no other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from services.downloader.library import Library
from shared.domain.ids import Area, Kind, Resource
from shared.domain.work_items import DownloadWork

if TYPE_CHECKING:
    import pytest


def work(key: int) -> DownloadWork:
    return DownloadWork(
        stage="download", key=key, attempt=1, asset=f"A{key}", zone="PrimarySync",
        created=datetime(2026, 1, 2, tzinfo=UTC), resource=Resource.ORIGINAL, checksum="c",
        size=1000, path=f"2026/01/{key}.JPG", kind=Kind.PHOTO,
    )  # fmt: skip


def test_a_partial_file_that_is_published_while_room_is_counted_fails_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / Area.INCOMING).mkdir()
    library = Library(tmp_path, free_space_floor=0)
    gone = library.part(work(1))
    monkeypatch.setattr(Path, "is_file", lambda path: path == gone)  # it was, a moment ago
    assert library.part(work(2)).name == "2.part"
