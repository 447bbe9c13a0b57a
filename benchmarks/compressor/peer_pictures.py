"""Makes the pictures that photoduct and other tools compress side by side: a phone's metadata around a camera's pixels."""

from __future__ import annotations

import random
import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.compressor.stills import images
from simulators.library.exif import exif_bytes, icc_profile

if TYPE_CHECKING:
    from pathlib import Path

_TAKEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
_IPTC = {(1, 90): b"\x1b%G", (2, 5): b"Harbour", (2, 25): b"boats", (2, 120): b"Morning"}
_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"'
    ' xmp:Rating="5"{more}/></rdf:RDF></x:xmpmeta>'
)
_GAIN = ' hdrgm:Version="1.0" hdrgm:GainMapMax="2.3" hdrgm:HDRCapacityMax="2.3"'


def photos(room: Path, number: int, size: tuple[int, int]) -> list[Path]:
    """Make JPEGs of quality 95 with EXIF, GPS, Apple's maker note, ICC and XMP; in turn with IPTC and with a gain map."""
    made = []
    for n, image in enumerate(images(number, size)):
        path, rng = room / f"photo-{n}.jpg", random.Random(n)  # noqa: S311 - pictures, not secrets
        exif = exif_bytes(_TAKEN, rng, orientation=1, content_id=f"PEERS-{n}")
        common = {"quality": 95, "subsampling": 2, "exif": exif, "icc_profile": icc_profile()}
        if n % 2:
            packet = _XMP.format(more=_GAIN).encode()
            gain = image.convert("L").resize((size[0] // 4, size[1] // 4))
            image.save(path, "MPO", save_all=True, append_images=[gain], xmp=packet, **common)
        else:
            image.save(path, "JPEG", xmp=_XMP.format(more="").encode(), extra=_iptc(), **common)
        made.append(path)
    return made


def _iptc() -> bytes:
    """Return an APP13 segment as Photoshop writes it: one resource (0x0404) that holds the IPTC records."""
    rows = (struct.pack(">BBBH", 0x1C, *at, len(text)) + text for at, text in _IPTC.items())
    records = b"".join(rows)
    body = b"Photoshop 3.0\0" + b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(records)) + records
    body += bytes(len(records) % 2)
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
