import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from services.compressor.encode import Job, compress
from services.compressor.films import long as film_long, look as film_look
from services.compressor.films.ffmpeg_program import program
from services.compressor.films.film import video
from services.compressor.films.mp4 import read_movie
from services.compressor.films.packets import check_packets, packets
from services.compressor.films.pixels import SamplesForm, samples_form
from services.compressor.films.search import Found
from services.compressor.tiers.policy import Encode, Kind
from services.compressor.tiers.tier import Film, Tier
from services.compressor.verdict import Compressed, Keep, Left, Unreadable
from tests.unit.compressor import samples

Make = Callable[..., Job]


async def test_a_video_keeps_rotation_creation_time_and_apples_keys(
    tmp_path: Path, job: Make
) -> None:
    source = samples.video(tmp_path / "a.mov")
    before = source.read_bytes()
    heard: list[float] = []
    answer = await compress(job(source), heard.append)
    assert isinstance(answer, Compressed), answer
    assert source.read_bytes() == before
    old, new = read_movie(source), read_movie(answer.path)
    assert new.created == old.created != 0
    for key, value in {
        "content.identifier": b"ABC-123",
        "location.ISO6709": b"+48.1000+011.5000/",
    }.items():
        assert new.keys[f"com.apple.quicktime.{key}"].endswith(value)
    assert [track.codec for track in new.tracks] == [b"hvc1", b"mp4a"]
    assert new.tracks[0].matrix == old.tracks[0].matrix != b""
    assert new.tracks[0].samples == old.tracks[0].samples == 15
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert re.fullmatch(
        r"crf=\d+ preset=fast vmaf=[\d.]+ p5=[\d.]+ floor=90 floor_p5=86 every=1 ratio=0\.\d+ tries=\d finals=\d"
        r" search=[\d.]+s encode=[\d.]+s gate=[\d.]+s",
        answer.settings,
    )


async def test_a_video_whose_look_would_suffer_is_left_with_the_scores(
    tmp_path: Path, job: Make
) -> None:
    source = samples.video(tmp_path / "a.mov")
    strict = Tier("all", None, h264=Film("x265", 40, floor=99.9, floor_p5=99.9, tries=2))
    answer = await compress(replace(job(source), tiers=(strict,)))
    assert isinstance(answer, Left)
    assert "its look would suffer: VMAF" in answer.reason
    assert "at CRF 40" in answer.reason
    assert "at CRF 38" in answer.reason
    assert answer.readable is True


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that is sampled in pieces."""
    path = tmp_path_factory.mktemp("long") / "a.mp4"
    samples.run("-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=21", "-vf", "noise=alls=20:allf=t", "-c:v", "libx264",
                "-preset", "ultrafast", "-qp", "12", "-pix_fmt", "yuv420p", str(path))  # fmt: skip
    return path


def test_the_whole_film_decides_even_when_its_samples_flattered(
    tmp_path: Path, long_film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_long, "search", lambda *_: Found(47, None, 1, ()))
    order = Encode(Kind.H264, Film("x265", 47, floor=99.9, floor_p5=0))
    with pytest.raises(Keep, match=r"of the whole at CRF 47.*at CRF 45.*at CRF 43"):
        video(long_film, tmp_path / "made", order, lambda _: None)


async def test_the_last_of_a_short_film_that_passed_is_its_rendition(
    tmp_path: Path, job: Make
) -> None:
    source = samples.video(tmp_path / "a.mov")
    search = Tier("all", None, h264=Film("x265", 20, floor=91, floor_p5=0, worst=40))
    passed = await compress(replace(job(source), tiers=(search,)))
    assert isinstance(passed, Compressed), passed
    crf = int(re.findall(r"crf=(\d+)", passed.settings)[0])
    assert f"tries={(crf - 20) // 3 + 2}" in passed.settings, "one more was tried and missed"
    once = Tier("all", None, h264=Film("x265", crf, floor=0, floor_p5=0, tries=1))
    target = passed.path.with_name("once.mov")
    straight = await compress(replace(job(source), target=target, tiers=(once,)))
    assert isinstance(straight, Compressed)
    assert straight.sha256 == passed.sha256


async def test_a_longer_video_is_sampled_in_pieces_and_scored_on_every_seventh_frame(
    tmp_path: Path, job: Make
) -> None:
    source = tmp_path / "a.mp4"
    samples.run("-f", "lavfi", "-i", "testsrc2=s=64x64:r=60:d=26", "-vf", "noise=alls=20:allf=t",
                "-c:v", "libx264", "-preset", "ultrafast", "-qp", "12", "-pix_fmt", "yuv420p", str(source))  # fmt: skip
    once = Tier("all", None, h264=Film("x265", 30, floor=1, floor_p5=1, tries=1))
    heard: list[float] = []
    answer = await compress(replace(job(source), tiers=(once,)), heard.append)
    assert isinstance(answer, Compressed), answer
    assert " every=7 " in answer.settings
    for begin, end in ((0, 0.05), (0.05, 0.24), (0.24, 0.81), (0.81, 0.858), (0.858, 1)):
        assert any(begin < done <= end for done in heard), (begin, end, heard)


async def test_ffmpeg_is_asked_once_what_it_can_do(
    tmp_path: Path, job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, asked, wrapped = tmp_path / "a.avi", tmp_path / "asked", tmp_path / "bin" / "ffmpeg"
    samples.run("-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.3", "-c:v", "mpeg4", str(source))
    wrapped.parent.mkdir()
    wrapped.write_text(f'#!/bin/sh\necho "$*" >> {asked}\nexec {program()} "$@"\n')
    wrapped.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapped.parent}:{os.environ['PATH']}")
    for _ in range(2):
        assert isinstance(await compress(job(source)), Left)
    lines = asked.read_text().splitlines()
    assert sum("-f null" in line for line in lines) == 2
    assert sum("-filters" in line for line in lines) == 1


@pytest.mark.parametrize("long", [True, False])
def test_fewer_scores_than_frames_never_count(
    tmp_path: Path, long_film: Path, monkeypatch: pytest.MonkeyPatch, long: bool
) -> None:
    source = long_film if long else samples.video(tmp_path / "a.mov")
    scores = film_look._scores
    monkeypatch.setattr(film_look, "_scores", lambda *how: scores(*how)[1:])
    order = Encode(Kind.H264, Film("x265", 20, floor=1, floor_p5=1))
    reason = "19 of 20 frames of a sample" if long else "14 of 15 frames"
    with pytest.raises(Keep, match=f"{reason} were scored"):
        video(source, tmp_path / "made", order, lambda _: None)


def test_what_is_far_too_large_already_is_not_encoded_as_a_whole(
    tmp_path: Path, long_film: Path
) -> None:
    order = Encode(Kind.H264, Film("x265", 3, max_ratio=0.1, floor=1, floor_p5=1))
    with pytest.raises(Keep, match=r"not be smaller enough: samples at CRF 3 promise \d+%"):
        video(long_film, tmp_path / "made", order, lambda _: None)


async def test_uneven_frame_times_are_kept(tmp_path: Path, job: Make) -> None:
    source = tmp_path / "a.mov"
    samples.run("-f", "lavfi", "-i", "testsrc2=s=160x120:r=30:d=2", "-vf", "noise=alls=20:allf=t,select='not(mod(n,7))+gt(n,40)',settb=1/600",
                "-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-qp", "12", "-pix_fmt", "yuv420p",
                "-enc_time_base", "demux", "-video_track_timescale", "600", str(source))  # fmt: skip
    answer = await compress(job(source))
    assert isinstance(answer, Compressed), answer
    old, new = (times(path) for path in (source, answer.path))
    assert old == new
    assert len({b - a for a, b in pairwise(old)}) > 1


def times(path: Path) -> list[int]:
    """The times at which frames are shown, in the file's own units."""
    done = subprocess.run(
        [program(), "-v", "error", "-i", str(path), "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-"],
        check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    rows = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    return sorted(int(row.split(",")[2]) for row in rows)


@pytest.mark.parametrize(
    ("swapped", "reason"),
    [("setpts=PTS+0.02/TB*gt(N\\,5)", "other times"), ("null", "sound differs")],
)
def test_other_frame_times_or_another_sound_never_count(
    tmp_path: Path, swapped: str, reason: str
) -> None:
    source, other = samples.video(tmp_path / "a.mov"), tmp_path / "b.mov"
    sound = ("-c:a", "copy") if "setpts" in swapped else ("-c:a", "aac", "-b:a", "20k")
    samples.run("-i", str(source), "-vf", swapped, "-fps_mode", "passthrough", "-enc_time_base", "demux", "-c:v", "libx264", *sound, str(other))  # fmt: skip
    with pytest.raises(Keep, match=reason):
        check_packets(packets(source), packets(other))


async def test_a_truncated_video_is_unreadable(tmp_path: Path, job: Make) -> None:
    whole = samples.video(tmp_path / "whole.mov").read_bytes()
    for days, part in ((10, 0.7), (2000, 0.98), (2000, 0.01)):
        (tmp_path / "cut.mov").write_bytes(whole[: int(len(whole) * part)])
        answer = await compress(job(tmp_path / "cut.mov", days))
        assert isinstance(answer, Unreadable), (part, answer)


async def test_a_video_that_would_not_be_smaller_is_left(tmp_path: Path, job: Make) -> None:
    samples.run("-f", "lavfi", "-i", "testsrc2=s=160x120:r=15:d=2", "-vf", "noise=alls=20:allf=t",
                "-c:v", "libx264", "-crf", "45", "-pix_fmt", "yuv420p", str(tmp_path / "a.mp4"))  # fmt: skip
    answer = await compress(job(tmp_path / "a.mp4", days=10))
    assert isinstance(answer, Left)
    assert "would not be smaller" in answer.reason
    assert answer.readable is True


@pytest.mark.parametrize("tagged", [True, False])
async def test_ten_bits_stay_ten_where_they_are_no_hdr(
    tmp_path: Path, job: Make, tagged: bool
) -> None:
    colours = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709" * tagged or "null"
    pixels = ("-vf", f"noise=alls=20:allf=t,{colours}", "-pix_fmt", "yuv420p10le")
    answer = await compress(job(samples.video(tmp_path / "a.mov", encoder=pixels)))
    if tagged:
        assert isinstance(answer, Compressed), answer
        assert samples_form(read_movie(answer.path).tracks[0]) == SamplesForm(1, 10, 10)
    else:
        assert isinstance(answer, Left)
        assert "8 bits" in answer.reason


async def test_several_video_streams_are_left(tmp_path: Path, job: Make) -> None:
    answer = await compress(job(samples.video(tmp_path / "a.mov", "-map", "0:v", "-map", "0:v")))
    assert isinstance(answer, Left)
    assert "several video streams" in answer.reason


async def test_hdr_is_left(tmp_path: Path, job: Make) -> None:
    colours = "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc"
    source = samples.video(tmp_path / "a.mov", encoder=("-vf", colours, "-pix_fmt", "yuv420p"))
    answer = await compress(job(source))
    assert isinstance(answer, Left)
    assert "HDR" in answer.reason


async def test_time_codes_come_over(tmp_path: Path, job: Make) -> None:
    source = samples.video(tmp_path / "a.mov", "-timecode", "01:02:03:04")
    answer = await compress(job(source))
    assert isinstance(answer, Compressed), answer
    assert [track.handler for track in read_movie(answer.path).tracks] == [
        b"vide",
        b"soun",
        b"tmcd",
    ]
    assert re.search("timecode *: 01:02:03:04", shown_of(answer.path))


def shown_of(path: Path) -> str:
    """What ffmpeg tells people of a file."""
    done = subprocess.run(
        [program(), "-i", str(path)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr


async def test_another_container_is_decoded_and_left(tmp_path: Path, job: Make) -> None:
    samples.run(
        "-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.3", "-c:v", "mpeg4", str(tmp_path / "a.avi")
    )
    answer = await compress(job(tmp_path / "a.avi"))
    assert isinstance(answer, Left)
    assert answer.readable is True
