"""The person's pattern for folders, from a photo's date to a path; a pattern that could leave its root is refused at once.

`{created:%Y/%m}`: text, and `created` in the asset's own time zone. Years, months and the like are written here and not
by the C library, so that a path never depends on the machine or its language.
"""

from __future__ import annotations

import re
import string
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEFAULT: Final = "{created:%Y/%m}"
MOST_PARTS, MOST_BYTES = 5, 60
_MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DIRECTIVES: Final[dict[str, Callable[[datetime], str]]] = {
    "Y": lambda at: f"{at.year:04d}",
    "y": lambda at: f"{at.year % 100:02d}",
    "m": lambda at: f"{at.month:02d}",
    "B": lambda at: _MONTHS[at.month - 1],
    "b": lambda at: _MONTHS[at.month - 1][:3],
    "d": lambda at: f"{at.day:02d}",
    "j": lambda at: f"{at.timetuple().tm_yday:03d}",
    "H": lambda at: f"{at.hour:02d}",
    "G": lambda at: f"{at.isocalendar().year:04d}",
    "V": lambda at: f"{at.isocalendar().week:02d}",
    "%": lambda _: "%",
}
_HOSTILE: Final = re.compile(
    r'[\x00-\x1f\x7f-\x9f\u2028\u2029\\:*?"<>|\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]'
)
_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|lost\+found|system volume information", re.IGNORECASE
)
_FIRST: Final = tuple(".~@#$- ")
"""Hidden folders, those that NAS systems keep for themselves, and what a program could take for an option."""
_SAMPLES: Final = tuple(datetime(2024, month, 28, 23, tzinfo=UTC) for month in range(1, 13))
_WANTED: Final = "expected a pattern of folders such as {created:%Y/%m}"


def checked_pattern(pattern: str) -> str:
    """Return the pattern; ValueError with one sentence when any date could make an unsafe path of it."""
    pieces = list(_pieces(pattern))
    if not any(made for _, made in pieces):
        raise ValueError(f"{_WANTED}, got one without a date")
    for sample in _SAMPLES:
        if (why := _objection(_render(pieces, sample))) is not None:
            raise ValueError(f"{_WANTED}, got {pattern[:60]!r}: {why}")
    return pattern


def folder(created: datetime, pattern: str = DEFAULT) -> str:
    """Return the folder of a photo, of 1 to 5 parts; ValueError for a pattern that `checked_pattern` refuses."""
    return _render(list(_pieces(pattern)), created)


def _render(pieces: list[tuple[str, Callable[[datetime], str] | None]], at: datetime) -> str:
    return "".join(text + (make(at) if make is not None else "") for text, make in pieces)


def _pieces(pattern: str) -> Iterator[tuple[str, Callable[[datetime], str] | None]]:
    """Yield plain text, each with what is to be written after it."""
    try:
        parsed = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise ValueError(f"{_WANTED}, got {pattern[:60]!r}: {error}") from None
    for text, name, spec, conversion in parsed:
        yield text, None
        if name is None:
            continue
        if name != "created" or conversion or not spec:
            raise ValueError(
                f"{_WANTED}, got {pattern[:60]!r}: it knows {{created:...}} and nothing else"
            )
        yield from _directives(spec)


def _directives(spec: str) -> Iterator[tuple[str, Callable[[datetime], str] | None]]:
    for text, letter in re.findall(r"([^%]+)|%(.?)", spec, re.DOTALL):
        if text:
            if "{" in text:
                raise ValueError(f"{_WANTED}, got a pattern within a pattern")
            yield text, None
        elif letter in _DIRECTIVES:
            yield "", _DIRECTIVES[letter]
        else:
            known = " ".join(f"%{one}" for one in _DIRECTIVES)
            raise ValueError(f"{_WANTED}, got {'%' + letter!r}: it knows {known}")


def _objection(path: str) -> str | None:
    parts = path.split("/")
    if len(parts) > MOST_PARTS:
        return f"it has more than {MOST_PARTS} folders"
    return next((why for part in parts if (why := _part_objection(part)) is not None), None)


def _part_objection(part: str) -> str | None:
    if not part:
        return "it begins or ends with / or has an empty folder"
    if part.startswith(_FIRST):
        return f"a folder cannot begin with {part[0]!r}"
    if part.endswith((".", " ")) or _HOSTILE.search(part) or _RESERVED.fullmatch(part):
        return f"not every disk can have a folder {part[:40]!r}"
    if not unicodedata.is_normalized("NFC", part) or len(part.encode()) > MOST_BYTES:
        return f"the name {part[:40]!r} is too long or oddly encoded"
    return None
