"""Writes EXIF by hand, in either byte order and with the maker notes of many makers; no library's idea of order is in it.

The notes have each maker's real header, byte order and way of counting offsets; what they say is made up.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Order = Literal["<", ">"]
Entry = tuple[int, int, bytes]
"""A tag, its type (TIFF 6.0), and the bytes of its values in the right order."""
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
_SIZES: Final = {BYTE: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, UNDEFINED: 1, 10: 8}
_EXIF, _GPS, _INTEROP, _MAKER_NOTE = 0x8769, 0x8825, 0xA005, 0x927C


@dataclass(frozen=True, slots=True)
class Maker:
    """A camera maker: what EXIF calls it, and its maker note.

    `base` says from where offsets in the note count: EXIF's TIFF header, the note's start, a TIFF header of its own, or there are none.
    """

    make: str
    model: str
    order: Order
    header: bytes
    base: Literal["tiff", "note", "own", "none"] = "tiff"


MAKERS: Final = (
    Maker("Apple", "iPhone 15 Pro", ">", b"Apple iOS\0\0\1MM", "note"),
    Maker("Canon", "Canon EOS R6", "<", b"", "tiff"),
    Maker("NIKON CORPORATION", "NIKON Z 6", ">", b"Nikon\0\2\x11\0\0", "own"),
    Maker("NIKON", "E950", "<", b"Nikon\0\1\0", "tiff"),
    Maker("SONY", "ILCE-7M4", "<", b"SONY DSC \0\0\0", "tiff"),
    Maker("FUJIFILM", "X-T5", "<", b"FUJIFILM\x0c\0\0\0", "note"),
    Maker("OLYMPUS CORPORATION", "E-M1MarkIII", "<", b"OLYMPUS\0II\3\0", "note"),
    Maker("OM Digital Solutions", "OM-1", "<", b"OM SYSTEM\0\0\0II\4\0", "note"),
    Maker("OLYMPUS OPTICAL CO.,LTD", "C3040Z", "<", b"OLYMP\0\1\0", "tiff"),
    Maker("Panasonic", "DC-GH6", "<", b"Panasonic\0\0\0", "tiff"),
    Maker("LEICA CAMERA AG", "LEICA Q3", "<", b"LEICA\0\0\0", "note"),
    Maker("PENTAX", "PENTAX K-3", ">", b"PENTAX \0MM\0\0", "note"),
    Maker("PENTAX Corporation", "PENTAX *ist DL", ">", b"AOC\0MM", "tiff"),
    Maker("RICOH IMAGING COMPANY, LTD.", "RICOH GR III", "<", b"RICOH\0II", "note"),
    Maker("RICOH", "Caplio R4", ">", b"Ricoh\0\0\0", "tiff"),
    Maker("CASIO COMPUTER CO.,LTD.", "EX-Z1050", ">", b"QVC\0\0\0", "tiff"),
    Maker("Minolta Co., Ltd.", "DiMAGE 7Hi", ">", b"", "tiff"),
    Maker("KONICA MINOLTA", "DiMAGE A200", ">", b"", "tiff"),
    Maker("SIGMA", "SIGMA fp", "<", b"SIGMA\0\0\0\1\0", "tiff"),
    Maker("SANYO Electric Co.,Ltd.", "SX113", "<", b"SANYO\0\1\0", "tiff"),
    Maker("SEIKO EPSON CORP.", "PhotoPC 3100Z", "<", b"EPSON\0\1\0", "tiff"),
    Maker("EASTMAN KODAK COMPANY", "DC280", ">", b"KDK INFO", "none"),
    Maker("Hewlett-Packard", "hp PhotoSmart 43x", "<", b"IIII\x06\0\3\0", "none"),
    Maker("JVC", "GR-DV700", "<", b"JVC \0\0\0\0", "tiff"),
    Maker("KYOCERA", "FC-S3", ">", b"KYOCERA            \0\0\0", "note"),
    Maker("samsung", "SM-S928B", "<", b"", "note"),
    Maker("SAMSUNG TECHWIN", "VLUU NV 7", "<", b"", "note"),
    Maker("Google", "Pixel 8 Pro", "<", b"HDRP\3", "none"),
    Maker("HUAWEI", "VOG-L29", ">", b"HUAWEI\0\0MM", "note"),
    Maker("Xiaomi", "2201123G", ">", b'{"mirror":false,"sensor_type":"rear"}', "none"),
    Maker("DJI", "FC3170", "<", b"DJI\0II", "note"),
    Maker("GoPro", "HERO12 Black", ">", b"", "tiff"),
    Maker("Motorola", "moto g", ">", b"MOT\0", "none"),
    Maker("FLIR Systems AB", "FLIR E8", "<", b"", "tiff"),
    Maker("Reconyx", "HC500", "<", b"\x01\xf1\3\0", "none"),
    Maker("Phase One", "IQ3 100MP", "<", b"IIII", "own"),
)  # fmt: skip


def ascii_(tag: int, text: str) -> Entry:
    """Return an entry of text."""
    return tag, ASCII, text.encode() + b"\0"


def short(order: Order, tag: int, *values: int) -> Entry:
    """Return an entry of 16-bit numbers."""
    return tag, SHORT, struct.pack(f"{order}{len(values)}H", *values)


def long(order: Order, tag: int, *values: int) -> Entry:
    """Return an entry of 32-bit numbers."""
    return tag, LONG, struct.pack(f"{order}{len(values)}I", *values)


def rational(order: Order, tag: int, *values: tuple[int, int]) -> Entry:
    """Return an entry of fractions."""
    flat = [n for value in values for n in value]
    return tag, RATIONAL, struct.pack(f"{order}{len(flat)}I", *flat)


def directory(order: Order, entries: Sequence[Entry], at: int, following: int = 0) -> bytes:
    """Return an IFD that lies at `at` of what its offsets count from, its larger values right behind it."""
    rows, values = b"", b""
    room = at + 2 + 12 * len(entries) + 4
    for tag, kind, value in sorted(entries):
        count = len(value) // _SIZES[kind]
        if len(value) <= 4:
            field = value.ljust(4, b"\0")
        else:
            field = struct.pack(order + "I", room + len(values))
            values += value + b"\0" * (len(value) % 2)
        rows += struct.pack(order + "HHI", tag, kind, count) + field
    return (
        struct.pack(order + "H", len(entries)) + rows + struct.pack(order + "I", following) + values
    )


def maker_note(maker: Maker, at: int) -> bytes:
    """Return the note of a maker as it is when it lies at `at` from EXIF's TIFF header."""
    inside = [
        (0x0001, UNDEFINED, b"0100"),
        short(maker.order, 0x0002, *range(20)),
        ascii_(0x0006, f"{maker.model} firmware 1.0"),
        (0x00B7, UNDEFINED, bytes(range(256)) * 3),
        (0x0E00, UNDEFINED, b"PrintIM\0" + b"0300" + bytes(12)),
    ]
    if maker.base == "none":
        return maker.header + bytes(range(256)) * 2
    if maker.base == "own":
        head = (b"II*\0" if maker.order == "<" else b"MM\0*") + struct.pack(maker.order + "I", 8)
        return maker.header + head + directory(maker.order, inside, 8)
    start = len(maker.header) + (at if maker.base == "tiff" else 0)
    return maker.header + directory(maker.order, inside, start)


def exif(
    maker: Maker, orientation: int | None = 1, *, gps: bool = False, thumbnail: bytes = b""
) -> bytes:
    """Return EXIF with a header, as a camera of `maker` writes it: descriptions, exposure, maker note, interoperability."""
    order = maker.order
    base = [
        ascii_(0x010F, maker.make),
        ascii_(0x0110, maker.model),
        ascii_(0x0131, "Firmware 1.0"),
        ascii_(0x0132, "2021:07:08 09:10:11"),
        ascii_(0x8298, "\u00a9 somebody"),
        rational(order, 0x011A, (72, 1)),
        rational(order, 0x011B, (72, 1)),
        short(order, 0x0128, 2),
        short(order, 0x0213, 1),
        *([] if orientation is None else [short(order, 0x0112, orientation)]),
    ]
    room = 8 + len(
        directory(order, [*base, *[long(order, 0xFF00 + n, 0) for n in range(1 + gps)]], 8)
    )
    sub = _exif_directory(maker, room)
    places = [long(order, _EXIF, room)]
    body = sub
    if gps:
        places.append(long(order, _GPS, room + len(body)))
        body += directory(order, _gps(order), room + len(body))
    following = room + len(body) if thumbnail else 0
    if thumbnail:
        body += _thumbnail(order, following, thumbnail)
    first = directory(order, [*base, *places], 8, following)
    assert len(first) == room - 8
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return b"Exif\0\0" + magic + struct.pack(order + "I", 8) + first + body


def _exif_directory(maker: Maker, at: int) -> bytes:
    order = maker.order
    fixed = [
        (0x9000, UNDEFINED, b"0232"),
        ascii_(0x9003, "2021:07:08 09:10:11"),
        ascii_(0x9011, "+02:00"),
        ascii_(0x9291, "123"),
        rational(order, 0x829A, (1, 125)),
        rational(order, 0x829D, (28, 10)),
        short(order, 0x8827, 100),
        (0x9286, UNDEFINED, b"UNICODE\0" + "See".encode("utf-16-be")),
        short(order, 0xA001, 1),
        ascii_(0xA434, "A lens 24-70mm"),
        rational(order, 0xA432, (24, 1), (70, 1), (28, 10), (40, 10)),
    ]
    # The note may count from the TIFF header, so its place has to be known first: it lies last of all values.
    dummy = directory(
        order, [*fixed, (_MAKER_NOTE, UNDEFINED, bytes(8)), long(order, _INTEROP, 0)], at
    )
    place = at + len(dummy) - 8
    note = maker_note(maker, place)
    interop = place + len(note) + len(note) % 2
    entries = sorted([*fixed, (_MAKER_NOTE, UNDEFINED, note), long(order, _INTEROP, interop)])
    made = _with_note_last(order, entries, at)
    assert len(made) == interop - at
    return made + directory(order, [ascii_(1, "R98"), (2, UNDEFINED, b"0100")], interop)


def _with_note_last(order: Order, entries: list[Entry], at: int) -> bytes:
    """Lay the directory out with the maker note's bytes behind all other values, as its place was worked out."""
    note = next(value for tag, _, value in entries if tag == _MAKER_NOTE)
    hollow = [(t, k, bytes(8) if t == _MAKER_NOTE else v) for t, k, v in entries]
    made = bytearray(directory(order, hollow, at))
    values = {tag: value for tag, _, value in hollow if len(value) > 4}
    behind = sum(len(v) + len(v) % 2 for t, v in values.items() if t > _MAKER_NOTE)
    row = 2 + 12 * [tag for tag, _, _ in entries].index(_MAKER_NOTE)
    old = len(made) - behind - 8
    tail = bytes(made[old + 8 :])
    for n, (tag, _, value) in enumerate(entries):
        if tag > _MAKER_NOTE and len(value) > 4:
            field = 2 + 12 * n + 8
            (was,) = struct.unpack_from(order + "I", made, field)
            struct.pack_into(order + "I", made, field, was - 8)
    struct.pack_into(order + "II", made, row + 4, len(note), at + len(made) - 8)
    return bytes(made[:old]) + tail + note + b"\0" * (len(note) % 2)


def _gps(order: Order) -> list[Entry]:
    return [
        (0, BYTE, b"\2\3\0\0"),
        ascii_(1, "N"),
        rational(order, 2, (48, 1), (8, 1), (2345, 100)),
        ascii_(3, "E"),
        rational(order, 4, (11, 1), (34, 1), (5678, 100)),
        rational(order, 6, (5195, 10)),
        ascii_(29, "2021:07:08"),
    ]


def _thumbnail(order: Order, at: int, jpeg: bytes) -> bytes:
    entries = [short(order, 0x0103, 6), long(order, 0x0201, 0), long(order, 0x0202, len(jpeg))]
    place = at + len(directory(order, entries, at))
    entries[1] = long(order, 0x0201, place)
    return directory(order, entries, at) + jpeg
