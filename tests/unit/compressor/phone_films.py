"""Films as iPhones write them: Apple's keys in `moov/meta`, tags of a track, timed metadata that points at the picture.

ISO/IEC 14496-12, Apple's QuickTime File Format. Written without the product's own writer, so that the two check each other.
"""

import struct
from pathlib import Path

from tests.unit.compressor import samples

TIMED = [b"\0\0\0\x0c\0\0\0\x01\0\0\0\x06", b"\0\0\0\x0a\0\0\0\x01\0\x07", b"y", b"x" * 300]
"""The samples of the timed track, of uneven sizes, one of them empty."""
LENS = b"iPhone 15 back camera 6.86mm f/1.78"
XMP = b"uuid-of-16-bytes<x:xmpmeta/>"


def box(name: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), name) + body


def full(name: bytes, *bodies: bytes) -> bytes:
    return box(name, bytes(4), *bodies)


def keys(values: dict[str, bytes]) -> bytes:
    """A QuickTime `meta` box: without a version, the handler mdta, the names and their values."""
    names = b"".join(box(b"mdta", name.encode()) for name in values)
    items = b"".join(
        box(n.to_bytes(4), box(b"data", struct.pack(">II", 1, 0), value))
        for n, value in enumerate(values.values(), 1)
    )
    return box(
        b"meta",
        full(b"hdlr", bytes(4), b"mdta", bytes(14)),
        full(b"keys", len(values).to_bytes(4), names),
        box(b"ilst", items),
    )


def timed_track(begins: list[int], *, dref: int = 1, points_at: int = 1) -> bytes:
    """A mebx track of four samples in two chunks, with a wait of half a second before it."""
    sizes = b"".join(len(sample).to_bytes(4) for sample in TIMED)
    table = box(
        b"stbl",
        full(b"stsd", (1).to_bytes(4), box(b"mebx", bytes(6), b"\0\1", box(b"keys", box(b"\0\0\0\1", box(b"keyd", b"mdtacom.apple.quicktime.video-orientation"))))),
        full(b"stts", struct.pack(">IIIII", 2, 3, 60, 1, 120)),
        full(b"stsc", struct.pack(">IIIIIII", 2, 1, 3, 1, 2, 1, 1)),
        full(b"stsz", struct.pack(">II", 0, len(TIMED)), sizes),
        full(b"stco", struct.pack(">I2I", 2, *begins)),
    )  # fmt: skip
    media = box(
        b"minf",
        box(b"gmhd", full(b"gmin", bytes(12))),
        full(b"hdlr", b"dhlralis", bytes(13)),
        box(b"dinf", full(b"dref", (1).to_bytes(4), box(b"alis", dref.to_bytes(4)))),
        table,
    )
    return box(
        b"trak",
        box(b"tkhd", b"\0\0\0\x0f", struct.pack(">IIIII", 1, 2, 77, 0, 600), bytes(60)),
        box(b"edts", full(b"elst", struct.pack(">IIiIIiI", 2, 300, -1, 65536, 300, 0, 65536))),
        box(b"tref", box(b"cdsc", points_at.to_bytes(4))),
        box(
            b"mdia",
            full(b"mdhd", struct.pack(">IIIIHH", 1, 2, 600, 300, 0, 0)),
            full(b"hdlr", b"mhlrmeta", bytes(13)),
            media,
        ),
    )


def picture_track(begin: int, *further: bytes) -> bytes:
    """A track of one frame of eight bytes."""
    table = box(
        b"stbl",
        full(b"stsd", (1).to_bytes(4), box(b"hvc1", bytes(78))),
        full(b"stts", struct.pack(">III", 1, 1, 600)),
        full(b"stsc", struct.pack(">IIII", 1, 1, 1, 1)),
        full(b"stsz", struct.pack(">II", 8, 1)),
        full(b"co64", struct.pack(">IQ", 1, begin)),
    )
    return box(
        b"trak",
        box(b"tkhd", b"\0\0\0\x0f", struct.pack(">IIIII", 1, 2, 1, 0, 600), bytes(60)),
        box(b"mdia", full(b"mdhd", struct.pack(">IIIIHH", 1, 2, 600, 600, 0, 0)),
            full(b"hdlr", b"mhlrvide", bytes(13)), box(b"minf", table)),
        *further,
    )  # fmt: skip


def small_film(*, original: bool) -> bytes:
    """A film of one frame that no decoder knows: an original with a timed track and tags, or ffmpeg's rendition of it."""
    ftyp = box(b"ftyp", b"qt  ", bytes(4))
    begin = len(ftyp) + 8
    data = b"onefram."
    head = full(b"mvhd", struct.pack(">IIII", 1, 2, 600, 600), bytes(80))
    if not original:
        return ftyp + box(b"mdat", data) + box(b"moov", head, picture_track(begin), box(b"udta"))
    timed = timed_track([begin + 8, begin + 8 + sum(map(len, TIMED[:3]))])
    lens = keys({"com.apple.quicktime.camera.lens_model": LENS})
    film = box(b"moov", head, picture_track(begin, lens), timed, keys({"a.b": b"c"}))
    return ftyp + box(b"mdat", data, *TIMED) + film + box(b"uuid", XMP)


def phone_film(path: Path, *further: bytes, **track: int) -> Path:
    """A turned MOV with sound, Apple's keys, a lens in the picture's tags, a timed track and an XMP box."""
    plain = samples.video(
        path.with_name(f"bare-{path.name}"), "-movie_timescale", "600", faststart=False
    )
    data = plain.read_bytes()
    plain.unlink()
    at, film = _last(data)
    begin = at + 8
    timed = b"".join(TIMED)
    begins = [begin, begin + sum(map(len, TIMED[:3]))]
    apple = {
        "com.apple.quicktime.make": b"Apple",
        "com.apple.quicktime.creationdate": b"2020-03-04T06:06:07+0100",
        "com.apple.quicktime.content.identifier": b"ABC-123",
    }
    first = film.index(b"trak") - 4
    length = int.from_bytes(film[first : first + 4])
    lens = keys({"com.apple.quicktime.camera.lens_model": LENS})
    picture = box(b"trak", film[first + 8 : first + length], lens)
    rest = film[first + length :]
    moov = box(
        b"moov", film[:first], picture, rest, timed_track(begins, **track), keys(apple), *further
    )
    path.write_bytes(data[:at] + box(b"mdat", timed) + moov + box(b"uuid", XMP))
    return path


def _last(data: bytes) -> tuple[int, bytes]:
    """Where the moov box at the end begins, and its body without user data."""
    found = {name: at for name, at, _ in _children(data)}
    at = found[b"moov"]
    body = data[at + 8 :]
    return at, b"".join(body[a : a + size] for name, a, size in _children(body) if name != b"udta")


def _children(data: bytes) -> list[tuple[bytes, int, int]]:
    found, at = [], 0
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        found.append((name, at, size))
        at += size
    return found
