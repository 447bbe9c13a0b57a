"""The WebPs and AVIFs of the corpus, in tiers that order a smaller one of the same form: what they carry, and what is left."""

from __future__ import annotations

import io
import struct
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from tests.corpus import exif, pictures
from tests.corpus.cases import COMPRESSED, LEFT, UNREADABLE, WHOLE, Case, still
from tests.unit.compressor import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

_XMP: Final = b"<x:xmpmeta xmp:Rating='5'/>"
_SIZE: Final = (480, 352)
_NAMES: Final = {"WEBP": "webp", "AVIF": "avif"}


def saved(kind: str, mode: str = "RGB", size: tuple[int, int] = _SIZE, **options: Any) -> bytes:
    """The picture as Pillow writes it, at a high quality."""
    image = pictures.photo(size, mode).copy()
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(size))
    return pictures.saved(image, kind, **{"quality": 96 if kind == "WEBP" else 92, **options})


def forms(kind: str) -> Iterator[Case]:
    """Every way up, every maker's EXIF, profiles, XMP, sizes, and colours."""
    name = _NAMES[kind]
    for turn in range(1, 9):
        told = exif.exif(exif.MAKERS[0], turn, gps=True)
        yield still(f"{name} kept", f"turn-{turn}.{name}", partial(saved, kind, exif=told))
    for n, maker in enumerate(exif.MAKERS[1:8]):
        told = exif.exif(maker, 1, gps=True)
        yield still(f"{name} kept", f"maker-{n}.{name}", partial(saved, kind, exif=told, xmp=_XMP))
    yield still(f"{name} kept", f"nothing.{name}", partial(saved, kind))
    yield still(f"{name} kept", f"icc.{name}", partial(saved, kind, icc_profile=samples.icc()))
    for size in ((161, 121), (640, 360), (1200, 900)):
        yield still(f"{name} kept", f"{size[0]}x{size[1]}.{name}", partial(saved, kind, size=size), WHOLE)  # fmt: skip
    for quality in (30, 60, 80):
        yield still(f"{name} kept", f"quality-{quality}.{name}", partial(saved, kind, quality=quality), WHOLE)  # fmt: skip
    yield still(f"{name} left", f"tiny.{name}", partial(saved, kind, size=(16, 16)), LEFT)
    yield still(f"{name} left", f"transparent.{name}", partial(saved, kind, "RGBA"), LEFT)
    yield still(f"{name} left", f"animated.{name}", partial(_animated, kind), LEFT, "pictures")
    yield still(f"{name} left", f"cut.{name}", lambda: saved(kind)[:-4000], UNREADABLE)


def _animated(kind: str) -> bytes:
    frames = [pictures.photo(_SIZE, seed=n) for n in range(3)]
    return pictures.saved(frames[0], kind, save_all=True, append_images=frames[1:])


def webps() -> Iterator[Case]:
    """What only a WebP has."""
    yield still("webp kept", "own-chunk.webp", partial(_with_chunk, b"mine"))
    yield still("webp left", "signed.webp", partial(_with_chunk, b"C2PA"), LEFT, "signature")
    yield still("webp left", "behind.webp", lambda: saved("WEBP") + b"more", LEFT, "length")
    yield still("webp left", "lossless.webp", partial(saved, "WEBP", lossless=True), LEFT, "loss")


def _with_chunk(name: bytes) -> bytes:
    data = saved("WEBP", xmp=_XMP) + name + struct.pack("<I", 3) + b"abc\0"
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


def avifs() -> Iterator[Case]:
    """What only an AVIF has."""
    for chroma in ("4:4:4", "4:2:2", "4:2:0"):
        yield still("avif kept", f"{chroma.replace(':', '')}.avif", partial(saved, "AVIF", subsampling=chroma), COMPRESSED)  # fmt: skip
    yield still("avif kept", "limited.avif", partial(saved, "AVIF", range="limited"))
    yield still("avif left", "grey.avif", partial(saved, "AVIF", "L"), LEFT, "grey")
    yield still("avif left", "uuid.avif", lambda: saved("AVIF") + pictures.box(b"uuid", bytes(32)), LEFT, "uuid")  # fmt: skip
    yield still("avif left", "p3.avif", _p3, LEFT, "other colours")


def _p3() -> bytes:
    data = saved("AVIF")
    return data.replace(b"nclx\0\1\0\x0d", b"nclx\0\x0c\0\x0d")


def check_carried(old: bytes, new: bytes) -> None:
    """Assert that everything but the picture is the same, as far as plain readers of both formats see it."""
    if old[:4] == b"RIFF":
        before, after = _chunks(old), _chunks(new)
        assert before.pop(b"VP8 ") != after.pop(b"VP8 ")
        assert before == after, "chunks differ"
    with Image.open(io.BytesIO(old)) as one, Image.open(io.BytesIO(new)) as other:
        assert one.info.get("exif") == other.info.get("exif")
        assert one.info.get("xmp") == other.info.get("xmp")


def _chunks(data: bytes) -> dict[bytes, bytes]:
    found, at = {}, 12
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        found[data[at : at + 4]] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def cases() -> list[Case]:
    """Return all of them."""
    return [*forms("WEBP"), *webps(), *forms("AVIF"), *avifs()]
