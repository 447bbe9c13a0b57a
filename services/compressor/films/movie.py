"""Says what a re-encoded video would lose, and whether a rendition is the same film; pure, it reads no file."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Final

from services.compressor.films.mp4 import SAMPLE_ENTRY, Movie, Track, boxes, entry_boxes
from services.compressor.films.pixels import HALVED, SamplesForm, samples_form
from services.compressor.films.scanning import may_be_interlaced
from services.compressor.verdict import Broken, Keep

_DOLBY = {b"dvcC", b"dvvC", b"dvwC"}
_STEREO = {b"vexu", b"lhvC", b"hfov"}
PQ: Final = 16
HLG: Final = 18
"""Transfers of HDR, ITU-T H.273."""
_HDR_COLOURS = {bytes((0, 9, 0, way, 0, 9)) for way in (PQ, HLG)}
"""BT.2020, as `colours` returns it."""
_HEVC = {b"hvc1", b"hev1"}
_SDR_TRANSFERS = {1, 4, 5, 6, 13, 14, 15}  # as it says there
_MOST_BITS = 10
TIMED: Final = frozenset({b"meta", b"tmcd", b"text", b"sbtl", b"subt"})
"""Tracks that are carried over as they are: metadata, time codes, chapters, subtitles."""
LIGHT: Final = frozenset({b"mdcv", b"clli"})
"""Boxes of a picture's sample entry that tell its light; ffmpeg writes them anew, and they are compared."""
_KNOWN = {b"vide", b"soun", *TIMED}


def picture(movie: Movie) -> Track:
    """Return the first video track; raises Broken when there is none."""
    for track in movie.tracks:
        if track.handler == b"vide":
            return track
    raise Broken("the video has no picture")


def check_carried(movie: Movie) -> None:
    """Raise Keep when a rendition of `movie` would lose something."""
    track = picture(movie)
    if sum(t.handler == b"vide" for t in movie.tracks) > 1:
        raise Keep("it has several video streams")
    if other := [t.handler for t in movie.tracks if t.handler not in _KNOWN]:
        names = ", ".join(sorted({name.decode("latin-1") for name in other}))
        raise Keep(f"it has other tracks that would be lost ({names})")
    if not track.samples:
        raise Keep("it is stored in fragments")
    if may_be_interlaced(track):
        raise Keep("it is interlaced, or may be")
    _check_colours(track)


def _check_colours(track: Track) -> None:
    inside = entry_boxes(track)
    if _DOLBY & inside.keys() or track.codec in {b"dvh1", b"dvhe"}:
        raise Keep("its Dolby Vision would be lost")
    if _is_interlaced(track):
        raise Keep("it is interlaced")
    if _STEREO & inside.keys():
        raise Keep("its second eye would be lost")
    if _profiles(track):
        raise Keep("its colour profile would be lost")
    form = samples_form(track)
    if transfer_of(track) in {PQ, HLG}:
        _check_hdr(track, form)
    else:
        _check_bits(form, transfer_of(track))


def _check_hdr(track: Track, form: SamplesForm | None) -> None:
    """Raise Keep for any HDR but what is known to come out the same: HDR10, and HLG of the same form."""
    if track.codec not in _HEVC:
        raise Keep("it is HDR, and not of HEVC")
    if (
        form != SamplesForm(HALVED, _MOST_BITS, _MOST_BITS)
        or colours(track) not in _HDR_COLOURS
        or is_full_range(track)
    ):
        raise Keep(
            "it is HDR of another form than HDR10 and HLG have: 10 bits, 4:2:0, BT.2020, limited range"
        )


def _check_bits(form: SamplesForm | None, transfer: int) -> None:
    """Raise Keep for what x265 and VMAF are not known to do well; ten bits count where they are said not to be HDR."""
    if form is None:
        raise Keep("it does not tell how many bits a sample has")
    if max(form.luma, form.chroma) > _MOST_BITS:
        raise Keep(f"it has more than {_MOST_BITS} bits a sample")
    if form.is_deep and transfer not in _SDR_TRANSFERS:
        raise Keep("it has more than 8 bits a sample and does not say that it is no HDR")
    if form.is_deep and form.colours != HALVED:
        raise Keep("it has more than 8 bits a sample and finer colours than 4:2:0")


def transfer_of(track: Track) -> int:
    """Return how light is coded by the container's account (ITU-T H.273), 0 when it does not say."""
    colr = entry_boxes(track).get(b"colr", b"")
    return int.from_bytes(colr[6:8]) if colr[:4] in {b"nclx", b"nclc"} else 0


def _profiles(track: Track) -> bool:
    """Tell whether its colours are told by more than the numbers that come over: by a profile (ICC), or twice."""
    told = [box[:4] for name, box in boxes(track.entry[SAMPLE_ENTRY:]) if name == b"colr"]
    return bool(told[1:] or set(told) - {b"nclx", b"nclc"})


def _is_interlaced(track: Track) -> bool:
    """Tell whether a frame is said to be two fields; of many files only ffmpeg's rendition says so."""
    return entry_boxes(track).get(b"fiel", b"\1")[:1] != b"\1"


def check_result(old: Movie, new: Movie, frames: int) -> None:
    """Raise Keep unless `new`, of which `frames` were decoded, is the same film as `old` with the same tags."""
    before, after = picture(old), picture(new)
    if not frames == before.samples == after.samples:
        raise Keep(f"the rendition shows {frames:,} of {before.samples:,} frames")
    if abs(before.seconds - after.seconds) > min(before.seconds / before.samples * 1.01, 0.1):
        raise Keep(f"the rendition lasts {after.seconds:.3f} s, not {before.seconds:.3f} s")
    if len(old.tracks) != len(new.tracks):
        raise Keep("the rendition lost a track")
    if old.brand != new.brand:
        raise Keep("the rendition came out as another kind of MP4")
    _check_picture(before, after)
    _check_tags(old, new)


def _check_picture(before: Track, after: Track) -> None:
    if (before.width, before.height, before.matrix) != (after.width, after.height, after.matrix):
        raise Keep("the rendition has another size or rotation")
    if _is_interlaced(after):
        raise Keep("it is interlaced")
    if _proportions(before) != _proportions(after):
        raise Keep("the rendition has other proportions")
    if (told := colours(before)) and told != colours(after):
        raise Keep("the rendition has other colour tags")
    if len({is_full_range(before), is_full_range(after)} - {None}) > 1:
        raise Keep("the rendition has another range of colours")
    if any(entry_boxes(after).get(name) != box for name, box in _light(before).items()):
        raise Keep("the rendition lost its light levels")
    if samples_form(before) != samples_form(after):
        raise Keep("the rendition has other bits or colours a sample")


def _proportions(track: Track) -> tuple[Fraction, bytes]:
    """Return how wide a pixel is shown, and the box that says which part of the picture is shown at all."""
    inside = entry_boxes(track)
    width, height = struct.unpack(">II", inside.get(b"pasp", b"")[:8].rjust(8, b"\0"))
    return Fraction(width or 1, height or 1), inside.get(b"clap", b"")


def is_full_range(track: Track) -> bool | None:
    """Tell whether black is 0 and white the greatest number, None where the container does not say."""
    colr = entry_boxes(track).get(b"colr", b"")
    return bool(colr[10] & 0x80) if colr[:4] == b"nclx" and len(colr) > 10 else None


def _light(track: Track) -> dict[bytes, bytes]:
    """Return the boxes that tell the mastering display and the light levels."""
    return {name: box for name, box in entry_boxes(track).items() if name in LIGHT}


def colours(track: Track) -> bytes:
    """Return the primaries, transfer and matrix as the container declares them."""
    colr = entry_boxes(track).get(b"colr", b"")
    return colr[4:10] if colr[:4] in {b"nclx", b"nclc"} else b""


def _check_tags(old: Movie, new: Movie) -> None:
    if old.created and old.created != new.created:
        raise Keep("the rendition lost its creation time")
    if lost := sorted(name for name in old.keys if new.keys.get(name) != old.keys[name]):
        raise Keep(f"the rendition lost its {', '.join(lost)}")
    if lost_data := sorted(old.user_data - new.user_data):
        raise Keep(f"the rendition lost its user data ({b', '.join(lost_data).decode('latin-1')})")
