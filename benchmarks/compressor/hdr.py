"""Measures how HDR's judge tells settings and hurts apart, exposure by exposure, and what it costs beside SDR's; it writes to a temporary folder only.

Scores do not depend on the load of the machine; seconds are CPU seconds of ffmpeg.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.compressor import clips
from benchmarks.compressor.margins import work_of
from benchmarks.shared.page import table
from services.compressor.films import look as film_look
from services.compressor.films.encode import encode_whole
from services.compressor.films.ffmpeg_program import program
from services.compressor.films.search import look, lowest
from services.compressor.films.views import whites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from services.compressor.films.work import Work

_SHAPE, _QUICK_SHAPE = clips.Shape(3, 480, 270), clips.Shape(0.5, 160, 90)
_PACE, _QUICK_PACE = clips.Shape(2, 1920, 1080), _QUICK_SHAPE
_CRFS, _QUICK_CRFS = (16, 20, 26, 32, 38), (26,)
_ROUNDS = 3
_MADE: Final = {"cells": (clips.CELLS, 400), "zoom": (clips.ZOOM, 1000), "patterns": (clips.PATTERNS, 2000)}  # fmt: skip
_NEAR = 80
_PEAK = 600  # cd/m2 that a folder's films are graded to
_SEVEN, _BRIGHT, _CLIP = 303, 560, 636  # PQ's 10-bit luma of 7, 177 and 400 cd/m2
_HURTS: Final = {
    "shadows blurred": f"split[a][b];[b]gblur=2[c];[a][c]blend=c0_expr='if(lt(A,{_SEVEN}),B,A)'",
    "highlights blurred": f"split[a][b];[b]gblur=2[c];[a][c]blend=c0_expr='if(gt(A,{_BRIGHT}),B,A)'",
    "highlights clipped at 400": f"lutyuv=y='min(val,{_CLIP})'",
    "steps of 8 code values": "lutyuv=y='trunc(val/8)*8+4'",
}
_ZSCALE: Final = "zscale=t=linear:npl={white},format=gbrpf32le,zscale=p=bt709:t=bt709:m=bt709:r=tv,format=yuv420p10le"


def measure(quick: bool, folder: Path | None = None) -> str:
    """Return the tables: of films made by script, and of a folder's MP4s graded to HDR10."""
    crfs = _QUICK_CRFS if quick else _CRFS
    with tempfile.TemporaryDirectory() as made:
        room = Path(made)
        films = [
            *_drawn(room, *((_QUICK_SHAPE, ("zoom",)) if quick else (_SHAPE, tuple(_MADE)))),
            *_graded(room, folder),
        ]
        told = [_by_setting(films, room / "made", crfs), _by_hurt(films, room / "hurt.mp4")]
        told.append(_costs(room, _QUICK_PACE if quick else _PACE, 1 if quick else _ROUNDS))
    return "\n\n".join([*told, f"Load of the machine at the end: {os.getloadavg()[0]:.1f}."])


def _drawn(room: Path, shape: clips.Shape, names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        graph, peak = _MADE[name]
        plain = clips.scenes(room / f"{name}.mp4", shape, (graph, 1.0))
        yield clips.hdr10(room / f"{name} to {peak}.mp4", plain, peak)


def _graded(room: Path, folder: Path | None) -> Iterator[Path]:
    """Grade the first seconds of a folder's films."""
    for own in sorted(folder.absolute().glob("*.mp4")) if folder else ():
        cut = room / f"cut {own.name}"
        _ffmpeg("-i", str(own), "-t", str(_SHAPE.seconds), "-vf", f"scale={_SHAPE.width}:-2,setsar=1,format=yuv420p",
                "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-an", "-crf", "8", str(cut))  # fmt: skip
        yield clips.hdr10(room / f"{own.stem} to {_PEAK}.mp4", cut, _PEAK)


def _by_setting(films: Sequence[Path], temp: Path, crfs: Sequence[int]) -> str:
    """Return the table of the least exposure's score by CRF, and how far that is from a whole conversion to SDR."""
    rows = []
    for film in films:
        cells, off = list[str](), list[float]()
        for crf in crfs:
            work = work_of(film, temp, crf)
            encode_whole(work, crf, lambda _: None, until=None)
            seen = lowest(map(look, film_look.scores(work, 1, lambda _: None)))
            cells.append(str(seen))
            if seen.mean >= _NEAR:
                off.append(seen.mean - _converted(work))
        rows.append((film.stem, *cells, f"{min(off):+.1f} to {max(off):+.1f}" if off else ""))
    head = ("film, cd/m2 at most", *(f"CRF {crf}" for crf in crfs), f"above zscale's, where it is {_NEAR} or more")  # fmt: skip
    return (
        "The least of four exposures, mean VMAF (5th percentile); and by how much that is above the least where zscale converts both sides to SDR,"
        f" colours and all, for the same exposures:\n\n{table(head, rows)}"
    )


def _converted(work: Work) -> float:
    """Return the least mean of the same exposures where both sides are converted to SDR, colours and all."""
    assert work.light
    views = [_ZSCALE.format(white=white) for white in whites(work.light)]
    return min(_vmaf(work, view) for view in views)


def _vmaf(work: Work, view: str) -> float:
    with tempfile.NamedTemporaryFile() as log:
        paired = ";".join(f"[{n}:v]settb=1/25,setpts=N,{view}[s{n}]" for n in range(2))
        _ffmpeg("-i", str(work.temp), "-i", str(work.source), "-lavfi", f"{paired};[s0][s1]libvmaf=n_threads=1:log_fmt=csv:log_path={log.name}", "-an", "-f", "null", "-")  # fmt: skip
        rows = [line.split(",") for line in Path(log.name).read_text().splitlines()]
    at = rows[0].index("vmaf")
    return statistics.mean(float(row[at]) for row in rows[1:])


def _by_hurt(films: Sequence[Path], hurt: Path) -> str:
    """Return the table of how many points each exposure loses by a hurt that is stored without loss."""
    rows, head = [], tuple[str, ...]()
    for film in films:
        work = work_of(film, hurt, 1)
        assert work.light
        head = ("film", "hurt", *(f"up to {white:,} cd/m2" for white in whites(work.light)))
        whole = _means(_stored(work, hurt, "null"))
        for name, how in _HURTS.items():
            lost = [a - b for a, b in zip(whole, _means(_stored(work, hurt, how)), strict=True)]
            rows.append((film.stem, name, *(f"{one:.1f}" for one in lost)))
    return f"Points that each exposure loses:\n\n{table(head, rows)}"


def _stored(work: Work, hurt: Path, how: str) -> Work:
    lossless = "lossless=1:log-level=error:pools=none"
    _ffmpeg("-i", str(work.source), "-vf", f"format=yuv420p10le,{how},format=yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast",
            "-x265-params", lossless, "-an", "-tag:v", "hvc1", str(hurt))  # fmt: skip
    return replace(work, temp=hurt)


def _means(work: Work) -> list[float]:
    return [statistics.mean(one) for one in film_look.scores(work, 1, lambda _: None)]


def _costs(room: Path, shape: clips.Shape, rounds: int) -> str:
    """Return the table of CPU seconds a frame of an encode and of its judging, SDR and HDR10 of the same film."""
    plain = clips.scenes(room / "pace.mp4", shape, (clips.ZOOM, 1.0))
    films = {"SDR": plain, "HDR10": clips.hdr10(room / "pace HDR10.mp4", plain)}
    spent = {name: _spent(film, room / "made", rounds, shape.frames) for name, film in films.items()}  # fmt: skip
    rows = []
    for name, (encode, judge) in spent.items():
        tried = f"{encode + judge:.3f} ({(encode + judge) / sum(spent['SDR']):.2f})"
        rows.append((name, f"{encode:.3f}", f"{judge:.3f} (**{judge / spent['SDR'][1]:.2f}**)", tried))  # fmt: skip
    head = ("film", "encode", "judging (beside SDR)", "both, a try of a short film (beside SDR)")
    return f"CPU seconds a frame, {shape.size}, CRF 24, medians of {rounds}:\n\n{table(head, rows)}"


def _spent(film: Path, temp: Path, rounds: int, frames: int) -> tuple[float, float]:
    found = []
    for _ in range(rounds):
        work = work_of(film, temp, 24)
        encode = _of_children(lambda work=work: encode_whole(work, 24, lambda _: None, until=None))  # type: ignore[misc]
        judge = _of_children(lambda work=work: film_look.scores(work, 1, lambda _: None))  # type: ignore[misc]
        found.append((encode / frames, judge / frames))
    return statistics.median(one for one, _ in found), statistics.median(one for _, one in found)


def _of_children(done: Callable[[], object]) -> float:
    """Return the CPU seconds of the programs that something started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _ffmpeg(*words: str) -> None:
    subprocess.run([program(), "-v", "error", "-y", *words], check=True, stdin=subprocess.DEVNULL)
