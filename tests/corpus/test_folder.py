"""Real files: `PHOTODUCT_CORPUS_FOLDER=a:b ./photoduct test tests/corpus/test_folder.py` holds each to the same promises."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.corpus import exiftool
from tests.corpus.cases import FOLDER, PROFILES, End
from tests.corpus.looking import check_look, upright
from tests.corpus.reading import check_kept
from tests.corpus.running import attempt
from tests.corpus.watching import check_same, watch

_VIDEOS = {".mov", ".mp4", ".m4v", ".3gp", ".avi", ".mkv", ".webm", ".mts", ".mpg"}
_STILLS = {
    ".jpg", ".jpeg", ".jpe", ".heic", ".heif", ".hif", ".png", ".gif", ".bmp", ".webp", ".avif", ".tif", ".tiff", ".dng", ".mpo",
}  # fmt: skip
FILES = sorted(
    path
    for folder in (FOLDER or "").split(os.pathsep)
    if folder
    for path in Path(folder).absolute().rglob("*")
    if path.suffix.lower() in _VIDEOS | _STILLS and path.is_file()
)


@pytest.mark.skipif(
    not FILES, reason="PHOTODUCT_CORPUS_FOLDER names no folder with photos or videos"
)
@pytest.mark.parametrize("number", range(len(FILES)), ids=[str(path) for path in FILES])
async def test_a_real_file_is_made_smaller_without_loss_or_left(
    number: int, tmp_path: Path
) -> None:
    source, target = FILES[number], tmp_path / f"made{FILES[number].suffix}"
    found = await attempt(
        f"real {source.suffix.lower()}", source, target, PROFILES[number % 2], 2000
    )
    assert found.end is not End.FAILED, found.reason
    if found.end is End.COMPRESSED:
        if source.suffix.lower() in _VIDEOS:
            check_same(watch(source), watch(target))
        else:
            check_kept(source, target)
            check_look(upright(source), upright(target))
        if exiftool.is_there():
            exiftool.check_same(source, target)
