"""Puts a newly coded picture in the place of an AVIF's own, byte for byte the rest; pure, it decodes no pixel.

AV1 Image File Format 1.1; ISO/IEC 14496-12, 8.11.3 (iloc); ISO/IEC 23008-12. What changes: the picture's bytes and their level (in av1C), its
length, and the places of what lies behind it. All other boxes and items (EXIF, XMP, profiles, the way up) stay as they are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final

from services.compressor.films.mp4 import NotMp4
from services.compressor.films.mp4_edit import bounds
from services.compressor.stills import obus
from services.compressor.stills.heic_items import item_types, word
from services.compressor.stills.iloc import Extent, extents
from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE: Final = frozenset({b"ftyp", b"meta", b"mdat", b"free"})
_META: Final = frozenset({b"hdlr", b"pitm", b"iloc", b"iinf", b"iref", b"iprp", b"idat", b"free"})
_BESIDE: Final = frozenset({b"Exif", b"mime"})
_DESCRIBED: Final = frozenset({b"av1C", b"ispe", b"pixi", b"colr", b"irot", b"imir", b"pasp"})
_CONFIG = 4  # bytes of av1C without parameters of its own
_DEEP, _GREY = 0x60, 0x10  # of its third byte
_CHROMA: Final = {0x0C: "4:2:0", 0x08: "4:2:2", 0x00: "4:4:4"}
_SAMPLED = 3  # of its third byte, too: where 4:2:0's colours lie between its pixels
_LEVEL = 0x1F  # of its second byte: what a decoder must be able to do
_UNSAID = bytes((0, 2, 0, 2))
_MOST_BOXES, _MOST_EXTENTS = 64, 1000  # writers come to ten; each extent is sought in each box


@dataclass(frozen=True, slots=True)
class Box:
    """A box's name, and where it, its body and the next box begin."""

    name: bytes
    begin: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Avif:
    """An AVIF of one picture: its bytes, the picture's place, that of its av1C box, its colours, and all extents."""

    data: bytes
    picture: Extent
    config: Box
    colours: bytes
    extents: tuple[Extent, ...]
    holder: Box
    """The box of data that the picture lies in."""

    @property
    def coded(self) -> bytes:
        """The picture's bytes."""
        return self.data[self.picture.begin : self.picture.end]

    @property
    def form(self) -> bytes:
        """How it is coded: version, profile and level, bits and colours."""
        return self.data[self.config.body : self.config.end]

    @property
    def chroma(self) -> str:
        """How fine its colours are, as Pillow calls it."""
        return _CHROMA[self.form[2] & 0x0C]

    @property
    def is_limited(self) -> bool:
        """Tell whether its numbers leave room below black and above white."""
        return not self.colours[-1] & 0x80

    @property
    def says_primaries(self) -> bool:
        """Tell whether its primaries and transfer are named (by nclx), not left to a profile."""
        return self.colours[:4] != _UNSAID


def take_apart(data: bytes) -> Avif:
    """Take apart an AVIF that was decoded already; raises Keep for one of which something would be lost or become wrong."""
    try:
        return _taken_apart(data)
    except (NotMp4, IndexError) as error:
        raise Keep("its boxes could not be taken apart") from error


def _taken_apart(data: bytes) -> Avif:
    top = _known(data, 0, len(data), _FILE)
    meta = _only(top, b"meta")
    inside = _known(data, meta.body + 4, meta.end, _META)
    _check_items(data[meta.body : meta.end])
    config, colours = _properties(data, _only(inside, b"iprp"))
    pitm, iloc = _only(inside, b"pitm"), _only(inside, b"iloc")
    number = int.from_bytes(data[pitm.body + 4 : pitm.end])
    places = _places(data, iloc)
    picture = _picture(places, number)
    holders = {one: _holder(top, one) for one in places if one.in_file}
    made = Avif(data, picture, config, colours, places, holders[picture])
    obus.check(made.coded)
    return made


def _known(data: bytes, begin: int, end: int, names: frozenset[bytes]) -> list[Box]:
    found = list(_boxes(data, begin, end))
    if odd := sorted({one.name for one in found} - names):
        raise Keep(f"nobody here knows what its {word(odd[0])} box is to its picture")
    return found


def _boxes(data: bytes, begin: int, end: int) -> Iterator[Box]:
    for _ in range(_MOST_BOXES):
        if begin >= end:
            return
        name, body, following = bounds(data[begin : min(begin + 16, end)], begin, end)
        yield Box(name, begin, body, following)
        begin = following
    if begin < end:
        raise Keep(f"it has more than {_MOST_BOXES} boxes in a row")


def _only(found: list[Box], name: bytes) -> Box:
    named = [one for one in found if one.name == name]
    if len(named) != 1:
        raise NotMp4(f"it has not one {word(name)} box")
    return named[0]


def _check_items(meta: bytes) -> None:
    items = Counter(item_types(meta))
    if odd := sorted(items.keys() - _BESIDE - {b"av01"}):
        raise Keep(f"its {word(odd[0])} item belongs to another picture than a rendition's")
    if items[b"av01"] != 1:
        raise Keep(f"it holds {items[b'av01']} pictures: transparency, depth, or a map of light")


def _properties(data: bytes, iprp: Box) -> tuple[Box, bytes]:
    """Return the place of av1C, and what nclx says of the colours; raises Keep."""
    listed = _only(list(_boxes(data, iprp.body, iprp.end)), b"ipco")
    found = list(_boxes(data, listed.body, listed.end))
    if odd := sorted({one.name for one in found} - _DESCRIBED):
        raise Keep(f"its {word(odd[0])} property would be lost")
    config = _only(found, b"av1C")
    form = data[config.body : config.end]
    if len(form) != _CONFIG:
        raise Keep("it is coded in a form that a rendition has not")
    if form[2] & _DEEP:
        raise Keep("it has more than 8 bits a sample")
    if form[2] & _GREY or form[2] & 0x0C not in _CHROMA:
        raise Keep("it is grey")
    if form[2] & _SAMPLED:
        raise Keep("it says where its colours lie between its pixels, which a rendition would not")
    colours = [data[one.body : one.end] for one in found if one.name == b"colr"]
    named = [one[4:] for one in colours if one[:4] == b"nclx" and len(one) == 11]
    if len(named) != 1:
        raise Keep("it does not say how its colours are stored")
    return config, named[0]


def _holder(top: list[Box], stored: Extent) -> Box:
    """Return the box of data that an item lies in."""
    for one in top:
        if one.name == b"mdat" and one.body <= stored.begin <= stored.end <= one.end:
            return one
    raise Keep("one of its items is not where it says")


def _places(data: bytes, iloc: Box) -> tuple[Extent, ...]:
    """Return where all items lie; raises Keep where two lie on each other, as then neither can be moved or compared alone."""
    found = tuple(islice(extents(data, iloc.body, iloc.end), _MOST_EXTENTS + 1))
    if len(found) > _MOST_EXTENTS:
        raise Keep(f"its items are stored in more than {_MOST_EXTENTS:,} parts")
    spans = sorted((one.begin, one.end) for one in found if one.in_file)
    if any(following < end for (_, end), (following, _) in pairwise(spans)):
        raise Keep("two of its items lie on each other")
    return found


def _picture(places: tuple[Extent, ...], number: int) -> Extent:
    found = [one for one in places if one.item == number]
    if len(found) != 1:
        raise Keep("its picture is stored in parts")
    if found[0].begin >= found[0].end:
        raise Keep("its picture does not lie in a box of data")
    return found[0]


def with_picture(source: Avif, encoded: bytes) -> bytes:
    """Return `source` with the picture of another AVIF; raises Keep unless it is coded in the same form."""
    made = take_apart(encoded)
    if _lasting(made.form) != _lasting(source.form) or made.colours != source.colours:
        raise Keep("the rendition came out in another form or other colours")
    payload = made.coded
    longer = len(payload) - (source.picture.end - source.picture.begin)
    data = bytearray(source.data)
    data[source.config.body : source.config.end] = made.form
    for one in source.extents:
        if one is source.picture:
            _add(data, one.length_at, longer)
        elif one.in_file and one.begin >= source.picture.end:
            _add(data, one.offset_at, longer)
    _add(data, _size_at(source), longer)
    data[source.picture.begin : source.picture.end] = payload
    return bytes(data)


def _lasting(form: bytes) -> bytes:
    """Return what may not change of how it is coded: all but the level, which follows from a picture's size and bytes."""
    return bytes((form[0], form[1] & ~_LEVEL, *form[2:]))


def _size_at(source: Avif) -> range:
    """Return where the length stands of the box that holds the picture; nowhere, where it goes on to the file's end."""
    begin = source.holder.begin
    size = int.from_bytes(source.data[begin : begin + 4])
    if size == 1:
        return range(begin + 8, begin + 16)
    return range(begin, begin + 4) if size else range(begin, begin)


def _add(data: bytearray, at: range, more: int) -> None:
    if not at:
        return
    value = int.from_bytes(data[at.start : at.stop]) + more
    if value < 0:  # only where a base offset is added to it
        raise Keep("an item behind its picture is counted from a place behind its picture, too")
    if value >= 1 << 8 * len(at):
        raise Keep("its numbers are too short for a longer picture")
    data[at.start : at.stop] = value.to_bytes(len(at))


def account(source: bytes, made: bytes) -> str:
    """Compare everything but the picture, numbers that lead to it apart; return what was kept, raise Keep for a difference."""
    old, new = take_apart(source), take_apart(made)
    if _blanked(old) != _blanked(new):
        raise Keep("the rendition's boxes differ")
    if _beside(old) != _beside(new):
        raise Keep("the rendition's metadata differs")
    return f"{len(old.extents) - 1} items the same, and every box but for lengths, places and the AV1 level"


def _blanked(source: Avif) -> bytes:
    """Return the file without its picture and its level, and zeros where a number leads to it or behind it."""
    data = bytearray(source.data)
    moving = [one.offset_at for one in source.extents if one.in_file and one is not source.picture]
    for at in (*moving, source.picture.length_at, _size_at(source)):
        data[at.start : at.stop] = bytes(len(at))
    data[source.config.body : source.config.end] = _lasting(source.form)
    del data[source.picture.begin : source.picture.end]
    return bytes(data)


def _beside(source: Avif) -> list[tuple[int, bytes]]:
    return [
        (one.item, source.data[one.begin : one.end])
        for one in source.extents
        if one.in_file and one is not source.picture
    ]
