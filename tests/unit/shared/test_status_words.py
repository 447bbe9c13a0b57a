"""What `photoduct status` says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from shared.cli import showing
from shared.domain.ids import Kind
from shared.domain.progress import Progress, UnderWay
from shared.domain.questions import Status

if TYPE_CHECKING:
    from typing import Any


def test_what_two_services_wait_for_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    text = "The iCloud session has ended; run photoduct login"
    keys = ("downloader:icloud-session", "icloud_cleanup:icloud-session")
    told = [{"key": key, "text": text} for key in keys]
    found = Status(
        counts={},
        work={},
        attention=(*told, {"key": "nas_sync:nas_missing", "text": "The NAS is away"}),
        totals={},
        stage_seconds={},
        looked=True,
    )
    showing.status(found)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("!")]
    assert lines == [f"! {text}", "! The NAS is away"]


ROW: dict[str, Any] = {
    "initial_size": 4_000_000, "rendition_size": 1_000_000, "score": 81.26, "tier": "medium",
    "compression_note": "its HDR gain map would be lost",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"compression": "archived"}, "4.0 MB -> 1.0 MB (75% less), score 81.3, tier medium"),
        ({"compression": "compressed", "score": None}, "4.0 MB -> 1.0 MB (75% less), tier medium"),
        ({"compression": "left"}, "left: its HDR gain map would be lost"),
        ({"compression": "none"}, ""),
        ({"compression": "exempt"}, ""),
    ],
)
def test_what_became_of_a_file_is_said_with_its_numbers(changes: dict[str, Any], said: str) -> None:
    assert showing.compression({**ROW, **changes}) == said


def test_what_is_under_way_is_said_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    film = UnderWay(
        stage="compress", asset="A", filename="IMG_1.MOV", kind=Kind.VIDEO, seconds=90, done=0.431,
        frames_per_second=12.3, seconds_left=121,
    )  # fmt: skip
    begun = film.model_copy(
        update={
            "filename": "a\x1b[2J.MOV",
            "done": None,
            "frames_per_second": None,
            "seconds_left": None,
        }
    )
    slow = film.model_copy(update={"done": 0.0, "frames_per_second": 0.2, "seconds_left": 9_000})
    showing.progress(
        [Progress(worker="here:1", at=datetime(2026, 1, 1, tzinfo=UTC), files=(film, begun, slow))]
    )
    assert capsys.readouterr().out.splitlines() == [
        "compressing IMG_1.MOV 43 %, 12 fps, 2 min left",
        "compressing a\N{REPLACEMENT CHARACTER}[2J.MOV for 90 s",
        "compressing IMG_1.MOV 0 %, 0 fps, 2 h left",
    ]
