"""The JPEGs of the corpus by maker, way up and form; what else lies in one is in the modules beside this."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tests.corpus import exif, jpeg_metadata, jpeg_pictures, pictures
from tests.corpus.cases import LEFT, WHOLE, Case, still
from tests.unit.compressor.gain_maps import segment, with_segments

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUBSAMPLINGS: Final = ("4:4:4", "4:2:2", "4:2:0")
_APPLE, _CANON = exif.MAKERS[0], exif.MAKERS[1]
_SIZES: Final = (
    (64, 64), (65, 67), (127, 129), (128, 96), (333, 77), (97, 401), (400, 65), (513, 300), (1000, 700), (1100, 1000),
)  # fmt: skip


def makers() -> Iterator[Case]:
    """Every maker twice: wide with a thumbnail, and upright with a place."""
    for n, maker in enumerate(exif.MAKERS):
        name = f"{n:02}-{maker.make.split()[0].lower().strip(',.')}"
        yield still("JPEG by maker", f"{name}.jpg", partial(_by, maker, 1, thumbnail=True))
        yield still("JPEG by maker", f"{name}-upright.JPG", partial(_by, maker, 6, gps=True))


def _by(
    maker: exif.Maker, orientation: int | None, *, gps: bool = False, thumbnail: bool = False
) -> bytes:
    small = pictures.jpeg(pictures.photo().resize((80, 60)), 70) if thumbnail else b""
    note = exif.exif(maker, orientation, gps=gps, thumbnail=small)
    return with_segments(pictures.jpeg(subsampling=2), segment(0xE1, note))


def orientations() -> Iterator[Case]:
    """Every way up in both byte orders, and numbers that mean none."""
    for maker in (_APPLE, _CANON):
        word = {"<": "little", ">": "big"}[maker.order]
        for turn in range(1, 9):
            yield still("JPEG by orientation", f"turn-{turn}-{word}.jpg", partial(_by, maker, turn))
    for number in (None, 0, 9, 65535):
        yield still("JPEG by orientation", f"turn-{number}.jpg", partial(_by, _CANON, number))


def forms() -> Iterator[Case]:
    """Samplings, passes, qualities, sizes, colours, and how else encoders differ."""
    for sampling in _SUBSAMPLINGS:
        for progressive in (False, True):
            name = f"{sampling.replace(':', '')}{'-progressive' * progressive}.jpg"
            yield _plain(name, subsampling=sampling, progressive=progressive)
    for sampling in ("yuvj440p", "yuvj411p"):
        yield Case("JPEG by form", f"{sampling}.jpg", partial(_by_ffmpeg, sampling), WHOLE)
    for quality in (20, 50, 75, 85, 92, 100):
        yield still(
            "JPEG by form", f"quality-{quality}.jpg", partial(pictures.jpeg, quality=quality), WHOLE
        )
        yield still(
            "JPEG by form", f"jpegli-{quality}.jpg", partial(pictures.jpegli, quality), WHOLE
        )
    for size in _SIZES:
        made = partial(_of_size, size, "RGB")
        yield still("JPEG by form", f"{size[0]}x{size[1]}.jpg", made)
    for size in ((1, 1), (1, 500), (7, 5), (63, 400)):
        yield still(
            "JPEG by form", f"{size[0]}x{size[1]}.jpg", partial(_of_size, size, "RGB"), LEFT
        )
    yield still("JPEG by form", "grey.jpg", partial(_of_size, pictures.WIDE, "L"))
    yield still("JPEG by form", "grey-large.jpg", partial(_of_size, (1300, 900), "L"))
    yield _plain("restarts.jpg", restart_marker_blocks=4)
    yield _plain("restart-rows.jpg", restart_marker_rows=1, progressive=True)
    yield _plain("optimized.jpg", optimize=True)
    yield _plain("dpi.jpg", dpi=(300, 299))
    yield _plain("one-colour-after-the-other.jpg", qtables="web_high")
    yield still(
        "JPEG by form", "stored-as-rgb.jpg", partial(pictures.jpeg, keep_rgb=True), LEFT, "RGB"
    )
    yield still("JPEG by form", "cmyk.jpg", partial(_of_size, pictures.WIDE, "CMYK"), LEFT, "CMYK")
    yield still("JPEG by form", "ycck.jpg", _ycck, LEFT, "CMYK")
    yield still("JPEG by form", "adobe-ycc.jpg", partial(_adobe, 1))
    yield still("JPEG by form", "no-jfif.jpg", _without_jfif)
    yield still("JPEG by form", "twelve-bits.jpg", partial(_frame, 4, 12), LEFT, "12 bits")
    yield still("JPEG by form", "arithmetic.jpg", partial(_frame, 1, 0xC9), LEFT, "SOF9")
    yield still("JPEG by form", "lossless.jpg", partial(_frame, 1, 0xC3), LEFT, "SOF3")


def _plain(name: str, **options: Any) -> Case:
    return still("JPEG by form", name, partial(pictures.jpeg, **options))


def _by_ffmpeg(sampling: str, path: object) -> None:
    from tests.unit.compressor import samples

    samples.run("-f", "lavfi", "-i", "testsrc2=s=320x240:d=0.1", "-vf", f"noise=alls=20,format={sampling}",
                "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "2", "-f", "image2", "-update", "1", str(path))  # fmt: skip


def _of_size(size: tuple[int, int], mode: str) -> bytes:
    return pictures.jpeg(pictures.photo(size, mode), subsampling=2)


def _ycck() -> bytes:
    data = _of_size(pictures.WIDE, "CMYK")
    at = data.index(b"Adobe")
    return data[: at + 11] + b"\2" + data[at + 12 :]


def _adobe(transform: int) -> bytes:
    return with_segments(
        pictures.jpeg(), segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes((transform,)))
    )


def _without_jfif() -> bytes:
    data = pictures.jpeg()
    return data[:2] + data[4 + int.from_bytes(data[4:6]) :]


def _frame(at: int, value: int) -> bytes:
    data = bytearray(pictures.jpeg())
    data[data.index(b"\xff\xc0") + at] = value
    return bytes(data)


def cases() -> list[Case]:
    """Return all JPEGs."""
    return [*makers(), *orientations(), *forms(), *jpeg_metadata.cases(), *jpeg_pictures.cases()]
