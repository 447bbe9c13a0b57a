from dataclasses import replace
from typing import Any

import pytest

from services.compressor.films.movie import check_carried, check_result
from services.compressor.films.mp4 import Movie, Track
from services.compressor.verdict import Keep


def entry(name: bytes, body: bytes) -> bytes:
    return bytes(86) + (8 + len(body)).to_bytes(4) + name + body


PLAIN = entry(b"avcC", b"\x01\x64")
PICTURE = Track(b"vide", b"avc1", 640, 360, bytes(36), 30, 1.0, 600, PLAIN)
SOUND = replace(PICTURE, handler=b"soun", codec=b"mp4a")
FILM = Movie(
    b"qt  ",
    3_666_143_167,
    (PICTURE, SOUND),
    {"com.apple.quicktime.make": b"Apple"},
    frozenset({b"\xa9xyz"}),
    600,
)


SDR = entry(b"colr", b"nclx\0\1\0\1\0\1\0")
DEEP = SDR + entry(b"hvcC", bytes(16) + b"\1\xfa\xfa")[86:]


def high(form: bytes) -> bytes:
    """An avcC of the profile High 10 with x264's parameter sets, and the form of its samples behind them."""
    sequence = "676e000aa6cb41423f2e0220000003002000000303c1e244d4"
    return bytes.fromhex(f"016e000affe10019{sequence}01000568ce01af20") + form


def with_picture(**changes: Any) -> Movie:
    return replace(FILM, tracks=(replace(PICTURE, **changes), SOUND))


def hdr(colours: bytes, form: bytes = b"\1\xfa\xfa") -> Movie:
    """HEVC of these colours and of this form of samples, 4:2:0 and 10 bits."""
    boxes = entry(b"colr", b"nclx" + colours) + entry(b"hvcC", bytes(16) + form)[86:]
    return with_picture(codec=b"hvc1", entry=boxes)


def test_the_same_film_passes() -> None:
    check_result(FILM, FILM, 30)
    check_result(FILM, with_picture(seconds=1.03), 30)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (with_picture(samples=29), "frames"),
        (with_picture(width=1280), "size"),
        (with_picture(matrix=b"\1" * 36), "rotation"),
        (with_picture(seconds=1.05), "lasts"),
        (replace(FILM, tracks=(PICTURE,)), "lost a track"),
        (replace(FILM, brand=b"isom"), "another kind of MP4"),
        (replace(FILM, created=0), "creation time"),
        (replace(FILM, keys={}), "quicktime.make"),
        (replace(FILM, keys={"com.apple.quicktime.make": b"?"}), "quicktime.make"),
        (replace(FILM, user_data=frozenset()), "user data"),
    ],
)
def test_a_film_that_lost_something_is_not_kept(changed: Movie, reason: str) -> None:
    with pytest.raises(Keep, match=reason):
        check_result(FILM, changed, 30)


def test_other_colour_tags_are_not_kept() -> None:
    film = with_picture(entry=entry(b"colr", b"nclx\0\x0c\0\1\0\1\0"))
    check_result(film, film, 30)
    for changed in (
        FILM,
        with_picture(entry=entry(b"colr", b"nclx\0\1\0\1\0\1\0")),
        with_picture(entry=entry(b"colr", b"nclx\0\x0c\0\1\0\1\x80")),
    ):
        with pytest.raises(Keep, match="colour"):
            check_result(film, changed, 30)


def test_other_proportions_are_not_kept() -> None:
    wide = with_picture(
        entry=FILM.tracks[0].entry.ljust(86, b"\0") + entry(b"pasp", b"\0\0\0\4\0\0\0\3")[86:]
    )
    square = with_picture(
        entry=FILM.tracks[0].entry.ljust(86, b"\0") + entry(b"pasp", b"\0\0\0\2\0\0\0\2")[86:]
    )
    check_result(wide, wide, 30)
    check_result(FILM, square, 30)
    with pytest.raises(Keep, match="proportions"):
        check_result(wide, square, 30)


def test_fields_of_which_only_the_rendition_tells_are_not_kept() -> None:
    fields = with_picture(entry=PLAIN + entry(b"fiel", b"\2\1")[86:])
    with pytest.raises(Keep, match="interlaced"):
        check_result(FILM, fields, 30)


def test_frames_that_cannot_be_decoded_do_not_count() -> None:
    with pytest.raises(Keep, match="29 of 30 frames"):
        check_result(FILM, FILM, 29)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (replace(FILM, tracks=(*FILM.tracks, replace(SOUND, handler=b"hint"))), "other tracks"),
        (replace(FILM, tracks=(*FILM.tracks, PICTURE)), "several video streams"),
        (with_picture(samples=0), "fragments"),
        (with_picture(entry=entry(b"dvvC", bytes(24))), "Dolby"),
        (with_picture(entry=entry(b"vexu", bytes(24))), "second eye"),
        (with_picture(entry=entry(b"fiel", b"\2\1")), "interlaced"),
        (with_picture(entry=entry(b"colr", b"nclx\0\x09\0\x10\0\x09")), "HDR, and not of HEVC"),
        (hdr(b"\0\x09\0\x10\0\x09\x80"), "another form than HDR10"),
        (hdr(b"\0\x0c\0\x10\0\x09\0"), "another form than HDR10"),
        (hdr(b"\0\x09\0\x12\0\x09\0", b"\1\xf8\xf8"), "another form than HDR10"),
        (hdr(b"\0\x09\0\x12\0\x09\0", b"\2\xfa\xfa"), "another form than HDR10"),
        (with_picture(entry=entry(b"hvcC", bytes(17) + b"\xfa\xfa")), "8 bits"),
        (with_picture(entry=entry(b"hvcC", bytes(17) + b"\xfc\xfc")), "10 bits"),
        (with_picture(entry=SDR + entry(b"hvcC", bytes(16) + b"\2\xfa\xfa")[86:]), "finer colours"),
        (with_picture(entry=entry(b"avcC", b"\x01\x6e")), "how many bits"),
        (with_picture(entry=entry(b"avcC", high(b"\1\2\2"))), "8 bits"),
        (with_picture(entry=b""), "how many bits"),
        (with_picture(entry=PLAIN + entry(b"colr", b"prof" + bytes(400))[86:]), "colour profile"),
        (with_picture(entry=SDR + entry(b"colr", b"rICC" + bytes(400))[86:]), "colour profile"),
    ],
)
def test_a_film_that_would_lose_something_is_left(changed: Movie, reason: str) -> None:
    with pytest.raises(Keep, match=reason):
        check_carried(changed)


def test_plain_films_are_encoded() -> None:
    check_carried(FILM)
    check_carried(with_picture(entry=entry(b"avcC", b"\x01\x64")))
    check_carried(with_picture(entry=entry(b"hvcC", bytes(17) + b"\xf8\xf8")))
    check_carried(with_picture(entry=DEEP))
    check_carried(with_picture(entry=SDR + entry(b"avcC", high(b"\1\2\2"))[86:]))


def test_hdr_of_hevc_is_encoded_and_keeps_its_light_levels() -> None:
    for transfer in (b"\x10", b"\x12"):
        check_carried(hdr(b"\0\x09\0" + transfer + b"\0\x09\0"))
    film = with_picture(entry=PLAIN + entry(b"clli", b"\3\xe8\1\x90")[86:])
    check_result(film, film, 30)
    for changed in (FILM, with_picture(entry=PLAIN + entry(b"clli", bytes(4))[86:])):
        with pytest.raises(Keep, match="light levels"):
            check_result(film, changed, 30)


def test_fewer_bits_never_count() -> None:
    deep = with_picture(entry=DEEP)
    check_result(deep, deep, 30)
    with pytest.raises(Keep, match="bits"):
        check_result(deep, with_picture(entry=SDR + PLAIN[86:]), 30)
