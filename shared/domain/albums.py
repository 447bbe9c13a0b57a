"""Compares names of albums as people write them: case, spaces at the ends and forms of Unicode make no difference."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def album_key(name: str) -> str:
    """Return what two names share that a person takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).strip().casefold())


def among(names: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """Return those of `wanted` that name one of `names`, as `wanted` spells them."""
    here = {album_key(name) for name in names}
    return tuple(name for name in wanted if album_key(name) in here)


def checked_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return a setting's names of albums; ValueError for one without letters, which names nothing."""
    if any(not album_key(name) for name in names):
        raise ValueError("expected names of albums, got an empty one")
    return names
