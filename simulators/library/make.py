"""Makes the whole demo library: the files first, the manifest `library.json` last."""

from __future__ import annotations

import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from simulators.library.catalogue import shots
from simulators.library.develop import Darkroom
from simulators.library.films import shoot
from simulators.library.pictures import studio

if TYPE_CHECKING:
    from simulators.library.shots import Shot, Size

_WHEN_PENDING = {"vetoed": "veto", "edited_late": "edit"}
_WORKERS = 3  # two cores, and one that waits for ffmpeg


def generate(
    directory: Path, seed: int = 7, size: Size = "full", today: date | None = None
) -> Path:
    """Fills `directory` with `files/` and `library.json`; answers the manifest's path.

    The same seed, size and `today` (by default the date in UTC) give the same ids, names, dates and
    bytes. Raises FileExistsError when the folder already holds a library, CalledProcessError when
    ffmpeg fails.
    """
    manifest = directory / "library.json"
    if manifest.exists():
        raise FileExistsError(manifest)
    (directory / "files").mkdir(parents=True, exist_ok=True)
    day = today or datetime.now(UTC).date()
    assets = _assets(directory, seed, shots(size), day)
    text = json.dumps({"made_for": day.isoformat(), "seed": seed, "assets": assets}, indent=1)
    manifest.write_text(text + "\n", encoding="utf-8")
    return manifest


def _assets(
    directory: Path, seed: int, rows: tuple[Shot, ...], today: date
) -> list[dict[str, object]]:
    scenes = studio(seed)
    codecs = frozenset(row.codec for row in rows if row.codec)
    with tempfile.TemporaryDirectory() as masters, ThreadPoolExecutor(_WORKERS) as pool:
        reel = pool.submit(shoot, scenes.scenes[0], Path(masters), codecs)
        room = Darkroom(directory, seed, today, scenes, reel)
        return list(pool.map(lambda shot: _asset(room, shot), rows))


def _asset(room: Darkroom, shot: Shot) -> dict[str, object]:
    created = shot.created(room.seed, room.today)
    late = shot.plant == "edited_late"
    return {
        "id": shot.asset_id(room.seed),
        "filename": shot.filename,
        "created": created.isoformat(),
        "added": (created.astimezone(UTC) + timedelta(minutes=3)).isoformat(),
        "favorite": shot.favorite,
        "hidden": shot.hidden,
        "albums": list(shot.albums),
        "resources": room.develop(shot),
        "when_pending": _WHEN_PENDING.get(shot.plant or ""),
        "edit_file": room.edit(shot, "late_edit") if late else None,
        "fault": "unreadable" if shot.plant == "unreadable" else None,
        "plant": shot.plant,
        "expect": "kept" if shot.plant else "deleted",
    }
