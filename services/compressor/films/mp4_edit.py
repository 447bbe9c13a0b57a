"""Takes the boxes of an MP4 or QuickTime file apart to the last byte, and puts them together again; it opens no file.

`mp4.py` reads what it can of anything; here every byte has to be accounted for, or NotMp4 is raised.
"""

from __future__ import annotations

import struct
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from services.compressor.films.mp4 import NotMp4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Box = tuple[bytes, bytes]
"""Four-letter name and body."""

TABLE: Final = (b"mdia", b"minf", b"stbl")
_OFFSETS = {b"stco": ">I", b"co64": ">Q"}
_LARGEST_SHORT = 0xFFFF_FFFF
_PREFERRED: Final = 76
"""Bytes of a film's header between its length and the number of its next track."""


def split(data: bytes) -> list[Box]:
    """Return the boxes that fill `data`; raises NotMp4 when they do not fill it exactly."""
    found, at = list[Box](), 0
    while at < len(data):
        name, body, end = bounds(data[at : at + 16], at, len(data))
        found.append((name, data[body:end]))
        at = end
    return found


def bounds(head: bytes, at: int, limit: int) -> tuple[bytes, int, int]:
    """Return the name of the box at `at`, and where its body begins and ends, at `limit` at most; raises NotMp4."""
    if len(head) < 8:
        raise NotMp4(f"there are bytes of no box at {at:,}")
    size, name = struct.unpack_from(">I4s", head)
    start = 8
    if size == 1 and len(head) >= 16:
        size, start = struct.unpack_from(">Q", head, 8)[0], 16
    elif size == 0:
        size = limit - at
    if not start <= size <= limit - at:
        raise NotMp4(f"its {name.decode('latin-1')} box at {at:,} claims {size:,} bytes")
    return name, at + start, at + size


def joined(boxes: Iterable[Box]) -> bytes:
    """Put boxes together; the opposite of `split`."""
    return b"".join(struct.pack(">I4s", 8 + len(body), name) + body for name, body in boxes)


def inside(data: bytes, *path: bytes) -> bytes | None:
    """Return the body of the first box at `path`, None when there is none."""
    for name in path:
        found = next((body for each, body in split(data) if each == name), None)
        if found is None:
            return None
        data = found
    return data


def sample_entries(trak: bytes) -> list[Box]:
    """Return a track's descriptions of its samples, by the names of their codecs."""
    return split((inside(trak, *TABLE, b"stsd") or b"")[8:])


def changed(data: bytes, path: tuple[bytes, ...], change: Callable[[bytes], bytes]) -> bytes:
    """Return `data` with the body of the box at `path` changed; raises NotMp4 when there is none."""
    if not path:
        return change(data)
    boxes = split(data)
    for n, (name, body) in enumerate(boxes):
        if name == path[0]:
            boxes[n] = name, changed(body, path[1:], change)
            return joined(boxes)
    raise NotMp4(f"it has no {path[0].decode('latin-1')} box where one is needed")


def without(data: bytes, *names: bytes) -> bytes:
    """Return `data` without the boxes of these names."""
    return joined((name, body) for name, body in split(data) if name not in names)


def handler(trak: bytes) -> bytes:
    """Return what a track is: vide, soun, meta and so on."""
    return (inside(trak, b"mdia", b"hdlr") or b"")[8:12]


def _id_at(tkhd: bytes) -> int:
    at = 20 if tkhd[:1] == b"\x01" else 12
    if len(tkhd) < at + 4:
        raise NotMp4("a track has no number")
    return at


def track_id(trak: bytes) -> int:
    """Return a track's number; raises NotMp4 when it has none."""
    tkhd = inside(trak, b"tkhd") or b""
    at = _id_at(tkhd)
    return int.from_bytes(tkhd[at : at + 4])


def with_id(trak: bytes, number: int) -> bytes:
    """Return the track with another number."""

    def change(tkhd: bytes) -> bytes:
        at = _id_at(tkhd)
        return tkhd[:at] + number.to_bytes(4) + tkhd[at + 4 :]

    return changed(trak, (b"tkhd",), change)


def _moments(header: bytes) -> tuple[int, int]:
    """Return when what a header heads was made and changed, in seconds since 1904; raises NotMp4."""
    made, changed = _numbers(header, 4, ">QQ" if header[:1] == b"\x01" else ">II")
    if max(made, changed) > _LARGEST_SHORT:
        raise NotMp4("it says a time that is later than its header can say in a rendition")
    return made, changed


def _with_moments(header: bytes, other: bytes) -> bytes:
    form = ">QQ" if header[:1] == b"\x01" else ">II"
    return header[:4] + struct.pack(form, *_moments(other)) + header[4 + struct.calcsize(form) :]


def film_header_of(mvhd: bytes) -> tuple[tuple[int, int], bytes]:
    """Return what a film's header says besides lengths and numbers: its times; the speed, volume, place and posters that it prefers."""
    at = _preferred_at(mvhd)
    return _moments(mvhd), mvhd[at : at + _PREFERRED]


def with_film_header_of(mvhd: bytes, other: bytes) -> bytes:
    """Return the film's header with those of another one; bodies of mvhd, whole ones."""
    (_, preferred), at = film_header_of(other), _preferred_at(mvhd)
    return _with_moments(mvhd[:at] + preferred + mvhd[at + _PREFERRED :], other)


def _preferred_at(mvhd: bytes) -> int:
    return 32 if mvhd[:1] == b"\x01" else 20


def header_of(trak: bytes) -> tuple[bytes, bytes, bytes | None, tuple[int, ...]]:
    """Return what a track's headers say besides numbers and lengths: enabled, volume, layer, place; language; times."""
    tkhd, mdhd = inside(trak, b"tkhd") or b"", inside(trak, b"mdia", b"mdhd") or b""
    if len(tkhd) < 84 or len(mdhd) < 24:
        raise NotMp4("a track has no header")
    times = (*_moments(tkhd), *_moments(mdhd))
    return tkhd[1:4] + tkhd[-60:], mdhd[-4:-2], inside(trak, b"mdia", b"elng"), times


def with_header_of(trak: bytes, other: bytes) -> bytes:
    """Return the track with those of another one."""
    shown, language, long, _ = header_of(other)
    trak = changed(trak, (b"tkhd",), lambda old: old[:1] + shown[:3] + old[4:-60] + shown[3:])
    trak = changed(trak, (b"mdia", b"mdhd"), lambda old: old[:-4] + language + old[-2:])
    for path in ((b"tkhd",), (b"mdia", b"mdhd")):
        made = inside(other, *path) or b""
        trak = changed(trak, path, partial(_with_moments, other=made))
    extra = b"" if long is None else joined([(b"elng", long)])
    return changed(trak, (b"mdia",), lambda old: without(old, b"elng") + extra)


def edits(trak: bytes) -> list[tuple[int, int, int]]:
    """Return a track's edit list: length, where it begins in the media (-1: it waits), speed; raises NotMp4."""
    if not (elst := inside(trak, b"edts", b"elst")):
        return []
    (number,) = _numbers(elst, 4, ">I")
    form = ">QqI" if elst[:1] == b"\x01" else ">IiI"
    return [
        (a, b, c) for a, b, c in _rows(elst[8 : 8 + number * struct.calcsize(form)], form, number)
    ]


def lasting(mvhd: bytes, tracks: list[bytes]) -> bytes:
    """Return the film's header for a film that lasts as long as its longest track, too; bodies of mvhd and of traks."""
    at, size = (24, 8) if mvhd[:1] == b"\x01" else (16, 4)
    own = int.from_bytes(mvhd[at : at + size])
    known = [long for long in map(_duration, tracks) if long < _LARGEST_SHORT]
    return mvhd[:at] + max(own, *known, 0).to_bytes(size) + mvhd[at + size :]


def _duration(trak: bytes) -> int:
    tkhd = inside(trak, b"tkhd") or b""
    return int.from_bytes(tkhd[28:36] if tkhd[:1] == b"\x01" else tkhd[20:24])


def with_references(tref: bytes, numbers: Mapping[int, int]) -> bytes:
    """Return the body of a tref box with the tracks' other numbers; raises NotMp4 for one that points nowhere."""
    boxes = list[Box]()
    for name, body in split(tref):
        try:
            ids = [numbers[each] for (each,) in struct.iter_unpack(">I", body)]
        except (KeyError, struct.error) as error:
            raise NotMp4("a track refers to one that is not there") from error
        boxes.append((name, struct.pack(f">{len(ids)}I", *ids)))
    return joined(boxes)


def chunks(trak: bytes) -> list[tuple[int, int]]:
    """Return where each chunk of a track's samples begins in the file, and its length; raises NotMp4."""
    table = dict(split(inside(trak, *TABLE) or b""))
    begins = _begins(table)
    counts = _samples_a_chunk(table.get(b"stsc", b""), len(begins))
    fixed, number = _numbers(table.get(b"stsz", b""), 4, ">II")
    if sum(counts) != number:
        raise NotMp4(f"a track has {number:,} samples and room for {sum(counts):,}")
    if fixed:
        return [(begin, fixed * count) for begin, count in zip(begins, counts, strict=True)]
    sizes = _rows(table[b"stsz"][12:], ">I", number)
    filled = list(accumulate((size for (size,) in sizes), initial=0))
    ends = list(accumulate(counts, initial=0))
    return [(begin, filled[ends[n + 1]] - filled[ends[n]]) for n, begin in enumerate(begins)]


def with_begins(trak: bytes, begins: list[int]) -> bytes:
    """Return the track with its chunks elsewhere, in 64 bits where 32 do not suffice."""
    large = max(begins, default=0) > _LARGEST_SHORT
    name, kind = (b"co64", "Q") if large else (b"stco", "I")
    body = struct.pack(f">II{len(begins)}{kind}", 0, len(begins), *begins)

    def change(table: bytes) -> bytes:
        return joined((name, body) if old in _OFFSETS else (old, kept) for old, kept in split(table))  # fmt: skip

    return changed(trak, TABLE, change)


def _begins(table: dict[bytes, bytes]) -> list[int]:
    named = [name for name in table if name in _OFFSETS]
    if len(named) != 1:
        raise NotMp4("a track does not say once where its samples are")
    body = table[named[0]]
    (number,) = _numbers(body, 4, ">I")
    return [begin for (begin,) in _rows(body[8:], _OFFSETS[named[0]], number)]


def _samples_a_chunk(stsc: bytes, chunks: int) -> list[int]:
    (number,) = _numbers(stsc, 4, ">I")
    runs = _rows(stsc[8:], ">III", number)
    if chunks and (not runs or runs[0][0] != 1):
        raise NotMp4("a track's first chunk has no number of samples")
    counts = list[int]()
    for n, (first, samples, _) in enumerate(runs):
        following = runs[n + 1][0] if n + 1 < len(runs) else chunks + 1
        if not first < following <= chunks + 1:
            raise NotMp4("a track's chunks are not in order")
        counts += [samples] * (following - first)
    return counts


def _rows(data: bytes, form: str, number: int) -> list[tuple[int, ...]]:
    if len(data) != number * struct.calcsize(form):
        raise NotMp4(f"a table of {number:,} rows has {len(data):,} bytes")
    return list(struct.iter_unpack(form, data))


def _numbers(body: bytes, at: int, form: str) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, body, at)
    except struct.error as error:
        raise NotMp4("a track's table is cut off") from error
