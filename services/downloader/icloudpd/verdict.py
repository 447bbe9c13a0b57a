"""Says in one sentence how a run of icloudpd ended; pure. It ends with 0 after most failures, so its words are what counts.

A failed run is the fault of no file, so nothing here counts against one: each failure is a Waiting, and says for how long.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.domain.errors import Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

ATTENTION: Final = "icloudpd"
"""The attention record of failures that are icloudpd's own."""
_DONE: Final = re.compile(r"INFO +All (photos and videos|photos|videos) have been downloaded$")
_ADDRESS: Final = re.compile(r"\w+://\S+")
_SECRET: Final = re.compile(r"[\w+/=.~-]{25,}|v=\d:\S+")
_FRAME: Final = re.compile(r"^\[PYI-\d+:")
"""What its packaging says after a crash, whatever the reason."""
_STAMP: Final = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ([A-Z]+ +)?")


class RunFailed(Waiting):
    """icloudpd was started and did not get through; when that comes again and again, runs have to become rarer."""


@dataclass(frozen=True, slots=True)
class _Row:
    """Words that icloudpd uses, and what they mean."""

    words: re.Pattern[str]
    text: str
    attention: str
    retry_after: float


def _row(words: str, text: str, attention: str = ATTENTION, retry_after: float = 600) -> _Row:
    return _Row(re.compile(words), text, attention, retry_after)


_ROWS: Final = (
    _row(
        r"cannot be started",
        "icloudpd cannot be started: install it (pip install icloudpd), or set"
        " downloader.icloudpd.command to its path",
    ),
    _row(
        r"unrecognized arguments|error: argument|invalid choice|expected one argument"
        r"|invalid \w+ value|the following arguments are required",
        "icloudpd does not understand its arguments: look at downloader.icloudpd.arguments, or"
        " use the version that photoduct is tested with (1.32)",
    ),
    _row(
        r"No space left|Disk quota exceeded",
        "The disk that icloudpd writes to is full",
        "disk_full",
        60,
    ),
    _row(
        r"ACCESS_DENIED|Advanced Data Protection",
        "Apple lets icloudpd see no photos: if Advanced Data Protection is on for this Apple"
        " Account, allow web access in its iCloud settings",
        "icloud-session",
    ),
    _row(
        r"insists on using",
        "Apple wants another country's hosts for this Apple Account: see icloud.china_mainland",
    ),
    _row(
        r"setup is not complete|ZONE_NOT_FOUND",
        "Apple wants iCloud set up first: sign in at icloud.com once",
        "icloud-session",
    ),
    _row(
        r"Authentication required for Account|Missing X-APPLE-WEBAUTH-TOKEN|Invalid global session"
        r"|Two-(factor|step) authentication|Password Provider did not give|KeyError: 'dsInfo'"
        r"|Invalid email/password",
        "icloudpd says that the iCloud session has ended; if this stays, run photoduct login",
        "icloud-session",
        10,
    ),
    _row(
        r"temporar(y|ily) refusing|\(503\)|THROTTLED|RETRY_LATER|TRY_AGAIN",
        "Apple slows icloudpd down",
        "icloud-slow",
        900,
    ),
    _row(
        r"Cannot connect to Apple|Max retries exceeded|Name or service not known|Read timed out",
        "icloudpd cannot reach iCloud",
        "icloud-unreachable",
        60,
    ),
    _row(
        r"Unknown library",
        "icloudpd does not find the library of this Apple Account",
    ),
)


def finished(lines: Sequence[str]) -> bool:
    """Say whether it has gone through the whole library, whatever became of single files."""
    return any(_DONE.search(line) for line in lines)


def failure(status: int, lines: Sequence[str]) -> RunFailed:
    """Return what a run that did not finish means; `lines` are the last ones of its output, `status` is below 0 for a signal."""
    for row in _ROWS:
        if any(row.words.search(line) for line in lines):
            return RunFailed(row.text, attention=row.attention, retry_after=row.retry_after)
    how = f"by signal {-status}" if status < 0 else f"with status {status}"
    text = f"icloudpd ended {how} before it was through; its last words: {_last_words(lines)}"
    return RunFailed(text, attention=ATTENTION, retry_after=600)


def stopped(why: str) -> RunFailed:
    """Return what it means that we stopped a run."""
    return RunFailed(f"icloudpd was stopped: {why}", attention=ATTENTION, retry_after=300)


def _last_words(lines: Sequence[str]) -> str:
    """Return its last line without anything that could open a door."""
    words = (line for line in reversed(lines) if line.strip() and not _FRAME.search(line))
    said = next(words, "(none)")
    plain = _SECRET.sub("***", _ADDRESS.sub("(an address)", _STAMP.sub("", said.strip())))
    return "".join(letter if letter.isprintable() else "?" for letter in plain)[:200]
