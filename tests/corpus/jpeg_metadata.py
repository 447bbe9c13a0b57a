"""The JPEGs of the corpus by what they carry besides the picture: every kind of segment, and what hangs behind the end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from tests.corpus import exif, made, pictures
from tests.corpus.cases import LEFT, Case, still
from tests.unit.compressor import gain_maps
from tests.unit.compressor.gain_maps import segment

if TYPE_CHECKING:
    from collections.abc import Iterator

_APPLE, _CANON = exif.MAKERS[0], exif.MAKERS[1]
_PHOTOSHOP: Final = b"Photoshop 3.0\0"


def metadata() -> Iterator[Case]:
    """Every kind of segment that programs write, and some that they should not."""
    apple = segment(0xE1, exif.exif(_APPLE, 6, gps=True))
    xmp = segment(0xE1, gain_maps.XMP + b'<x:xmpmeta tiff:Orientation="6" xmp:Rating="5"/>')
    for name, segments in {
        "icc-srgb": [_profile(pictures.icc())],
        "icc-wide": [_profile(pictures.icc("wide"))],
        "icc-lab": [_profile(pictures.icc("LAB"))],
        "icc-broken": [_profile(pictures.icc()[:200])],
        "icc-no-profile": [_profile(b"no profile at all")],
        "icc-in-pieces": _in_pieces(pictures.icc() + bytes(150_000)),
        "xmp": [xmp],
        "exif-and-xmp": [apple, xmp],
        "xmp-before-exif": [xmp, apple],
        "exif-twice": [apple, segment(0xE1, exif.exif(_CANON, 3))],
        "exif-empty": [segment(0xE1, b"Exif\0\0")],
        "exif-broken": [segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff")],
        "exif-ends-early": [apple[:2] + b"\1\0" + apple[4:258]],
        "exif-loop": [segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0\x08\0\0\0")],
        "xmp-extended": [xmp, *_extended(b"<more>" + b"x" * 130_000 + b"</more>")],
        "iptc": [segment(0xED, _PHOTOSHOP + _iptc())],
        "iptc-in-pieces": [
            segment(0xED, _PHOTOSHOP + _iptc()),
            segment(0xED, _PHOTOSHOP + b"8BIM" + bytes(60_000)),
        ],
        "comments": [
            segment(0xFE, b"from the lake"),
            segment(0xFE, b"\xe4\xf6\xfc"),
            segment(0xFE, b""),
        ],
        "flashpix": [
            segment(0xE2, b"FPXR\0\1" + bytes(500)),
            segment(0xE2, b"FPXR\0\2" + bytes(60_000)),
        ],
        "meta": [segment(0xE3, b"Meta\0\0II*\0" + bytes(100))],
        "stereo-side-by-side": [segment(0xE3, b"_JPSJPS_" + bytes(20))],
        "ducky": [segment(0xEC, b"Ducky\0\1\0\4\0\0\0\x50\0\0")],
        "flir": [segment(0xE1, b"FLIR\0\1\0\1" + bytes(range(256)) * 200) for _ in range(2)],
        "samsung-app4": [segment(0xE4, b"SAMSUNG" + bytes(9_000)), segment(0xE5, bytes(65_000))],
        "hdr-ratio": [segment(0xEB, b"HDR_RI ver=11"), segment(0xEA, b"PhotoStudio")],
        "every-app": [segment(0xE0 + n, bytes([n]) * (n * 100)) for n in range(1, 16) if n != 14],
        "largest": [segment(0xE9, bytes(65_533))],
        "two-hundred": [segment(0xE7, n.to_bytes(2)) for n in range(200)],
        "nothing-in-them": [segment(0xE8, b""), segment(0xE1, b""), segment(0xE2, b"")],
        "date-in-xmp": [
            segment(0xE1, gain_maps.XMP + b"<x:xmpmeta photoshop:DateCreated='2001-02-03'/>")
        ],
    }.items():
        yield still("JPEG by metadata", f"{name}.jpg", partial(made.carrying, segments))
    yield still("JPEG by metadata", "fill-bytes.jpg", _filled)
    yield still("JPEG by metadata", "behind-the-tables.jpg", _behind_tables)
    yield still("JPEG by metadata", "among-the-scans.jpg", _among_scans, LEFT, "scans")
    yield still(
        "JPEG by metadata", "signed.jpg", partial(made.carrying, [_signature()]), LEFT, "signature"
    )


def _profile(profile: bytes, number: int = 1, of: int = 1) -> bytes:
    return segment(0xE2, b"ICC_PROFILE\0" + bytes((number, of)) + profile)


def _in_pieces(profile: bytes) -> list[bytes]:
    pieces = [profile[at : at + 60_000] for at in range(0, len(profile), 60_000)]
    return [_profile(piece, n, len(pieces)) for n, piece in enumerate(pieces, 1)]


def _extended(packet: bytes) -> list[bytes]:
    head = (
        b"http://ns.adobe.com/xmp/extension/\0" + b"0123456789ABCDEF" * 2 + len(packet).to_bytes(4)
    )
    return [
        segment(0xE1, head + at.to_bytes(4) + packet[at : at + 65_000])
        for at in range(0, len(packet), 65_000)
    ]


def _iptc() -> bytes:
    rows = b"".join(
        b"\x1c\2" + bytes((tag,)) + len(text).to_bytes(2) + text
        for tag, text in ((5, b"A title"), (25, b"lake"), (25, b"summer"), (80, b"somebody"))
    )
    return b"8BIM\4\4\0\0" + len(rows).to_bytes(4) + rows + b"\0" * (len(rows) % 2)


def _signature() -> bytes:
    """The start of a C2PA manifest: a JUMBF superbox in APP11."""
    label = b"c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\3c2pa\0"
    inside = pictures.box(b"jumb", pictures.box(b"jumd", label) + bytes(300))
    return segment(0xEB, b"JP\0\1\0\0\0\1" + inside)


def _filled() -> bytes:
    data = made.carrying([segment(0xE1, exif.exif(_APPLE, 6))])
    at = 4 + int.from_bytes(data[4:6])
    return data[:at] + b"\xff\xff\xff" + data[at:]


def _behind_tables() -> bytes:
    data = pictures.jpeg()
    at = data.index(b"\xff\xc0")
    return (
        data[:at]
        + segment(0xE1, exif.exif(_APPLE, 8))
        + segment(0xFE, b"late, but legal")
        + data[at:]
    )


def _among_scans() -> bytes:
    data = pictures.jpeg(progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:at] + segment(0xFE, b"late") + data[at:]


def trailers() -> Iterator[Case]:
    """What programs hang behind the end marker, and what else cannot be carried over."""
    group = "JPEG with a trailer"
    for name, trailer in {
        "samsung": b"\0\0\1\x0a\x0e\0\0\0Image_UTC_Data1600000000000SEFH"
        + bytes(20)
        + b"\x18\0\0\0SEFT",
        "zeros": bytes(5_000),
        "text": b"written behind the end\n" * 50,
        "vendor": b'vivo{"a":1}' + bytes(range(200)) * 9,
        "one-byte": b"\n",
        "large": bytes(range(256)) * 100,
    }.items():
        yield still(group, f"{name}.jpg", partial(_ending, trailer))
    yield still(
        group,
        "film.jpg",
        partial(_ending, pictures.box(b"ftyp", b"mp42\0\0\0\0") + bytes(900)),
        LEFT,
        "video",
    )
    afcp = b"AXS!" + bytes(50) + b"AXS*" + bytes(8)
    yield still(group, "afcp.jpg", partial(_ending, afcp), LEFT, "AFCP")
    yield still(
        group,
        "samsung-motion.jpg",
        partial(_ending, b"MotionPhoto_Data" + bytes(900)),
        LEFT,
        "motion",
    )
    yield still(group, "minolta-preview.jpg", _minolta, LEFT)
    yield still(group, "preview.jpg", partial(_ending, made.small()), LEFT)
    for name, words in {
        "motion-photo": b"<rdf:Description GCamera:MotionPhoto='1'/>",
        "micro-video": b"<rdf:Description GCamera:MicroVideo='1'/>",
        "depth-google": b"<rdf:Description GDepth:Format='RangeInverse'/>",
        "depth-apple": b"<rdf:Description aux='urn:com:apple:photo:2018:aux:portraiteffectsmatte'/>",
    }.items():
        yield still(
            group,
            f"{name}.jpg",
            partial(made.carrying, [segment(0xE1, gain_maps.XMP + words)]),
            LEFT,
        )


def _ending(trailer: bytes) -> bytes:
    return made.noted(6) + trailer


def _minolta() -> bytes:
    """A preview behind the end whose first byte is wrong, as some DiMAGE wrote it; the maker note knows its place."""
    return made.noted(1) + b"\0" + made.small()[1:]


def cases() -> list[Case]:
    """Return all of them."""
    return [*metadata(), *trailers()]
