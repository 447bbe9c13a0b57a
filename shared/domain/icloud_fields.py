"""Takes single values out of iCloud's JSON, whatever is really there; it can never raise on a hostile field."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

Record = dict[str, Any]
_MAX_INT = 2**63 - 1
_MAX_TEXT = 1000


def value(record: Record, name: str) -> object:
    """Return the value of a record's field, None when there is none."""
    fields = record.get("fields")
    wrapped = fields.get(name) if isinstance(fields, dict) else None
    return wrapped.get("value") if isinstance(wrapped, dict) else None


def clean(text: object, most: int = _MAX_TEXT) -> str:
    """Return printable-enough text: a string without NUL and lone surrogates, cut to `most` characters; else ''."""
    if not isinstance(text, str):
        return ""
    return text[:most].encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def text(record: Record, name: str) -> str:
    """Return a text field, '' when it is missing or of another type."""
    return clean(value(record, name))


def number(raw: object) -> int | None:
    """Return a non-negative 64-bit integer, else None (a bool is none)."""
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw <= _MAX_INT:
        return None
    return raw


def flag(record: Record, name: str) -> bool:
    """Return True when the field is a number other than zero; iCloud takes flags back by leaving them out."""
    found = value(record, name)
    return isinstance(found, int) and found != 0


def encoded_text(record: Record, name: str, most: int = _MAX_TEXT) -> str:
    """Return an `...Enc` field's text: base64 of UTF-8, or plain where it says STRING or is no base64; '' if missing.

    At most `most` characters of it.
    """
    found = value(record, name)
    if not isinstance(found, str):
        return ""
    if record["fields"][name].get("type") == "STRING":
        return clean(found, most)
    try:
        return clean(base64.b64decode(found, validate=True).decode(), most)
    except (binascii.Error, ValueError):
        return clean(found, most)


def moment(raw: object, offset: timedelta = timedelta(0)) -> datetime | None:
    """Return epoch milliseconds as an aware time at this offset from UTC, None when they are no time."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    try:
        return datetime.fromtimestamp(raw / 1000, tz=UTC).astimezone(timezone(offset))
    except (ValueError, OverflowError, OSError):
        return None


def utc_offset(record: Record, name: str) -> timedelta:
    """Return a field of seconds as an offset from UTC, zero when it is none."""
    raw = value(record, name)
    if isinstance(raw, bool) or not isinstance(raw, int) or abs(raw) >= 24 * 3600:
        return timedelta(0)
    return timedelta(seconds=raw)
