"""Lists what a HEIC holds besides its picture, EXIF and XMP, from its boxes; pure, it reads bytes and decodes none.

ISO/IEC 23008-12. The decoder hands out what it knows and says nothing of the rest; what would be lost has to be seen.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import TYPE_CHECKING

from services.compressor.films.mp4 import boxes
from services.compressor.stills.iloc import extents

if TYPE_CHECKING:
    from collections.abc import Iterator

_PADDING = {b"free", b"skip", b"wide"}
_TOP = {b"ftyp", b"meta", b"mdat"} | _PADDING
_META = {b"hdlr", b"dinf", b"pitm", b"iinf", b"iref", b"iprp", b"idat", b"iloc"} | _PADDING
_PICTURE = {b"hvc1", b"grid"}
_ONE_EACH = {b"Exif", b"mime"}  # of each the first is kept
_WRITTEN = {
    b"hvcC",
    b"ispe",
    b"colr",
    b"pixi",
    b"irot",
    b"imir",
    b"free",
}  # anew, as the picture is then


def odd_parts(data: bytes) -> str | None:
    """Return the first part that a rendition would lose, None when there is none."""
    top = list(boxes(data))
    inside = [one for name, body in top if name == b"meta" for one in boxes(body[4:])]
    if odd := sorted({name for name, _ in top} - _TOP | {name for name, _ in inside} - _META):
        return f"its {word(odd[0])} box would be lost"
    if any(any(body) for name, body in (*top, *inside) if name in _PADDING):
        return "data lies in its free space"
    items = Counter(kind for name, body in top if name == b"meta" for kind in item_types(body))
    if odd := sorted(items.keys() - _PICTURE - _ONE_EACH):
        return f"its {word(odd[0])} item would be lost"
    if several := sorted(kind for kind in _ONE_EACH if items[kind] > 1):
        return f"one of its {items[several[0]]} {word(several[0])} items would be lost"
    if any(_further_pictures(body) for name, body in top if name == b"meta"):
        return "one of its further pictures would be lost"
    return next(filter(None, (_odd_property(body) for name, body in top if name == b"meta")), None)


def _further_pictures(meta: bytes) -> bool:
    """Tell whether a picture is neither the one that is shown, nor a tile of it, nor its small preview: hidden, no decoder hands it out."""
    inside = dict(boxes(meta[4:]))
    pitm = inside.get(b"pitm", b"")
    ours = {int.from_bytes(pitm[4:])}
    links = list(_links(inside.get(b"iref", b"")))
    tiles = {to for name, source, targets in links for to in targets if name == b"dimg" and source in ours}  # fmt: skip
    previews = {source for name, source, targets in links if name == b"thmb" and ours & targets}
    previews |= {to for name, source, targets in links for to in targets if name == b"dimg" and source in previews}  # fmt: skip
    pictures = {number for number, kind in _items(meta) if kind in _PICTURE}
    return not pictures <= ours | tiles | previews


def _links(iref: bytes) -> Iterator[tuple[bytes, int, frozenset[int]]]:
    """Yield how items refer to others: the kind, from which one, to which ones."""
    size = 4 if iref[:1] == b"\1" else 2
    for name, body in boxes(iref[4:]):
        rows = [int.from_bytes(body[at : at + size]) for at in range(size + 2, len(body), size)]
        yield name, int.from_bytes(body[:size]), frozenset(rows)


def coded(data: bytes) -> Iterator[bytes]:
    """Yield the coded bytes of every picture and tile; raises NotMp4 where it is not told where they are."""
    for meta in (body for name, body in boxes(data) if name == b"meta"):
        pictures = {number for number, kind in _items(meta) if kind == b"hvc1"}
        places = [body for name, body in boxes(meta[4:]) if name == b"iloc"]
        for one in (one for body in places for one in extents(body, 0, len(body))):
            if one.in_file and one.item in pictures:
                yield data[one.begin : one.end]


def _odd_property(meta: bytes) -> str | None:
    found = _properties(meta)
    sizes = [_numbers(body[4:], 2) for name, body in found if name == b"ispe"]
    cuts = [body for name, body in found if name == b"clap"]
    if all(_cuts_padding(body, sizes) for body in cuts):
        found = [one for one in found if one[0] != b"clap"]
    if odd := sorted({name for name, _ in found} - _WRITTEN):
        return f"its {word(odd[0])} property would be lost"
    return None


def _properties(meta: bytes) -> list[tuple[bytes, bytes]]:
    """What describes pictures: how they are coded, cropped, lit, and so on."""
    parts = [body for name, body in boxes(meta[4:]) if name == b"iprp"]
    lists = [inside for body in parts for name, inside in boxes(body) if name == b"ipco"]
    return [one for inside in lists for one in boxes(inside)]


def _cuts_padding(clap: bytes, sizes: list[tuple[int, ...]]) -> bool:
    """Say whether a crop takes off only what makes an odd picture even for its encoder: a column, a row."""
    width, width_of, height, height_of = _numbers(clap, 4)
    if not (width_of and height_of):
        return False
    cut = [(across - width / width_of, down - height / height_of) for across, down in sizes]
    return any(0 <= x <= 1 and 0 <= y <= 1 for x, y in cut)


def _numbers(data: bytes, count: int) -> tuple[int, ...]:
    return struct.unpack_from(f">{count}I", data.ljust(4 * count, b"\0"))


def item_types(meta: bytes) -> list[bytes]:
    """Return the four letters of each item that the body of a meta box lists."""
    return [kind for _, kind in _items(meta)]


def _items(meta: bytes) -> list[tuple[int, bytes]]:
    """Return each item's number and its four letters."""
    infos = [body for name, body in boxes(meta[4:]) if name == b"iinf"]
    return [
        _item(entry)
        for body in infos
        for name, entry in boxes(body[6 if body[:1] == b"\0" else 8 :])
        if name == b"infe"
    ]


def _item(entry: bytes) -> tuple[int, bytes]:
    """An item's letters come behind a longer number in version 3, and not at all before version 2."""
    start = {2: 8, 3: 10}.get(entry[0] if entry else 0)
    if start is None:
        return 0, b"old"
    return int.from_bytes(entry[4 : start - 2]), entry[start : start + 4]


def word(name: bytes) -> str:
    """Return a box's name for people."""
    return name.decode("latin-1").strip()
