"""HDR films keep what they say of their light, and are judged in the dark and in the bright."""

import math
import re
import struct
import subprocess
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from services.compressor.encode import Job, compress
from services.compressor.films import look as film_look
from services.compressor.films.ffmpeg_program import program
from services.compressor.films.gate import complete
from services.compressor.films.light import Light, check_light
from services.compressor.films.movie import HLG, PQ
from services.compressor.films.mp4 import read_movie
from services.compressor.films.packets import packets
from services.compressor.films.stream import Stream, read_stream
from services.compressor.films.units import Unit
from services.compressor.films.views import views, whites
from services.compressor.films.work import Work
from services.compressor.tiers.tier import Film, Tier
from services.compressor.verdict import Compressed, Keep, Left
from tests.fuzz import hdr_units
from tests.unit.compressor import hdr_films, samples
from tests.unit.compressor.hdr_films import LEVELS, MASTERING, message, small_hdr_film, unit
from tests.unit.compressor.phone_films import box

Make = Callable[..., Job]
TOLD = Light(PQ, MASTERING, LEVELS)


def played(path: Path) -> list[str]:
    """What ffmpeg tells of the light of each frame when it plays the file, and of the colours."""
    done = subprocess.run(
        [program(), "-i", f"file:{path}", "-vf", "showinfo", "-f", "null", "-"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.findall(r"(?:has_primaries|MaxCLL|color_range).*", done.stderr)
    return sorted({line.split(" n:")[0] for line in found})


@pytest.mark.parametrize("told", [hdr_films.HDR10, hdr_films.HLG, "transfer=smpte2084"])
async def test_an_hdr_film_is_made_smaller_and_keeps_what_it_says_of_its_light(
    tmp_path: Path, job: Make, told: str
) -> None:
    source = hdr_films.hdr_film(tmp_path / "a.mov", told)
    once = Tier("all", None, hevc=Film("x265", 18, floor=90, floor_p5=80, tries=1))
    answer = await compress(replace(job(source), tiers=(once,)))
    assert isinstance(answer, Compressed), answer
    assert played(answer.path) == played(source)
    assert (b" hdr10-opt" in answer.path.read_bytes()) is ("smpte2084" in told)
    assert ("MaxCLL=1000" in "".join(played(source))) is (told == hdr_films.HDR10)
    brightest = 2000 if told == hdr_films.HLG else 10_000
    assert answer.settings.endswith(f" exposures=25,200,1600,{brightest}")


async def test_metadata_of_each_scene_is_not_lost(tmp_path: Path, job: Make) -> None:
    source = hdr_films.hdr10_plus_film(tmp_path / "a.mp4")
    answer = await compress(job(source))
    assert isinstance(answer, Left)
    assert answer.reason == "its HDR10+ would be lost"


async def test_a_film_whose_container_contradicts_its_stream_is_left(
    tmp_path: Path, job: Make
) -> None:
    source = hdr_films.hdr_film(tmp_path / "a.mov", frames=4)
    data = source.read_bytes()
    at = data.index(b"nclc\0\x09\0\x10")
    source.write_bytes(data[: at + 7] + b"\x12" + data[at + 8 :])
    once = Tier("all", None, hevc=Film("x265", 18, floor=0, floor_p5=0, tries=1))
    answer = await compress(replace(job(source), tiers=(once,)))
    assert isinstance(answer, Left)
    assert "its stream and its container contradict each other" in answer.reason


def test_a_rendition_whose_stream_says_less_never_counts(tmp_path: Path) -> None:
    source = hdr_films.hdr_film(tmp_path / "a.mov", frames=2)
    made = hdr_films.hdr_film(tmp_path / "b.mov", "transfer=smpte2084", frames=2)
    movie = read_movie(source)
    work = Work(source, made, Film("x265", 20), movie, packets(source), read_stream(source, movie))
    with pytest.raises(Keep, match="lost what it says of its light"):
        complete(work, lambda _: None)


def test_a_full_range_that_only_the_stream_tells_leaves_the_film(tmp_path: Path) -> None:
    """Its views would show nothing of the darkest and the brightest codes."""
    source = hdr_films.hdr_film(tmp_path / "a.mov", "transfer=smpte2084:range=full", frames=2)
    with pytest.raises(Keep, match="HDR of full range"):
        read_stream(source, read_movie(source))


def light(tmp_path: Path, film: bytes) -> Light | None:
    path = tmp_path / "small.mov"
    path.write_bytes(film)
    return read_stream(path, read_movie(path)).light


PICTURE = unit(19)
SHOWN, LIGHT = message(137, MASTERING), message(144, LEVELS)


def test_light_is_read_wherever_it_stands(tmp_path: Path) -> None:
    boxes = box(b"mdcv", MASTERING) + box(b"clli", LEVELS)
    films: tuple[tuple[bytes, set[int | bytes]], ...] = (
        (small_hdr_film(SHOWN, LIGHT, PICTURE), {137, 144}),
        (small_hdr_film(PICTURE, before=(SHOWN, LIGHT)), {137, 144}),
        (small_hdr_film(PICTURE, boxes=boxes), {b"mdcv", b"clli"}),
        (small_hdr_film(SHOWN, LIGHT, PICTURE, boxes=boxes), {137, 144, b"mdcv", b"clli"}),
    )
    for film, places in films:
        assert light(tmp_path, film) == replace(TOLD, places=frozenset(places))


@pytest.mark.parametrize(
    ("film", "reason"),
    [
        (small_hdr_film(message(4, b"\xb5\x00\x3c\x00\x01\x04"), PICTURE), "HDR10\\+"),
        (small_hdr_film(PICTURE, before=(message(4, b"\xb5\x00\x3c\x00\x01\x04"),)), "HDR10\\+"),
        (small_hdr_film(message(4, b"\xb5\x00\x31GA94"), PICTURE), "SEI 4"),
        (small_hdr_film(message(148, bytes(8)), PICTURE), "SEI 148"),
        (small_hdr_film(message(147, b"\x12"), PICTURE), "SEI 147"),
        (small_hdr_film(PICTURE, unit(62)), "Dolby"),
        (small_hdr_film(PICTURE, unit(50)), "parts that would be lost"),
        (small_hdr_film(PICTURE, unit(1, layer=1)), "parts that would be lost"),
        (small_hdr_film(LIGHT, PICTURE, message(144, bytes(4))), "contradict"),
        (small_hdr_film(LIGHT, PICTURE, boxes=box(b"clli", bytes(4))), "contradict"),
        (small_hdr_film(message(144, bytes(5)), PICTURE), "another form"),
        (small_hdr_film(SHOWN[:-6], PICTURE), "cut off"),
        (small_hdr_film(PICTURE, filling=b"\0\0\0\xff"), "unit by unit"),
        (small_hdr_film(PICTURE, before=(b"\x4e",)), "cut off"),
        (small_hdr_film(PICTURE, later=unit(62)), "Dolby"),
        (small_hdr_film(PICTURE, LIGHT), "only after its first picture"),
    ],
)
def test_what_a_rendition_would_lose_leaves_the_film(
    tmp_path: Path, film: bytes, reason: str
) -> None:
    with pytest.raises(Keep, match=reason):
        light(tmp_path, film)


def test_what_only_the_encoder_said_to_the_decoder_is_of_no_matter(tmp_path: Path) -> None:
    film = small_hdr_film(message(5, b"x265" * 99), message(147, b"\x10"), unit(35, b""), PICTURE)
    assert light(tmp_path, film) == Light(PQ)


@pytest.mark.parametrize(
    "made",
    [
        small_hdr_film(SHOWN, PICTURE),
        small_hdr_film(SHOWN, message(144, bytes(4)), PICTURE),
        small_hdr_film(PICTURE, boxes=box(b"mdcv", MASTERING) + box(b"clli", LEVELS)),
    ],
)
def test_a_rendition_that_says_less_of_its_light_never_counts(tmp_path: Path, made: bytes) -> None:
    before = light(tmp_path, small_hdr_film(SHOWN, LIGHT, PICTURE))
    check_light(before, before)
    after = light(tmp_path, made)
    with pytest.raises(Keep, match="lost what it says of its light"):
        check_light(before, after)


@given(st.sampled_from(hdr_units.SEEDS), st.integers(0, 1200), st.binary(max_size=12))
def test_a_mangled_film_is_read_or_refused(film: bytes, at: int, odd: bytes) -> None:
    hdr_units.one(film[:at] + odd + film[at + len(odd) :])


@given(st.binary(max_size=80), st.binary(min_size=2, max_size=40))
def test_any_messages_are_read_or_refused(filling: bytes, before: bytes) -> None:
    hdr_units.one(small_hdr_film(PICTURE, filling=filling, before=(b"\x4e\x01" + before,)))


@pytest.mark.parametrize(
    ("filling", "reason"),
    [
        ((65_537).to_bytes(4) + b"\x4e\1" + bytes(65_535), "too long"),
        ((1004).to_bytes(4) + b"\x4e\1" + b"\3\0" * 500 + b"\x80\0", "too many"),
    ],
)
def test_messages_that_no_encoder_writes_leave_the_film(
    tmp_path: Path, filling: bytes, reason: str
) -> None:
    """Some thousand empty ones took minutes to read."""
    with pytest.raises(Keep, match=reason):
        light(tmp_path, small_hdr_film(PICTURE, filling=filling))


def test_pictures_beyond_the_end_of_the_file_leave_the_film(tmp_path: Path) -> None:
    film = small_hdr_film(PICTURE)
    at = film.index(b"stco")
    table = film[at - 4 : at + 16]
    far = box(b"co64", struct.pack(">IIQ", 0, 1, (1 << 64) - 1))
    assert len(table) == 20
    film = film[: at - 4] + far + film[at + 16 :]
    for name in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        at = film.index(name)
        longer = int.from_bytes(film[at - 4 : at]) + len(far) - len(table)
        film = film[: at - 4] + longer.to_bytes(4) + film[at:]
    with pytest.raises(Keep, match="not in the file"):
        light(tmp_path, film)


@given(st.integers(0, 600), st.binary(max_size=600))
def test_a_message_is_read_as_it_was_written(kind: int, body: bytes) -> None:
    written = message(kind, body)
    assert list(Unit(39, 0, written[2:]).messages()) == [(kind, body)]


def nits(transfer: int, code: float) -> float:
    """SMPTE ST 2084 and ITU-R BT.2100, as they are written there."""
    if transfer == PQ:
        power = code ** (1 / (2523 / 4096 * 128))
        ratio = max(power - 3424 / 4096, 0) / (2413 / 4096 * 32 - 2392 / 4096 * 32 * power)
        return float(10_000 * ratio ** (1 / (2610 / 16384)))
    a, b = 0.17883277, 1 - 4 * 0.17883277
    c = 0.5 - a * math.log(4 * a)
    scene = code**2 / 3 if code <= 0.5 else (math.exp((code - c) / a) + b) / 12
    return float(1_000 * scene**1.2)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_each_view_shows_the_light_up_to_its_white(transfer: int) -> None:
    codes = array("H", range(1024))
    told = Light(transfer, MASTERING, LEVELS)
    assert max(whites(told)) >= (10_000 if transfer == PQ else nits(HLG, 959 / 876))
    for white, curve in zip(whites(told), views(told), strict=True):
        done = subprocess.run(
            [program(), "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv444p10le", "-s", "1024x1", "-i", "-",
             "-vf", f"lutyuv=y='{curve}'", "-f", "rawvideo", "-"],
            input=codes.tobytes() * 3, capture_output=True, check=True,
        )  # fmt: skip
        for code, shown in zip(codes, array("H", done.stdout)[:1024], strict=True):
            signal = max((code - 64) / 876, 0)
            signal = min(signal, 1) if transfer == PQ else signal
            due = 64 + 876 * min(nits(transfer, signal) / white, 1) ** (1 / 2.4)
            assert abs(shown - due) < 0.51, (white, code)


@pytest.mark.parametrize(("transfer", "pixels"), [(16, "yuv420p10le"), (1, "yuv420p")])
def test_a_film_that_says_more_of_its_colours_is_not_converted_for_the_judge(
    tmp_path: Path, transfer: int, pixels: str
) -> None:
    source, same, made = (tmp_path / f"{name}.mov" for name in "abc")
    samples.run("-f", "lavfi", "-i", "testsrc2=s=160x120:r=15", "-frames:v", "3", "-pix_fmt", pixels, "-c:v", "libx265",
        "-preset", "ultrafast", "-x265-params", "log-level=error:pools=none", "-tag:v", "hvc1", str(source))  # fmt: skip
    told = f"video_full_range_flag=1:colour_primaries=9:transfer_characteristics={transfer}:matrix_coefficients=9"
    samples.run("-i", str(source), "-c", "copy", "-tag:v", "hvc1", "-bsf:v", f"hevc_metadata={told}", str(made))  # fmt: skip
    same.write_bytes(source.read_bytes())
    work = Work(source, same, Film("x265", 20), read_movie(source), packets(source), Stream(light=Light(PQ) if transfer == PQ else None))  # fmt: skip
    due = film_look.scores(work, 1, lambda _: None)
    assert film_look.scores(replace(work, temp=made), 1, lambda _: None) == due


@pytest.mark.parametrize(("hurt", "worst", "best"), [("lt(X,80)", 0, 2), ("gte(X,80)", 2, 0)])
def test_what_suffers_in_the_dark_or_in_the_bright_is_seen_there(
    tmp_path: Path, hurt: str, worst: int, best: int
) -> None:
    """The left half is at most 7 cd/m2, the right one at least 300; one of them is blurred in the rendition."""
    halves = "lutyuv=y=64+val/4,split[a][b];[b]lutyuv=y=val+500[c];[a][c]blend=all_expr='if(lt(X,W/2),A,B)'"
    source = hdr_films.hdr_film(tmp_path / "a.mp4", shown=halves, frames=4)
    blurred = f"format=yuv420p10le,split[a][b];[b]gblur=2[c];[a][c]blend=c0_expr='if({hurt},B,A)'"
    samples.run("-i", str(source), "-vf", blurred, "-c:v", "libx265", "-x265-params", "lossless=1:log-level=error:pools=none", "-tag:v", "hvc1", str(tmp_path / "made.mp4"))  # fmt: skip
    work = Work(
        source, tmp_path / "made.mp4", Film("x265", 20), movie := read_movie(source), packets(source), read_stream(source, movie)
    )  # fmt: skip
    means = [sum(one) / len(one) for one in film_look.scores(work, 1, lambda _: None)]
    assert means[worst] < means[best] - 20, means
    assert film_look.whole(work, 1, lambda _: None).mean == pytest.approx(min(means))
