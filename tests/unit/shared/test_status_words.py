"""What `photoduct status` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.cli import showing
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
