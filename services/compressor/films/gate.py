"""Lets a rendition count only when it is the same film in everything but its look, and says what was measured of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.compressor.films.account import check_account
from services.compressor.films.carry import carry_over
from services.compressor.films.decode import check_rendition
from services.compressor.films.encode import PRESET
from services.compressor.films.packets import check_packets, packets
from services.compressor.films.stream import check_stream, read_stream
from services.compressor.films.views import whites
from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.compressor.films.search import Look
    from services.compressor.films.work import Work
    from services.compressor.tiers.tier import Film
    from services.compressor.verdict import Progress


@dataclass(frozen=True, slots=True)
class Numbers:
    """How the rendition that counts came about: CRF, look by every so many frames, tries, whole encodes, seconds."""

    crf: int
    look: Look
    every: int
    tries: int
    finals: int
    search: float
    encode: float
    gate: float

    def told(self, work: Work) -> str:
        """Say it in one line, as it is noted for the person."""
        ratio = work.temp.stat().st_size / work.source.stat().st_size
        return (
            f"crf={self.crf} preset={PRESET} vmaf={self.look.mean:.2f} p5={self.look.p5:.2f}"
            f" floor={work.setting.floor:g} floor_p5={work.setting.floor_p5:g} every={self.every} ratio={ratio:.3f}"
            f" tries={self.tries} finals={self.finals} search={self.search:.1f}s encode={self.encode:.1f}s"
            f" gate={self.gate:.1f}s{_exposures(work)}"
        )


def _exposures(work: Work) -> str:
    """Say under which exposures an HDR film was judged."""
    return f" exposures={','.join(map(str, whites(work.light)))}" if work.light else ""


class Clock:
    """Tells the seconds since it was last asked."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def lap(self) -> float:
        """Return them, and begin anew."""
        last, self._last = self._last, time.monotonic()
        return self._last - last


def complete(work: Work, progress: Progress) -> None:
    """Give ffmpeg's rendition what it dropped, and check all of it but its look: frames, times, sound, tags; raises Keep."""
    carry_over(work.source, work.temp)
    made = check_rendition(work.temp, work.movie, progress)
    check_stream(work.stream, read_stream(work.temp, made))
    check_packets(work.packets, packets(work.temp))
    check_account(work.source, work.temp)


def too_poor(setting: Film, missed: Sequence[str]) -> Keep:
    """Return the reason of a film that no setting would do justice to."""
    asked = f"{setting.floor:g} (p5 {setting.floor_p5:g})"
    return Keep(f"its look would suffer: {', '.join(missed)}; {asked} is asked for")
