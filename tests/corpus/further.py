"""What judges of the corpus found missing in it: each of these once lost something without a word."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from services.compressor.films import mp4_edit
from tests.corpus import exif, films, heics, made, pictures
from tests.corpus.cases import LEFT, Case, still
from tests.corpus.pictures import box
from tests.unit.compressor.gain_maps import segment, with_segments
from tests.unit.compressor.test_film_carry import APERTURES, C2PA, altered, of_apple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def stills() -> Iterator[Case]:
    """Pictures of which decoders fill up or hide a part, and numbers that would lead elsewhere."""
    group = "stills that hide something"
    yield still(group, "filled-up.jpg", _filled_up, LEFT, "damaged")
    yield still(group, "refined.jpg", _refined, LEFT, "refines")
    yield still(group, "photoshop-grey.jpg", _photoshop_grey)
    hidden = "further pictures"
    yield still(group, "hidden.heic", heics.hidden, LEFT, hidden)
    for name, child in (("grouped", box(b"grpl", bytes(20))), ("own-box", box(b"mine", b"?"))):
        yield still(
            group, f"{name}.heic", partial(heics.with_child, child), LEFT, "box would be lost"
        )
    yield still(group, "free-room-in-use.heic", _in_free_room, LEFT, "free space")


def _filled_up() -> bytes:
    data = made.noted(6)
    return data[: len(data) * 2 // 3] + b"\xff\xd9"


def _refined() -> bytes:
    return with_segments(made.noted(1), segment(0xEB, b"JP\0\1\0\0\0\1" + box(b"RESI", bytes(900))))


def _photoshop_grey() -> bytes:
    grey = pictures.jpeg(pictures.photo(mode="L"))
    return with_segments(grey, segment(0xEE, b"Adobe\0\x64" + bytes(5)))


def _in_free_room() -> bytes:
    return pictures.heic(exif=exif.exif(exif.MAKERS[0], 1)) + box(b"free", b"a place")


def videos() -> Iterator[Case]:
    """Films with boxes and words of cameras that ffmpeg drops."""
    group = "videos that hide something"
    yield Case(group, "apple-labels.mov", _apple)
    yield Case(
        group,
        "signed.mp4",
        partial(_with, behind=box(b"uuid", C2PA + bytes(300))),
        LEFT,
        "signature",
    )
    yield Case(group, "profile.mp4", partial(_with, change=_profiled), LEFT, "colour profile")
    for brand in ("3gp5", "M4V "):
        yield Case(group, f"brand.{brand.strip().lower()[:3]}", partial(_branded, brand.encode()))
    words = "-bsf:v", "h264_metadata=sei_user_data=17ee8c60f84d11d98cd60800200c9a66+MDPM"
    yield films.case(group, "avchd-words.mp4", LEFT, "camera noted", codec=(*films.X264, *words))


def _apple(path: Path) -> None:
    films.film(path, *films.APPLE[:-2])
    for kind in (b"vide", b"soun"):
        altered(path, kind, of_apple)
    assert APERTURES in path.read_bytes()


def _with(
    path: Path, *, behind: bytes = b"", change: Callable[[bytes], bytes] = lambda trak: trak
) -> None:
    films.film(path)
    altered(path, b"vide", change)
    path.write_bytes(path.read_bytes() + behind)


def _profiled(trak: bytes) -> bytes:
    def change(stsd: bytes) -> bytes:
        ((codec, entry),) = mp4_edit.split(stsd[8:])
        profile = box(b"colr", b"prof" + pictures.icc())
        return stsd[:8] + mp4_edit.joined([(codec, entry + profile)])

    return mp4_edit.changed(trak, (*mp4_edit.TABLE, b"stsd"), change)


def _branded(brand: bytes, path: Path) -> None:
    plain = path.with_name("plain.mp4")
    films.film(plain)
    path.write_bytes(plain.read_bytes().replace(b"ftypisom", b"ftyp" + brand))
    plain.unlink()
