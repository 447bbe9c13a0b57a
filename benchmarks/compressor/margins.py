"""Measures how far samples and every seventh frame are from the score of a whole film; it writes to a temporary folder only.

Scores do not depend on the load of the machine.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.compressor import clips
from benchmarks.shared.page import table
from services.compressor.films import look as film_look
from services.compressor.films.decode import decoded
from services.compressor.films.encode import encode_whole
from services.compressor.films.packets import packets
from services.compressor.films.search import STRIDE, Look, look, lowest
from services.compressor.films.stream import read_stream
from services.compressor.films.work import Work
from services.compressor.tiers.tier import Film
from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHAPE, _QUICK_SHAPE = clips.Shape(45, 320, 180), clips.Shape(21, 160, 90)
_CRFS, _QUICK_CRFS = (20, 26, 32), (26,)
_ALONE = {"cells": clips.CELLS, "zoom": clips.ZOOM, "patterns": clips.PATTERNS}


@dataclass(frozen=True, slots=True)
class Row:
    """One film at one CRF: its whole score, and what the samples and every seventh frame said of it."""

    film: str
    crf: int
    whole: Look
    sampled: Look
    strided: Look
    size: float
    """The samples' estimate of the size, in parts of the real one."""

    def cells(self) -> tuple[str, ...]:
        """Say it as a row of the table."""
        return (self.film, str(self.crf), str(self.whole), _off(self.sampled, self.whole), _off(self.strided, self.whole), f"{self.size:.2f}")  # fmt: skip


def _off(guess: Look, truth: Look) -> str:
    return f"{guess.mean - truth.mean:+.2f} ({guess.p5 - truth.p5:+.2f})"


def _films(room: Path, quick: bool) -> Iterator[Path]:
    shape = _QUICK_SHAPE if quick else _SHAPE
    yield clips.changing(room / "halves.mp4", shape)
    yield clips.uneven(room / "uneven.mp4", shape)
    for name, graph in _ALONE.items():
        yield clips.scenes(room / f"{name}.mp4", shape, (graph, 1.0))
    for name in ("halves", "uneven"):
        yield clips.hdr10(room / f"{name}, HDR10.mp4", room / f"{name}.mp4")


def work_of(source: Path, temp: Path, crf: int) -> Work:
    """Return a film as the compressor knows it when it has one setting and no floor; ValueError for one that is no MP4, Keep for one that it leaves."""
    movie = decoded(source, lambda _: None)
    if movie is None:
        raise ValueError(f"{source} is no MP4")
    setting = Film("x265", crf, max_ratio=0.99, floor=0, floor_p5=0, tries=1)
    return Work(source, temp, setting, movie, packets(source), read_stream(source, movie))


def _row(source: Path, temp: Path, crf: int) -> Row:
    """Sample, encode and score one film at one CRF; ValueError for one that is no MP4, Keep for one that would grow."""
    work = work_of(source, temp, crf)
    found = film_look.search(work, lambda _: None)
    assert found.sample
    encode_whole(work, crf, lambda _: None, until=None)
    scores = film_look.scores(work, 1, lambda _: None)
    ratio = temp.stat().st_size / source.stat().st_size
    return Row(
        source.stem,
        crf,
        lowest(map(look, scores)),
        found.sample.look,
        lowest(look(one[::STRIDE]) for one in scores),
        found.sample.ratio / ratio,
    )


def measure(quick: bool, folder: Path | None = None) -> str:
    """Return the table for the made films and a folder's MP4s."""
    rows: list[Row] = []
    own = sorted(folder.absolute().glob("*.mp4")) if folder else []
    with tempfile.TemporaryDirectory() as made:
        room = Path(made)
        for film in [*_films(room, quick), *own]:
            for crf in _QUICK_CRFS if quick else _CRFS:
                with suppress(Keep):
                    rows.append(_row(film, room / "made", crf))
    head = ("film", "CRF", "VMAF of all frames (p5)", "samples: off by (p5)", "every seventh frame: off by (p5)", "size by samples / real")  # fmt: skip
    return f"{table(head, [row.cells() for row in rows])}\n\n{_worst(rows)}"


def _worst(rows: list[Row]) -> str:
    def most(guess: str, of: str) -> str:
        return (
            f"{max(getattr(getattr(row, guess), of) - getattr(row.whole, of) for row in rows):+.2f}"
        )

    sampled, strided = (
        f"{most(guess, 'mean')} in the mean and {most(guess, 'p5')} in the 5th percentile"
        for guess in ("sampled", "strided")
    )
    sizes = [row.size for row in rows]
    return (
        f"Too high by at most: samples {sampled}; every seventh frame {strided}."
        f" Sizes by samples: {min(sizes):.2f} to {max(sizes):.2f} of the real ones."
    )
