"""The list of what the demo library holds: one row an asset; pure, it makes no file."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from simulators.library.shots import Shot, Size, When

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAME_NAME = (
    (3, 4),
    (3, 19),
    (5, 2),
    (8, 11),
    (14, 7),
    (14, 8),
    (20, 27),
    (29, 1),
    (41, 16),
    (62, 5),
)
_PLAIN = (2, 2, 4, 6, 7, 9, 15, 16, 18, 22, 25, 28, 33, 39, 45, 50, 58, 75)
_AWKWARD = {
    "slash": "Kids/Beach.JPG",
    "backslash": "Scans\\1998.JPG",
    "colon": "Lunch 12:30.JPG",
    "nul": "torn\x00name.JPG",
}


def shots(size: Size) -> tuple[Shot, ...]:
    """All rows of a library of that size, each key once: 74 for full, 12 for small."""
    return tuple(_small() if size == "small" else _full())


def _small() -> Iterator[Shot]:
    yield from list(_plain())[4:8]
    yield from list(_heics())[:2]
    yield from list(_live())[:1]
    yield from list(_screenshots())[:2]
    yield from list(_videos())[:1]
    yield from list(_plants())[:2]


def _full() -> Iterator[Shot]:
    for stills in (_heics, _raws, _same_name, _plain, _screenshots, _unicode, _awkward, _states):
        yield from stills()
    for group in (_recent, _plants, _live, _videos):  # films last: they wait for ffmpeg
        yield from group()


def _same_name() -> Iterator[Shot]:
    for number, (months, day) in enumerate(_SAME_NAME):
        yield Shot(f"same{number}", "IMG_0001.JPG", When(months, day), albums=("Camera",))


def _plain() -> Iterator[Shot]:
    for number, months in enumerate(_PLAIN):
        when = When(months, 3 + number)
        albums = ("Kids",) if number % 5 == 0 else ()
        large = number in (8, 13, 16)
        turn = {5: 6, 6: 8, 12: 6}.get(number, 1)
        yield Shot(
            f"plain{number:02}",
            f"IMG_{1204 + number}.JPG",
            when,
            albums=albums,
            large=large,
            orientation=6 if turn == 6 else 8 if turn == 8 else 1,
        )


def _heics() -> Iterator[Shot]:
    for number, months in enumerate((2, 8, 17, 30, 37, 55)):
        yield Shot(f"heic{number}", f"IMG_{2310 + number}.HEIC", When(months, 12), "heic")


def _live() -> Iterator[Shot]:
    for number, months in enumerate((4, 11, 23, 47)):
        name = f"IMG_{2680 + number}.HEIC"
        yield Shot(f"live{number}", name, When(months, 21), "heic", ("Kids", "Summer"), live=True)


def _raws() -> Iterator[Shot]:
    for number, months in enumerate((10, 36)):
        yield Shot(f"raw{number}", f"DSC_{771 + number:04}.JPG", When(months, 14), raw=True)


def _screenshots() -> Iterator[Shot]:
    for number, months in enumerate((5, 19, 42)):
        yield Shot(f"screen{number}", f"IMG_{3005 + number}.PNG", When(months, 9), "png")


def _videos() -> Iterator[Shot]:
    for number, months in enumerate((6, 26, 60)):
        yield Shot(f"avc{number}", f"IMG_{4100 + number}.MOV", When(months, 17), "h264", ("Films",))
    for number, months in enumerate((3, 13, 44)):
        yield Shot(f"hevc{number}", f"IMG_{4200 + number}.MOV", When(months, 18), "hevc")
    yield Shot("camcorder", "M2U00417.MP4", When(90, 2), "h264", ("Films",))


def _unicode() -> Iterator[Shot]:
    for key, name, months in (("zoe", "Zoë", 7), ("ring", "Å", 21)):
        for form in ("NFC", "NFD"):
            spelled = unicodedata.normalize("NFC" if form == "NFC" else "NFD", name)
            yield Shot(
                f"{key}_{form.lower()}", f"{spelled}.JPG", When(months, 6), albums=(spelled,)
            )
    yield Shot("nihon", "日本.JPG", When(31, 23), albums=("日本",))


def _awkward() -> Iterator[Shot]:
    for number, (key, name) in enumerate(_AWKWARD.items()):
        yield Shot(key, name, When(12 + 9 * number, 25))


def _states() -> Iterator[Shot]:
    yield Shot("edited", "IMG_5001.JPG", When(9, 8), edited=True, albums=("Best of",))
    yield Shot("favourite", "IMG_5002.JPG", When(16, 8), favorite=True, albums=("Best of",))
    yield Shot("hidden0", "IMG_5003.JPG", When(24, 8), hidden=True)
    yield Shot("hidden1", "IMG_5004.JPG", When(48, 8), hidden=True)
    yield Shot("twin", "IMG_5005.JPG", When(27, 8))
    yield Shot("twin_again", "IMG_5005 2.JPG", When(27, 8), same_as="twin")


def _recent() -> Iterator[Shot]:
    for number, days in enumerate((2, 9, 20)):
        yield Shot(f"recent{number}", f"IMG_{6001 + number}.JPG", When(0, days))


def _plants() -> Iterator[Shot]:
    yield Shot("vetoed", "IMG_7001.JPG", When(32, 10), plant="vetoed", albums=("Kids",))
    yield Shot("refused", "Scan 0042.TIF", When(70, 10), "tiff", plant="refused_by_google")
    yield Shot("edited_late", "IMG_7002.JPG", When(15, 10), plant="edited_late")
    yield Shot("deleted_on_phone", "deleted-by-hand.JPG", When(20, 10), plant="deleted_on_phone")
    yield Shot("unreadable", "IMG_7003.JPG", When(38, 10), plant="unreadable")
    yield Shot("truncated", "IMG_7004.JPG", When(53, 10), plant="truncated")
