"""What ffmpeg drops comes over byte for byte, or the film is left."""

import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from services.compressor.encode import Job, compress
from services.compressor.films import carry as film_carry, mp4_edit
from services.compressor.films.account import check_account, obstacle
from services.compressor.films.ffmpeg_program import program
from services.compressor.films.mp4 import NotMp4, read_movie
from services.compressor.films.parts import read_parts
from services.compressor.verdict import Compressed, Keep, Left
from tests.fuzz import film_boxes
from tests.unit.compressor import phone_films, samples

Make = Callable[..., Job]


def timed_packets(path: Path) -> list[str]:
    """Time, length and hash of each timed sample, as ffmpeg reads them."""
    done = subprocess.run(
        [program(), "-v", "error", "-i", str(path), "-map", "0:d", "-c", "copy", "-copy_unknown",
         "-f", "framehash", "-"],
        check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    return [line for line in done.stdout.splitlines() if not line.startswith("#")]


async def test_apples_keys_and_timed_metadata_come_over(tmp_path: Path, job: Make) -> None:
    source = phone_films.phone_film(tmp_path / "a.mov")
    before = source.read_bytes()
    assert obstacle(source) is None
    answer = await compress(job(source))
    assert isinstance(answer, Compressed), answer
    assert source.read_bytes() == before
    old, new = read_movie(source), read_movie(answer.path)
    assert [track.handler for track in new.tracks] == [b"vide", b"soun", b"meta"]
    assert new.keys == old.keys
    assert new.keys["com.apple.quicktime.make"].endswith(b"Apple")
    made = answer.path.read_bytes()
    for kept in (phone_films.LENS, phone_films.XMP, b"".join(phone_films.TIMED)):
        assert made.count(kept) == 1
    assert made.index(b"moov") < made.index(b"mdat")
    packets = timed_packets(answer.path)
    assert len(packets) >= 3
    assert packets == timed_packets(source)


@pytest.mark.parametrize(
    ("further", "track", "reason"),
    [
        ((phone_films.box(b"what", b"?"),), {}, r"parts that would be lost \(what\)"),
        ((phone_films.box(b"meta", b"iloc"),), {}, "places in the file"),
        ((), {"dref": 0}, "in another file"),
        ((), {"points_at": 9}, "refers to one that is not there"),
    ],
)
async def test_what_cannot_be_carried_over_leaves_the_film(
    tmp_path: Path, job: Make, further: tuple[bytes, ...], track: dict[str, int], reason: str
) -> None:
    source = phone_films.phone_film(tmp_path / "a.mov", *further, **track)
    answer = await compress(job(source))
    assert isinstance(answer, Left)
    assert answer.readable is True
    assert re.search(reason, answer.reason)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (phone_films.LENS, phone_films.LENS.swapcase(), "tracks' tags"),
        (b"ABC-123", b"ABC-124", "tags"),
        (b"x" * 300, b"x" * 299 + b"y", "timed samples"),
        (b"keyd", b"keye", "timed metadata"),
        (b"cdsc\0\0\0\1", b"cdsc\0\0\0\2", "links between tracks"),
        (phone_films.XMP, phone_films.XMP.upper(), "further boxes"),
    ],
)
def test_a_rendition_that_lost_something_never_counts(
    tmp_path: Path, old: bytes, new: bytes, reason: str
) -> None:
    source, other = phone_films.phone_film(tmp_path / "a.mov"), tmp_path / "b.mov"
    check_account(source, source)
    data = source.read_bytes()
    assert data.count(old) == 1
    other.write_bytes(data.replace(old, new))
    with pytest.raises(Keep, match=f"lost its {reason}$"):
        check_account(source, other)


trees = st.recursive(
    st.binary(max_size=30),
    lambda inner: st.lists(st.tuples(st.binary(min_size=4, max_size=4), inner), max_size=4).map(
        mp4_edit.joined
    ),
    max_leaves=8,
)


@given(st.lists(st.tuples(st.binary(min_size=4, max_size=4), trees), max_size=5))
def test_boxes_come_together_as_they_were(boxes: list[tuple[bytes, bytes]]) -> None:
    assert mp4_edit.split(mp4_edit.joined(boxes)) == boxes


@given(
    st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=4), min_size=1, max_size=6),
    st.integers(0, 1 << 33),
)
def test_chunks_are_found_where_they_are_put(layout: list[list[int]], begin: int) -> None:
    begins = [begin + 1000 * n for n in range(len(layout))]
    sizes = [size for chunk in layout for size in chunk]
    runs = b"".join(struct.pack(">III", n, len(chunk), 1) for n, chunk in enumerate(layout, 1))
    table = phone_films.box(
        b"stbl",
        phone_films.full(b"stsc", len(layout).to_bytes(4), runs),
        phone_films.full(b"stsz", struct.pack(f">II{len(sizes)}I", 0, len(sizes), *sizes)),
        phone_films.full(b"stco", struct.pack(f">I{len(layout)}I", len(layout), *range(len(layout)))),
    )  # fmt: skip
    trak = phone_films.box(b"mdia", phone_films.box(b"minf", table))
    moved = mp4_edit.with_begins(trak, begins)
    assert mp4_edit.chunks(moved) == [
        (at, sum(chunk)) for at, chunk in zip(begins, layout, strict=True)
    ]


ORIGINAL, RENDITION = (phone_films.small_film(original=one) for one in (True, False))


def test_a_small_film_is_carried_over(tmp_path: Path) -> None:
    source, rendition = tmp_path / "a.mov", tmp_path / "b.mov"
    source.write_bytes(ORIGINAL)
    rendition.write_bytes(RENDITION)
    with pytest.raises(Keep, match="lost its tags, tracks' tags, links"):
        check_account(source, rendition)
    film_carry.carry_over(source, rendition)
    check_account(source, rendition)
    with rendition.open("rb") as file:
        (picture,) = read_parts(file).shown
        ((begin, length),) = mp4_edit.chunks(picture)
        file.seek(begin)
        assert file.read(length) == ORIGINAL[24:32]


def headed(film: bytes, change: Callable[[bytes, bytes], bytes]) -> bytes:
    """Change the bodies of mvhd, tkhd and mdhd, wherever they are, by name and body."""

    def inner(name: bytes, body: bytes) -> bytes:
        if name in {b"moov", b"trak", b"mdia"}:
            return mp4_edit.joined((each, inner(each, old)) for each, old in mp4_edit.split(body))
        return change(name, body) if name in {b"mvhd", b"tkhd", b"mdhd"} else body

    return mp4_edit.joined((name, inner(name, body)) for name, body in mp4_edit.split(film))


def dated(name: bytes, body: bytes) -> bytes:
    """Its own times in each header, which ffmpeg takes from the film alone; a speed, volume and poster that the film prefers."""
    moments = {b"mvhd": (11, 12), b"tkhd": (21, 22), b"mdhd": (31, 32)}[name]
    body = body[:4] + struct.pack(">II", *moments) + body[12:]
    if name == b"mvhd":
        body = body[:20] + b"\0\2\0\0" + b"\0\x80" + body[26:80] + b"post" + body[84:]
    return body


def with_long_times(name: bytes, body: bytes) -> bytes:
    """The same headers with 64 bits for each time and length."""
    before = 20 if name == b"tkhd" else 16  # where the length stands
    times = struct.pack(">QQ", *struct.unpack_from(">II", body, 4))
    lasts = int.from_bytes(body[before : before + 4]).to_bytes(8)
    return b"\1" + body[1:4] + times + body[12:before] + lasts + body[before + 4 :]


def headers(film: bytes) -> list[bytes]:
    """What is said of times, and of the film's speed, volume and posters, as it stands there; of the shown track alone."""
    moov = dict(mp4_edit.split(film))[b"moov"]
    mvhd = mp4_edit.inside(moov, b"mvhd") or b""
    picture = [mp4_edit.inside(moov, b"trak", *path) for path in ((b"tkhd",), (b"mdia", b"mdhd"))]
    return [mvhd[4:12], mvhd[20:96], *((one or b"")[4:12] for one in picture)]


@pytest.mark.parametrize("long", [False, True])
def test_each_headers_own_times_and_what_the_film_prefers_come_over(
    tmp_path: Path, long: bool
) -> None:
    film = headed(ORIGINAL, dated)
    source, rendition = tmp_path / "a.mov", tmp_path / "b.mov"
    source.write_bytes(headed(film, with_long_times) if long else film)
    rendition.write_bytes(RENDITION)
    with pytest.raises(Keep, match=r"tracks' headers.*film's header"):
        check_account(source, rendition)
    film_carry.carry_over(source, rendition)
    check_account(source, rendition)
    assert headers(rendition.read_bytes()) == headers(film)


def test_a_time_that_ffmpegs_headers_do_not_hold_leaves_the_film(tmp_path: Path) -> None:
    def late(name: bytes, body: bytes) -> bytes:
        made = (1 << 33 if name == b"mdhd" else 5).to_bytes(8)
        return body[:4] + made + body[12:]

    source = tmp_path / "a.mov"
    source.write_bytes(headed(headed(ORIGINAL, with_long_times), late))
    assert "later than its header can say" in (obstacle(source) or "")


@given(st.integers(0, len(ORIGINAL) - 1), st.binary(min_size=1, max_size=4))
def test_a_mangled_film_is_carried_over_whole_or_left(at: int, odd: bytes) -> None:
    film_boxes.one(ORIGINAL[:at] + odd + ORIGINAL[at + len(odd) :])


def test_bytes_behind_the_last_box_are_an_obstacle(tmp_path: Path) -> None:
    source = phone_films.phone_film(tmp_path / "a.mov")
    source.write_bytes(source.read_bytes() + b"abc")
    assert "bytes of no box" in (obstacle(source) or "")


def test_a_box_that_does_not_fit_is_refused() -> None:
    for data in (b"\0\0\0\x09free", b"\0\0\0\x01free", b"\0\0\0\x07free", b"abc"):
        with pytest.raises(NotMp4):
            mp4_edit.split(data)


def altered(path: Path, kind: bytes, change: Callable[[bytes], bytes]) -> Path:
    """Change the bodies of the tracks of one kind in a film whose moov box lies behind its data."""
    parts = [
        (name, mp4_edit.joined(
            (inner, change(body) if inner == b"trak" and mp4_edit.handler(body) == kind else body)
            for inner, body in mp4_edit.split(old)
        ) if name == b"moov" else old)
        for name, old in mp4_edit.split(path.read_bytes())
    ]  # fmt: skip
    path.write_bytes(mp4_edit.joined(parts))
    return path


def faster(trak: bytes) -> bytes:
    return mp4_edit.changed(trak, (b"edts", b"elst"), lambda elst: elst[:-4] + b"\0\2\0\0")


def with_part(name: bytes) -> Callable[[bytes], bytes]:
    def change(stsd: bytes) -> bytes:
        (codec, entry), *more = mp4_edit.split(stsd[8:])
        longer = (codec, entry + phone_films.box(name, b"?"))
        return stsd[:8] + mp4_edit.joined([longer, *more])

    return lambda trak: mp4_edit.changed(trak, (b"mdia", b"minf", b"stbl", b"stsd"), change)


def with_more(*path: bytes) -> Callable[[bytes], bytes]:
    more = phone_films.box(b"what", b"?")
    return lambda trak: mp4_edit.changed(trak, path, lambda old: old + more)


def with_entries(number: int, file: int) -> Callable[[bytes], bytes]:
    """Describe the sound so many times, as lying in the file of this number."""

    def change(stsd: bytes) -> bytes:
        ((codec, entry),) = mp4_edit.split(stsd[8:])
        one = (codec, entry[:6] + file.to_bytes(2) + entry[8:])
        return stsd[:4] + number.to_bytes(4) + mp4_edit.joined([one] * number)

    return lambda trak: mp4_edit.changed(trak, (*mp4_edit.TABLE, b"stsd"), change)


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        (b"vide", faster, "another speed"),
        (b"vide", with_part(b"sv3d"), "its sv3d box would be lost"),
        (b"vide", with_more(b"mdia"), r"parts that would be lost \(what\)"),
        (b"soun", with_more(b"mdia", b"minf"), r"parts that would be lost \(what\)"),
        (b"vide", with_more(*mp4_edit.TABLE), r"parts that would be lost \(what\)"),
        (b"soun", with_entries(2, 1), "its sound changes its form"),
        (b"soun", with_entries(1, 2), "its sound is in another file"),
    ],
)
def test_what_ffmpeg_loses_of_how_a_track_is_shown_is_an_obstacle(
    tmp_path: Path, kind: bytes, change: Callable[[bytes], bytes], reason: str
) -> None:
    source = phone_films.phone_film(tmp_path / "a.mov")
    assert obstacle(altered(source, kind, lambda trak: trak)) is None
    assert re.search(reason, obstacle(altered(source, kind, change)) or "")


C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


@pytest.mark.parametrize("inside", [False, True])
def test_a_signed_film_is_left(tmp_path: Path, inside: bool) -> None:
    box = phone_films.box(b"uuid", C2PA, b"\0\0\0\0manifest\0", bytes(200))
    source = phone_films.phone_film(tmp_path / "a.mov", *[box] * inside)
    if not inside:
        source.write_bytes(source.read_bytes() + box)
    assert "signature" in (obstacle(source) or "")


APERTURES = phone_films.box(
    b"tapt",
    phone_films.full(b"clef", struct.pack(">II", 158 << 16, 120 << 16)),
    phone_films.full(b"enof", struct.pack(">II", 160 << 16, 120 << 16)),
)


def of_apple(trak: bytes) -> bytes:
    """What an iPhone says of a track besides its samples: apertures, its handler, and how it is mixed in."""
    names = mp4_edit.changed(trak, (b"mdia", b"hdlr"), lambda old: old[:12] + b"appl" + old[16:24] + b"\x10Core Media Thing")  # fmt: skip
    if mp4_edit.handler(trak) == b"soun":
        described = with_part(b"priv")(names)
        return mp4_edit.changed(described, (b"mdia", b"minf", b"smhd"), lambda _: bytes(4) + b"\x12\x34\0\0")  # fmt: skip
    return mp4_edit.changed(names, (b"mdia", b"minf", b"vmhd"), lambda _: b"\0\0\0\1\0\x40" + b"\x80\0" * 3) + APERTURES  # fmt: skip


async def test_what_a_track_says_of_itself_comes_over(tmp_path: Path, job: Make) -> None:
    source = phone_films.phone_film(tmp_path / "a.mov")
    for kind in (b"vide", b"soun"):
        altered(source, kind, of_apple)
    answer = await compress(job(source))
    assert isinstance(answer, Compressed), answer
    made = answer.path.read_bytes()
    for kept in (
        APERTURES,
        b"Core Media Thing",
        b"\0\x40" + b"\x80\0" * 3,
        b"\x12\x34\0\0",
        b"priv?",
    ):
        assert made.count(kept) == source.read_bytes().count(kept) > 0


@pytest.mark.parametrize("brand", [b"3gp5", b"M4V ", b"mp42"])
async def test_the_kind_of_mp4_stays(tmp_path: Path, job: Make, brand: bytes) -> None:
    source = samples.video(tmp_path / "a.mp4")
    source.write_bytes(source.read_bytes().replace(b"ftypisom", b"ftyp" + brand))
    answer = await compress(job(source))
    assert isinstance(answer, Compressed), answer
    assert answer.path.read_bytes()[4:12] == b"ftyp" + brand


def test_data_in_what_is_called_free_is_an_obstacle(tmp_path: Path) -> None:
    source = phone_films.phone_film(tmp_path / "a.mov")
    whole = source.read_bytes()
    source.write_bytes(whole + phone_films.box(b"free", bytes(20)))
    assert obstacle(source) is None
    source.write_bytes(whole + phone_films.box(b"free", b"places of a dashcam"))
    assert "free space" in (obstacle(source) or "")


async def test_a_muted_track_stays_muted(tmp_path: Path, job: Make) -> None:
    def mute(trak: bytes) -> bytes:
        def silent(tkhd: bytes) -> bytes:
            return tkhd[:3] + b"\x0e" + tkhd[4:-48] + b"\0\0" + tkhd[-46:]

        return mp4_edit.changed(trak, (b"tkhd",), silent)

    source = altered(phone_films.phone_film(tmp_path / "a.mov"), b"soun", mute)
    answer = await compress(job(source))
    assert isinstance(answer, Compressed), answer
    with source.open("rb") as old, answer.path.open("rb") as new:
        before, after = read_parts(old), read_parts(new)
    headers = [[mp4_edit.header_of(trak) for trak in one.shown] for one in (before, after)]
    assert headers[0] == headers[1]
    assert headers[0][1][0][2] == 0x0E
