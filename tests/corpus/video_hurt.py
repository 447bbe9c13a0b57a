"""Videos of the corpus that are cut off, damaged, wrongly named, or none at all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.corpus import films, pictures
from tests.corpus.cases import ANY, KEPT, LEFT, UNREADABLE, WHOLE, Case, still

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def _whole(suffix: str, path: Path) -> bytes:
    place = path.with_name(f"whole.{suffix}")
    films.film(place, *(films.APPLE if suffix == "mov" else ()))
    data = place.read_bytes()
    place.unlink()
    return data


def hurt() -> Iterator[Case]:
    """Cut off, damaged, and no video at all."""
    for suffix in ("mov", "mp4"):
        for part in (0.01, 0.3, 0.7, 0.99):
            yield Case(
                "video cut off",
                f"{part:.0%}.{suffix}",
                partial(_hurt, suffix, partial(_cut, part)),
                UNREADABLE,
            )
        for seed in range(4):
            yield Case(
                "video damaged",
                f"{seed}.{suffix}",
                partial(_hurt, suffix, partial(_flipped, seed)),
                ANY,
            )
        yield Case(
            "video damaged",
            f"hole.{suffix}",
            partial(_hurt, suffix, lambda data: pictures.zeroed(data, 0.4, 0.6)),
            ANY,
        )
        yield Case(
            "video damaged",
            f"tail.{suffix}",
            partial(_hurt, suffix, lambda data: pictures.zeroed(data, 0.6, 1)),
            KEPT,
        )
    for name, data in {
        "head-alone.mov": b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
        "nothing-but-zeros.mov": b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(50_000),
        "boxes-in-boxes.mp4": b"\0\0\0\x14ftypmp42\0\0\0\0mp42" + b"\0\0\0\x08moov" * 2_000,
        "endless-box.mp4": b"\0\0\0\x14ftypmp42\0\0\0\0mp42" + b"\xff\xff\xff\xffmoov" + bytes(500),
        "no-track.mp4": b"\0\0\0\x14ftypmp42\0\0\0\0mp42\0\0\0\x08moov",
        "text.mov": b"no video at all, but text",
    }.items():
        yield still("no video", name, partial(bytes, data), UNREADABLE)
    yield Case("wrongly named video", "a.jpg", film_as("mov"), LEFT)
    yield Case("wrongly named video", "a.heic", film_as("mp4"), LEFT)
    yield Case("wrongly named video", "quicktime.mp4", film_as("mov"), WHOLE)
    yield Case("wrongly named video", "mp4.mov", film_as("mp4"), WHOLE)


def _cut(part: float, data: bytes) -> bytes:
    return data[: int(len(data) * part)]


def _flipped(seed: int, data: bytes) -> bytes:
    return pictures.flipped(data, seed, 20, 100)


def _hurt(suffix: str, change: Callable[[bytes], bytes], path: Path) -> None:
    path.write_bytes(change(_whole(suffix, path)))


def film_as(suffix: str) -> Callable[[Path], None]:
    """Return what writes a whole film of one container under any name."""

    def write(path: Path) -> None:
        path.write_bytes(_whole(suffix, path))

    return write


def cases() -> list[Case]:
    """Return all of them."""
    return list(hurt())
