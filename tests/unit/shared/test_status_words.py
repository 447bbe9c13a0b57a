"""What `photoduct status` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.cli import showing
from shared.domain.questions import Status

if TYPE_CHECKING:
    import pytest


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
