"""Sets photoduct's renditions of JPEGs beside other tools': size at equal score, time, and what metadata each loses.

All work on the same files in one run. photoduct's tier says which score is to be reached; each other tool's quality is searched for it.
Files are written below a temporary folder only.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.compressor import peer_metadata
from benchmarks.compressor.peer_pictures import photos
from benchmarks.compressor.peer_programs import Peer, peers
from benchmarks.compressor.peer_search import Try, front, size_at
from benchmarks.shared.page import table
from services.compressor.encode import Job, compress
from services.compressor.kind import kind_of
from services.compressor.stills import carry, encoders, jpeg
from services.compressor.stills.decode import decoded
from services.compressor.stills.score import score
from services.compressor.stills.still import still
from services.compressor.tiers.policy import Encode, Kind
from services.compressor.tiers.profiles import BALANCED
from services.compressor.verdict import Compressed, Left, Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIER = replace(BALANCED[0], max_age_days=None)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_PICTURES, _SIZE = 2, (3000, 2000)
_QUICK = (2, (320, 240))
_QUALITY = re.compile(r"quality=(\d+)")
_HEAD = (
    "tool", "usual setting", "size at it, of the original", "score at it", "size at photoduct's score, of photoduct's",
    "CPU s a file, one encode", "CPU s a file, to that score", "metadata lost, tags", "on the front",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ours:
    """photoduct's rendition of one file: its score, and CPU seconds for one encode at its quality and with search and gate."""

    source: Path
    rendition: Path
    score: float
    quality: int
    encode: float
    whole: float


@dataclass(frozen=True, slots=True)
class Line:
    """What one tool did, over all files: parts of the originals' bytes, medians of scores, CPU seconds a file."""

    name: str
    setting: str
    size: float
    score: float
    at_score: float | None
    reached: int
    encode: float
    search: float
    lost: str


async def measure(quick: bool, folder: Path | None = None) -> str:
    """Return the tables: of pictures made by script, and of the JPEGs in a folder."""
    number, size = _QUICK if quick else (_PICTURES, _SIZE)
    with tempfile.TemporaryDirectory() as made:
        room = Path(made)
        files = await asyncio.to_thread(photos, room, number, size)
        told = [await _compared(f"{number} JPEGs made by script, {size[0]} x {size[1]}", files)]
    if folder:
        told.append(await _compared("JPEGs of a folder", of_kinds(folder, Kind.JPEG)))
    return "\n\n".join([*told, f"Load of the machine at the end: {os.getloadavg()[0]:.1f}."])


def of_kinds(folder: Path, *kinds: Kind) -> list[Path]:
    """Return the files of these kinds below a folder, by content, with absolute paths and no links."""
    found = (path.resolve() for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in found if kind_of(path) in kinds]


async def _compared(what: str, files: Sequence[Path]) -> str:
    with tempfile.TemporaryDirectory() as made:
        room = Path(made)
        ours = [one for file in files if (one := await _ours(file, room))]
        if not ours:
            return f"{what}: photoduct leaves all {len(files)} as they are."
        found = peers()
        beside = [peer for peer in found if peer.version]
        lines = [_own_line(ours)]
        lines += [await asyncio.to_thread(_line, peer, ours, room) for peer in beside]
    missing = [f"{peer.name} ({peer.source})" for peer in found if not peer.version]
    size = sum(one.source.stat().st_size for one in ours)
    head = f"{what}: {len(ours)} of {len(files)} that photoduct makes a rendition of, {size / 1e6:.1f} MB, tier {_TIER.name} of balanced."
    tail = f"\n\nNot installed: {', '.join(missing)}." if missing else ""
    return f"{head}\n\n{_told(lines, len(ours))}{tail}"


async def _ours(source: Path, room: Path) -> Ours | None:
    """Have the product make its rendition, then time the same work in this process; None when the file is left."""
    target = room / f"photoduct-{source.name}"
    found = await compress(Job(source, target, _NOW, _NOW, (_TIER,)))
    if not isinstance(found, Compressed):
        reason = found.reason if isinstance(found, Left) else "unreadable"
        print(f"{source.name}: left: {reason}")
        return None
    quality = int(_QUALITY.findall(found.settings)[0])
    value = await asyncio.to_thread(_score, source, target)
    encode = await asyncio.to_thread(_encode_seconds, source, quality, room / "encoded")
    whole = await asyncio.to_thread(_whole_seconds, source, room / "whole")
    return Ours(source, target, value, quality, encode, whole)


def _encode_seconds(source: Path, quality: int, target: Path) -> float:
    """From file to file: decode, encode once, carry the metadata over; as the others do, without a gate."""
    assert _TIER.jpeg
    began = time.process_time()
    data = source.read_bytes()
    image, parts = decoded(data, Limits(), Kind.JPEG), jpeg.take_apart(data)
    encoder = encoders.for_jpeg(image, parts, _TIER.jpeg.encoder)
    target.write_bytes(carry.carry_over(parts, encoder.encode(quality)))
    return time.process_time() - began


def _whole_seconds(source: Path, target: Path) -> float:
    assert _TIER.jpeg
    began = time.process_time()
    still(source, target, Kind.JPEG, Encode(Kind.JPEG, _TIER.jpeg), Limits())
    return time.process_time() - began


def _score(source: Path, rendition: Path) -> float:
    with Image.open(source) as old, Image.open(rendition) as new:
        old.load()
        new.load()
        return score(old, new).value


def _line(peer: Peer, ours: Sequence[Ours], room: Path) -> Line:
    folder = room / peer.name.replace("/", "-")
    folder.mkdir()
    sources = [one.source for one in ours]
    encode = peer.run(sources, folder, peer.usual) / len(ours)
    made = [folder / source.name for source in sources]
    sizes = [path.stat().st_size for path in made]
    scores = [_score(source, path) for source, path in zip(sources, made, strict=True)]
    lost = _lost(list(zip(sources, made, strict=True)))
    usual = [Try(size, value) for size, value in zip(sizes, scores, strict=True)]
    ratios, search = _ratios(peer, ours, usual, folder)
    return Line(
        f"{peer.name} {peer.version}", f"quality {peer.usual}", _part(sizes, sources), statistics.median(scores),
        statistics.geometric_mean(ratios) if ratios else None, len(ratios), encode, search / len(ours), lost,
    )  # fmt: skip


def _ratios(
    peer: Peer, ours: Sequence[Ours], usual: Sequence[Try], folder: Path
) -> tuple[list[float], float]:
    """Return its size at our score as a part of our size, where it reaches that, and the CPU seconds of encodes and scores."""
    ratios, spent = [], 0.0
    for one, known in zip(ours, usual, strict=True):

        def attempt(quality: int, one: Ours = one) -> Try:
            nonlocal spent
            path = folder / one.source.name
            spent += peer.run([one.source], folder, quality)
            began = time.process_time()
            found = Try(path.stat().st_size, _score(one.source, path))
            spent += time.process_time() - began
            return found

        if size := size_at(one.score, attempt, {peer.usual: known}):
            ratios.append(size / one.rendition.stat().st_size)
    return ratios, spent


def _own_line(ours: Sequence[Ours]) -> Line:
    pairs = [(one.source, one.rendition) for one in ours]
    qualities = sorted({one.quality for one in ours})
    return Line(
        "**photoduct**", f"jpegli {', '.join(map(str, qualities))}, found by its gate",
        _part([one.rendition.stat().st_size for one in ours], [one.source for one in ours]),
        statistics.median(one.score for one in ours), 1.0, len(ours),
        statistics.mean(one.encode for one in ours), statistics.mean(one.whole for one in ours), _lost(pairs),
    )  # fmt: skip


def _part(sizes: Sequence[int], sources: Sequence[Path]) -> float:
    return sum(sizes) / sum(path.stat().st_size for path in sources)


def _lost(pairs: Sequence[tuple[Path, Path]]) -> str:
    if not peer_metadata.installed():
        return "not known: exiftool is not installed"
    tags = peer_metadata.tags
    return peer_metadata.lost([(tags(source), tags(made)) for source, made in pairs])


def _told(lines: Sequence[Line], number: int) -> str:
    best = front({line.name: (line.at_score, line.encode) for line in lines if line.at_score})
    rows = [
        (
            line.name, line.setting, f"{line.size:.3f}", f"{line.score:.1f}",
            _at_score(line, number), f"{line.encode:.2f}", f"{line.search:.2f}", line.lost, "yes" if line.name in best else "no",
        )
        for line in lines
    ]  # fmt: skip
    return table(_HEAD, rows)


def _at_score(line: Line, number: int) -> str:
    if line.at_score is None:
        return "never reached"
    return f"{line.at_score:.3f}" + f" ({line.reached} of {number})" * (line.reached < number)
