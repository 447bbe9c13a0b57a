"""Judges Syncthing's JSON: does the phone hold this file, and is the folder set up safely; it asks nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.pixel_sync.ports import (
    ChangedOnPhone,
    Freed,
    Held,
    Holding,
    Lack,
    NotYet,
    StagedFile,
)
from shared.domain.errors import Fatal, Transient

_SHORT_ID: Final = 7
_GO_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def holding_of(file: StagedFile, answer: dict[str, Any], *, device: str) -> Holding:
    """Judge one `db/file` answer; anything that is not plainly `Held` is not."""
    there, here = mapping(answer.get("global")), mapping(answer.get("local"))
    if there.get("deleted"):
        by_phone = there.get("modifiedBy") == device[:_SHORT_ID]
        return Freed(parse_time(there.get("modified"))) if by_phone else NotYet(Lack.DELETED_HERE)
    if there.get("invalid") or there.get("ignored") or not there or not here:
        return NotYet(Lack.INVALID)
    if there.get("version") != here.get("version"):
        return _judge_newer(there, device)
    if not _is_staged(file, there):
        return NotYet(Lack.STALE_SCAN)
    return _judge_availability(answer, device)


def doubt_of(completion: dict[str, Any]) -> NotYet | None:
    """Answer why no file may count as held now; 1.19 states no remoteState, there availability decides."""
    state = completion.get("remoteState", "valid")
    if state == "valid":
        return None
    return NotYet(Lack.NOT_ON_PHONE if state == "unknown" else Lack.NOT_SHARING)


def _judge_newer(there: dict[str, Any], device: str) -> Holding:
    by_phone = there.get("modifiedBy") == device[:_SHORT_ID]
    return ChangedOnPhone() if by_phone else NotYet(Lack.STALE_SCAN)


def _judge_availability(answer: dict[str, Any], device: str) -> Holding:
    # null, not [], while the phone is offline (1.19)
    rows = [row for row in answer.get("availability") or [] if row.get("id") == device]
    if not rows:
        return NotYet(Lack.NOT_ON_PHONE)
    is_whole = any(row.get("fromTemporary") is False for row in rows)
    return Held() if is_whole else NotYet(Lack.PARTLY_THERE)


def _is_staged(file: StagedFile, info: dict[str, Any]) -> bool:
    """Compare with what was staged: a change on the disk stays invisible until it is scanned."""
    return info.get("size") == file.size and nanoseconds(info.get("modified")) == file.mtime_ns


def check_folder(folder: dict[str, Any], *, device: str, me: str) -> None:
    """Raise Fatal for a folder whose settings could lose a file, Transient while it is paused."""
    name = f"Syncthing folder '{folder.get('id')}'"
    shared_with = {row.get("deviceID") for row in folder.get("devices") or []}
    if device == me:
        raise Fatal(f"{device[:7]} is the server itself, not the phone")
    if device not in shared_with:
        raise Fatal(f"{name} is not shared with device {device[:7]}")
    if folder.get("type") != "sendonly":
        raise Fatal(f"{name} must be 'sendonly' (Send Only), it is '{folder.get('type')}'")
    if folder.get("autoNormalize"):
        raise Fatal(f"{name} must have autoNormalize off, it renames files")
    if folder.get("ignoreDelete"):
        raise Fatal(f"{name} must have ignoreDelete off, it hides what the phone freed")
    if folder.get("paused"):
        raise Transient(f"{name} is paused")


def mapping(value: Any) -> dict[str, Any]:
    """Answer a JSON object, empty for anything else."""
    return value if isinstance(value, dict) else {}


def parse_time(text: Any) -> datetime:
    """Read one of Go's RFC 3339 times, to the microsecond."""
    return _EPOCH + timedelta(microseconds=nanoseconds(text) // 1000)


def nanoseconds(text: Any) -> int:
    """Read one of Go's RFC 3339 times as nanoseconds since 1970, exactly as st_mtime_ns counts."""
    match = _GO_TIME.fullmatch(str(text))
    if match is None:
        raise Transient(f"Syncthing answered with an unreadable time: {str(text)[:40]!r}")
    second, fraction, zone = match.groups()
    moment = datetime.fromisoformat(second + zone.replace("Z", "+00:00"))
    whole = (moment - _EPOCH) // timedelta(seconds=1)
    return whole * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
