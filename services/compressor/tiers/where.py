"""Says which files a tier is for besides their age: by album, camera, name and size; pure, it can never read a file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar

from shared.domain.albums import album_key, among

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta


@dataclass(frozen=True, slots=True)
class File:
    """What a tier is chosen by: age since it was taken, name in the archive, size in bytes, names of its albums."""

    age: timedelta
    name: str = ""
    size: int = 0
    albums: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions that a file has to meet, each one that is given; of a list one is enough. Raises ValueError.

    `cameras` and `names` are patterns with `*` and `?`; `smallest` and `largest` are bytes, both included. Upper and lower
    case make no difference.
    """

    albums: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    smallest: int | None = None
    largest: int | None = None

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        if not any(getattr(self, one.name) not in ((), None) for one in fields(self)):
            raise ValueError("where names no condition; leave it out, or name one")
        for texts in (self.albums, self.cameras, self.names):
            if any(not album_key(text) for text in texts):
                raise ValueError("where has an empty name, which no file has")
        least, most = self.smallest or 0, self.largest
        if least < 0 or (most is not None and most < least):
            raise ValueError("where: smallest must be 0 or more, and largest not below it")

    def fits(self, file: File) -> bool:
        """Say whether all conditions are met but that of the camera, which only the file itself can tell."""
        return (
            (not self.albums or bool(among(file.albums, self.albums)))
            and (not self.names or _like(file.name, self.names))
            and (self.smallest or 0) <= file.size
            and (self.largest is None or file.size <= self.largest)
        )

    def fits_camera(self, spellings: Iterable[str]) -> bool:
        """Say whether a camera that is called so, in any of its spellings, is meant; a file that names none is not."""
        return not self.cameras or any(_like(name, self.cameras) for name in spellings)


def _like(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(album_key(text), album_key(pattern)) for pattern in patterns)


def read_where(given: dict[str, Any] | None) -> Where | None:
    """Return the conditions that `dataclasses.asdict` and JSON took apart."""
    if given is None:
        return None
    made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    return Where(**made)
