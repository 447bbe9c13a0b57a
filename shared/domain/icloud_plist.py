"""Reads what iCloud keeps as property lists: the place and the keywords; broken, huge or hostile ones count as absent."""

from __future__ import annotations

import base64
import math
import plistlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from shared.domain.icloud_fields import clean, value

if TYPE_CHECKING:
    from shared.domain.icloud_fields import Record

_LONGEST: Final = 200_000
"""Characters of base64 that are looked at."""
_MOST_KEYWORDS: Final = 1000
_HIGHEST: Final = 100_000.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a photo was taken: degrees, metres above the sea, and the moment of the fix."""

    latitude: float
    longitude: float
    altitude: float | None
    at: datetime | None


def place(asset: Record) -> Place | None:
    """Return where the asset was taken, None when its record does not say; never raises."""
    found = _plist(asset, "locationEnc")
    if not isinstance(found, dict):
        return None
    latitude, longitude = _within(found.get("lat"), 90), _within(found.get("lon"), 180)
    if latitude is None or longitude is None:
        return None
    at = found.get("timestamp")
    return Place(
        latitude,
        longitude,
        _within(found.get("alt"), _HIGHEST),
        at.replace(tzinfo=UTC) if isinstance(at, datetime) else None,  # plists state UTC
    )


def keywords(asset: Record) -> frozenset[str]:
    """Return the person's keywords; never raises."""
    found = _plist(asset, "keywordsEnc")
    words = found[:_MOST_KEYWORDS] if isinstance(found, list) else ()
    return frozenset(word for one in words if (word := clean(one).strip()))


def _plist(asset: Record, field: str) -> object:
    raw = value(asset, field)
    if not isinstance(raw, str) or len(raw) > _LONGEST:
        return None
    try:
        return plistlib.loads(base64.b64decode(raw))
    except Exception:  # noqa: BLE001 - remote bytes: the reader fails in more ways than it names (depth, memory)
        return None


def _within(raw: object, most: float) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    try:
        number = float(raw)
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) <= most else None
