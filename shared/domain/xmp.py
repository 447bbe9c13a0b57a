"""Writes an asset's iCloud record as an XMP sidecar that photo programs read; pure, and no hostile field can make it raise.

Names are those that digiKam, darktable, Lightroom and exiftool know: `xmp:Rating` 5 for a favourite, `dc:title`,
`dc:description`, `dc:subject` and `lr:hierarchicalSubject` for keywords and albums, `exif:GPS...` for the place,
`photoshop:DateCreated` for the moment in the asset's own time zone. What the record does not say is left out.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as Xml  # it only writes here, and never parses

from shared.domain.icloud_fields import encoded_text, flag, moment, text, utc_offset, value
from shared.domain.icloud_plist import keywords, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.domain.icloud_fields import Record
    from shared.domain.icloud_plist import Place

_SPACES: Final = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
}
_XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_TEXT: Final = 20_000
_HIDDEN: Final = "Hidden"
_LEVEL: Final = "|"
"""Separates the levels of a hierarchical keyword; in a name it becomes a slash."""

for _prefix, _space in _SPACES.items():
    Xml.register_namespace(_prefix, _space)


def sidecar(asset: Record, master: Record | None, albums: Sequence[str]) -> bytes:
    """Return the sidecar's bytes (UTF-8); the same records and albums always give the same ones. Never raises.

    `albums` are names; their order and repetitions do not matter.
    """
    root = Xml.Element(_tag("x:xmpmeta"))
    rdf = Xml.SubElement(root, _tag("rdf:RDF"))
    about = Xml.SubElement(rdf, _tag("rdf:Description"), {_tag("rdf:about"): ""})
    for name, found in _simple(asset, master):
        Xml.SubElement(about, _tag(name)).text = _safe(found)
    for name, field in (("dc:title", "captionEnc"), ("dc:description", "extendedDescEnc")):
        if words := encoded_text(asset, field, most=_LONGEST_TEXT).strip():
            item = _items(about, name, "rdf:Alt", [words])
            item.set(_XML_LANG, "x-default")
    plain, levels = _subjects(asset, albums)
    if plain:
        _items(about, "dc:subject", "rdf:Bag", plain)
        _items(about, "lr:hierarchicalSubject", "rdf:Bag", levels)
    Xml.indent(root)
    return bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _simple(asset: Record, master: Record | None) -> Iterator[tuple[str, str]]:
    if flag(asset, "isFavorite"):
        yield "xmp:Rating", "5"
    taken = moment(value(asset, "assetDate"), utc_offset(asset, "timeZoneOffset"))
    if taken is not None:
        for name in ("xmp:CreateDate", "photoshop:DateCreated", "exif:DateTimeOriginal"):
            yield name, _date(taken)
    if (where := place(asset)) is not None:
        yield from _gps(where)
    if change := text(asset, "adjustmentType"):
        yield "photoshop:Instructions", f"Edited in iCloud Photos ({change})"
    if filename := encoded_text(master or {}, "filenameEnc"):
        yield "xmpMM:PreservedFileName", filename


def _gps(where: Place) -> Iterator[tuple[str, str]]:
    yield "exif:GPSVersionID", "2.3.0.0"
    yield "exif:GPSLatitude", _angle(where.latitude, "NS")
    yield "exif:GPSLongitude", _angle(where.longitude, "EW")
    if where.altitude is not None:
        yield "exif:GPSAltitudeRef", "0" if where.altitude >= 0 else "1"
        yield "exif:GPSAltitude", f"{round(abs(where.altitude) * 100)}/100"
    if where.at is not None:
        yield "exif:GPSTimeStamp", _date(where.at.astimezone(UTC)).replace("+00:00", "Z")


def _angle(degrees: float, sides: str) -> str:
    """Return an angle as XMP writes it: whole degrees, minutes with six decimals (2 mm), side."""
    micro_minutes = round(abs(degrees) * 60_000_000)
    whole, rest = divmod(micro_minutes, 60_000_000)
    return f"{whole},{rest // 1_000_000}.{rest % 1_000_000:06d}{sides[degrees < 0]}"


def _date(at: datetime) -> str:
    """Return ISO 8601 with a zone of whole minutes, which is all that XMP allows."""
    offset = at.utcoffset() or timedelta(0)
    if offset % timedelta(minutes=1):
        offset = timedelta(minutes=offset // timedelta(minutes=1))
        at = at.astimezone(timezone(offset))
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")


def _subjects(asset: Record, albums: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return flat and hierarchical keywords: the person's own, the albums below `Albums`, and `Hidden`."""
    own = sorted(keywords(asset))
    names = sorted({name for name in albums if name.strip()})
    hidden = [_HIDDEN] if flag(asset, "isHidden") else []
    plain = list(dict.fromkeys([*own, *names, *hidden]))
    levels = [_level(word) for word in own]
    levels += [f"Albums{_LEVEL}{_level(name)}" for name in names]
    levels += [f"iCloud{_LEVEL}{word}" for word in hidden]
    return plain, list(dict.fromkeys(levels))


def _level(name: str) -> str:
    return name.replace(_LEVEL, "/")


def _items(about: Xml.Element, name: str, kind: str, words: Sequence[str]) -> Xml.Element:
    """Add a property that is a list of words; return its first item."""
    holder = Xml.SubElement(Xml.SubElement(about, _tag(name)), _tag(kind))
    items = [Xml.SubElement(holder, _tag("rdf:li")) for _ in words]
    for item, word in zip(items, words, strict=True):
        item.text = _safe(word)
    return items[0]


def _safe(words: str) -> str:
    """Replace what XML cannot hold: control characters, lone surrogates, U+FFFE and the like."""
    return _NOT_XML.sub("\ufffd", words)


def _tag(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{_SPACES[prefix]}}}{local}"
