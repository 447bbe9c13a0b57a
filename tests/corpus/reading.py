"""Reads stills straight from the standards, to find what a rendition lacks; uses none of the compressor's code."""

from __future__ import annotations

import io
import re
import struct
import subprocess
from typing import TYPE_CHECKING, Any, Final

import imageio_ffmpeg
import pillow_heif
from PIL import Image

from tests.corpus import modern

if TYPE_CHECKING:
    from pathlib import Path

Segment = tuple[int, bytes]
_FRAMES: Final = {0xC0, 0xC1, 0xC2}
_OWN_LENGTH: Final = re.compile(rb'(Semantic="Primary"[^>]{0,200}?Item:Length=")(\d+)')
_DIRECTORIES: Final = (0x8769, 0x8825, 0xA005)
_ORIENTATION: Final = 0x0112


def check_kept(old: Path, new: Path) -> None:
    """Assert that the rendition `new` says everything that `old` says, in the same form."""
    before, after = old.read_bytes(), new.read_bytes()
    if before[:2] == b"\xff\xd8":
        _check_jpeg(before, after)
    elif before[:4] == b"\x89PNG":
        _check_png(before, after)
        assert _rows(old) == _rows(new), "its pixels differ"
    elif _is_modern(before):
        modern.check_carried(before, after)
    else:
        _check_heic(before, after)
    _check_tags(old, new, turned=before[4:8] == b"ftyp" and not _is_modern(before))


def _is_modern(data: bytes) -> bool:
    return data[:4] == b"RIFF" or data[8:12] == b"avif"


def _check_tags(old: Path, new: Path, *, turned: bool) -> None:
    with Image.open(old) as one, Image.open(new) as other:
        assert one.mode == other.mode
        assert getattr(one, "n_frames", 1) == getattr(other, "n_frames", 1)
        assert one.info.get("icc_profile") == other.info.get("icc_profile")
        before, after = _tags(one), _tags(other)
    for tags in (before, after):
        if turned:  # by design: pixels are upright, and EXIF says so
            tags.pop(str(_ORIENTATION), None)
    assert before == after, f"its tags differ: {_unlike(before, after)}"


def _tags(image: Image.Image) -> dict[str, str]:
    """Return what Pillow reads of EXIF; as text, since 0/0 is not equal to itself."""
    try:
        found: dict[Any, Any] = dict(image.getexif())
        for place in _DIRECTORIES:
            found |= {(place, tag): value for tag, value in image.getexif().get_ifd(place).items()}
    except (SyntaxError, ValueError, TypeError, struct.error, OSError, KeyError):
        return {"unreadable": repr(image.info.get("exif"))}
    return {str(tag): repr(value) for tag, value in found.items()}


def _unlike(before: dict[Any, Any], after: dict[Any, Any]) -> list[Any]:
    return [tag for tag in before.keys() | after.keys() if before.get(tag) != after.get(tag)]


def _check_jpeg(old: bytes, new: bytes) -> None:
    (before, old_frame, old_end), (after, new_frame, new_end) = _segments(old), _segments(new)
    assert old[old_end:] == new[new_end:], "the bytes behind the picture differ"
    assert [_steady(one) for one in before] == [_steady(one) for one in after], "segments differ"
    assert old_frame[:6] == new_frame[:6], "bits, size or colours differ"
    assert _fineness(new_frame) >= _fineness(old_frame), "colours are stored coarser"
    for _, body in after:
        for length in _OWN_LENGTH.findall(body):
            assert int(length[1]) == new_end, "XMP gives a wrong length"
    _check_index(old, new, old_end, new_end)


def _segments(data: bytes) -> tuple[list[Segment], bytes, int]:
    """Return APPn and comments, the frame header's body, and where the first picture ends (T.81, B.1)."""
    found: list[Segment] = []
    frame, at = b"", 2
    while True:
        while data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        at += 2
        if marker == 0xD9:
            return found, frame, at
        size = int.from_bytes(data[at : at + 2])
        body = data[at + 2 : at + size]
        if marker in _FRAMES:
            frame = body
        if marker >= 0xE0 and marker not in {0xFF}:
            found.append((marker, body))
        at += size
        if marker == 0xDA:
            at = _behind_scan(data, at)


def _behind_scan(data: bytes, at: int) -> int:
    while True:
        at = data.index(b"\xff", at)
        if data[at + 1] == 0xFF:
            at += 1
        elif data[at + 1] == 0 or 0xD0 <= data[at + 1] <= 0xD7:
            at += 2
        else:
            return at


def _steady(segment: Segment) -> Segment:
    """Blank what has to change with the picture's length: the index's rows, and that length in XMP."""
    marker, body = segment
    if marker == 0xE2 and body.startswith(b"MPF\0"):
        rows = _index(body)
        made = bytearray(body)
        for at, _, _ in rows:
            made[at + 4 : at + 12] = bytes(8)
        return marker, bytes(made)
    return marker, _OWN_LENGTH.sub(rb"\g<1>", body)


def _index(body: bytes) -> list[tuple[int, int, int]]:
    """Return an MPF index's rows: place in the segment's body, size, offset (CIPA DC-007, 5.2.3)."""
    order = "<" if body[4:6] == b"II" else ">"
    (first,) = struct.unpack_from(order + "I", body, 8)
    (count,) = struct.unpack_from(order + "H", body, 4 + first)
    for row in range(count):
        tag, _, size, value = struct.unpack_from(order + "HHII", body, 6 + first + 12 * row)
        if tag == 0xB002:
            places = range(4 + value, 4 + value + size - 15, 16)
            return [(at, *struct.unpack_from(order + "II", body, at + 4)) for at in places]
    return []


def _check_index(old: bytes, new: bytes, old_end: int, new_end: int) -> None:
    before, after = (_pictures(data) for data in (old, new))
    assert len(before) == len(after)
    for (one_at, one_size), (other_at, other_size) in zip(before, after, strict=True):
        if one_at:
            assert old[one_at : one_at + one_size] == new[other_at : other_at + other_size], (
                "a further picture is not where the index says"
            )
            assert one_size == other_size
        elif one_size:
            assert one_size - old_end == other_size - new_end, (
                "the index gives the picture a wrong size"
            )


def _pictures(data: bytes) -> list[tuple[int, int]]:
    """Return where in the file each picture of the index lies (0: the first one), and its size."""
    at = data.find(b"MPF\0")
    if at < 0 or at > len(data) - 16:
        return []
    return [
        (offset and at + 4 + offset, size) for _, size, offset in _index(data[at : at + 65_000])
    ]


def _fineness(frame: bytes) -> tuple[float, ...]:
    """Return each colour's samples for one of the finest, across and down."""
    factors = [(frame[at + 1] >> 4, frame[at + 1] & 15) for at in range(6, len(frame) - 2, 3)]
    most = max(f[0] for f in factors), max(f[1] for f in factors)
    return tuple(f[n] / most[n] for n in range(2) for f in factors)


def _check_png(old: bytes, new: bytes) -> None:
    before, after = (list(_chunks(data)) for data in (old, new))
    assert [c for c in before if c[0] != b"IDAT"] == [c for c in after if c[0] != b"IDAT"], (
        "chunks differ"
    )


def _chunks(data: bytes) -> Any:
    """Yield name and body of each chunk, and at last what lies behind the end (PNG, 5.3)."""
    at = 8
    while True:
        size, name = struct.unpack_from(">I4s", data, at)
        yield name, data[at + 8 : at + 8 + size]
        at += 12 + size
        if name == b"IEND":
            yield b"behind", data[at:]
            return


def _rows(path: Path) -> bytes:
    """Return the samples as ffmpeg decodes them, which keeps 16 bits."""
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "png_pipe", "-i", f"file:{path}", "-f", "rawvideo", "-"],
        check=True, stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    return done.stdout


def _check_heic(old: bytes, new: bytes) -> None:
    one, other = (
        pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False) for data in (old, new)
    )
    assert (len(one), one.mode, one.info["bit_depth"]) == (
        len(other),
        other.mode,
        other.info["bit_depth"],
    )
    for name in ("xmp", "metadata", "icc_profile", "depth_images", "aux", "pixel_aspect_ratio"):
        before, after = one.info.get(name), other.info.get(name)
        if name == "xmp" and before:  # by design: pixels are upright
            before, after = (
                re.sub(rb'tiff:Orientation="\d"', b"", text or b"") for text in (before, after)
            )
        assert before == after, f"its {name} differs"
