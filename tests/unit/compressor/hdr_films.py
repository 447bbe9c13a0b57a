"""HDR films: real ones by x265, and small ones of a few units that no decoder knows, for what x265 does not write."""

import struct
from itertools import accumulate
from pathlib import Path

from tests.unit.compressor.phone_films import box, full
from tests.unit.compressor.samples import run

MASTERING = struct.pack(
    ">8H2I", 13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450, 10_000_000, 50
)
LEVELS = struct.pack(">HH", 1000, 400)
HDR10 = "transfer=smpte2084:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400"
HLG = "transfer=arib-std-b67"
PQ_COLOURS = box(b"colr", b"nclx\0\x09\0\x10\0\x09\0")


def hdr_film(path: Path, told: str = HDR10, shown: str = "null", frames: int = 15) -> Path:
    """A film of 10 bits and BT.2020, at a bit rate as cameras use it; `shown` is a filter for its picture."""
    transfer = "smpte2084" if "smpte2084" in told else "arib-std-b67"
    tags = f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range={'pc' if 'range=full' in told else 'tv'}"
    run("-f", "lavfi", "-i", "testsrc2=s=160x120:r=15", "-frames:v", str(frames), "-vf", f"noise=alls=6:allf=t,format=yuv420p10le,{shown},format=yuv420p10le,{tags}",
        "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", f"qp=6:log-level=error:pools=none:colorprim=bt2020:colormatrix=bt2020nc:{told}",
        "-tag:v", "hvc1", f"file:{path}")  # fmt: skip
    return path


def hdr10_plus_film(path: Path) -> Path:
    """A film whose encoder's words are Samsung's metadata of each scene."""
    data = hdr_film(path).read_bytes()
    words = b"\x4e\x01\x05"
    at = data.index(words)
    length = len(data[at + 3 :]) - len(data[at + 3 :].lstrip(b"\xff")) + 1
    head = data[at : at + 3 + length]
    swapped = b"\x4e\x01\x04" + head[3:] + b"\xb5\x00\x3c\x00\x01"
    path.write_bytes(data.replace(head + data[at + len(head) :][:5], swapped))
    return path


def message(kind: int, body: bytes) -> bytes:
    """A unit of one message, with what keeps start codes out."""

    def number(value: int) -> bytes:
        return b"\xff" * (value // 255) + bytes((value % 255,))

    plain = number(kind) + number(len(body)) + body + b"\x80"
    guarded, zeros = bytearray(), 0
    for byte in plain:
        if zeros >= 2 and byte <= 3:
            guarded.append(3)
            zeros = 0
        guarded.append(byte)
        zeros = 0 if byte else zeros + 1
    return unit(39, bytes(guarded))


def unit(kind: int, body: bytes = b"picture", layer: int = 0) -> bytes:
    return bytes((kind << 1 | layer >> 5, (layer & 31) << 3 | 1)) + body


PQ_SEQUENCE = unit(33, bytes.fromhex("0102200000030090000003000003001ea0208104d96566924caf016a122012080000030008000003007840"))  # fmt: skip
"""Of x265: 64 by 64 pixels, PQ of limited range."""
TIMED_SEQUENCE = bytes.fromhex("6764000dacd94426c044000003000400000300798080036ee00036eea4b280f8a14cb0")  # fmt: skip
"""Of x264, with the time of each picture: 18 bits before what it shows."""


def small_hdr_film(
    *stored: bytes,
    before: tuple[bytes, ...] = (),
    boxes: bytes = b"",
    filling: bytes = b"",
    later: bytes = b"",
    colours: bytes = PQ_COLOURS,
) -> bytes:
    """A film of a frame of these units and whatever is behind them, and of one unit `later`; `before` stand in hvcC, `boxes` beside it."""
    first = b"".join(len(one).to_bytes(4) + one for one in stored) + filling
    second = len(later).to_bytes(4) + later if later else b""
    arrays = b"".join(b"\x27" + struct.pack(">HH", 1, len(one)) + one for one in before)
    hvcc = box(b"hvcC", bytes(16) + b"\xfd\xfa\xfa\0\0\x0f" + bytes((len(before),)) + arrays)
    return _small_film(b"hvc1", hvcc + colours + boxes, first, second)


def small_avc_film(*stored: bytes, before: bytes) -> bytes:
    """A film of one frame of these units of H.264; `before`: its parameters."""
    frame = b"".join(len(one).to_bytes(4) + one for one in stored)
    sets = b"\xe1" + len(before).to_bytes(2) + before + b"\0"
    return _small_film(b"avc1", box(b"avcC", b"\1\x4d\0\x0a\xff" + sets), frame)


def _small_film(codec: bytes, boxes: bytes, *frames: bytes) -> bytes:
    """A film of these frames, each in a chunk of its own; empty ones are left out."""
    frames = tuple(filter(None, frames))
    entry = box(codec, bytes(24), struct.pack(">HH", 64, 64), bytes(50), boxes)
    ftyp = box(b"ftyp", b"qt  ", bytes(4))
    begins = accumulate(map(len, frames[:-1]), initial=len(ftyp) + 8)
    table = box(
        b"stbl",
        full(b"stsd", (1).to_bytes(4), entry),
        full(b"stts", struct.pack(">III", 1, len(frames), 600)),
        full(b"stsc", struct.pack(">IIII", 1, 1, 1, 1)),
        full(b"stsz", struct.pack(">II", 0, len(frames)), *(len(one).to_bytes(4) for one in frames)),
        full(b"stco", len(frames).to_bytes(4), *(at.to_bytes(4) for at in begins)),
    )  # fmt: skip
    trak = box(
        b"trak",
        box(b"tkhd", b"\0\0\0\x0f", struct.pack(">IIIII", 1, 2, 1, 0, 600), bytes(60)),
        box(b"mdia", full(b"mdhd", struct.pack(">IIIIHH", 1, 2, 600, 600, 0, 0)),
            full(b"hdlr", bytes(4), b"vide", bytes(13)), box(b"minf", table)),
    )  # fmt: skip
    head = full(b"mvhd", struct.pack(">IIII", 1, 2, 600, 600), bytes(80))
    return ftyp + box(b"mdat", *frames) + box(b"moov", head, trak)
