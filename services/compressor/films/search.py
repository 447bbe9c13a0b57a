"""Decides which CRF a video is tried at, which parts of it are sampled, and whether a score clears; pure, it runs nothing.

A sample's score is not the whole film's, so samples only find the setting: the finished rendition is scored again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from services.compressor.tiers.tier import Film

_WHOLE_SECONDS = 20.0  # a shorter clip is its own sample
_LEAST_SECONDS, _MOST_SECONDS = 6.0, 18.0
_PART = 0.05
_PIECES = 3
_UP, _DOWN = 3, 2
_BEST_CRF = 1
_EVERY_FRAME = 1500  # a film of more frames is scored on every seventh one
STRIDE: Final = 7
"""Every how many frames of a longer film are scored: it shares no factor with any usual period of frames.

x265's `fast` spends more on every fifth frame. Scored on those alone, films looked better by up to 4.0 points in the
mean and 8.9 in the 5th percentile at CRF 20 and 26, and 10 and 16 at CRF 32.
"""
_DOUBT = 3.0
"""Each piece begins with a frame of its own: sizes by samples were 0.94 to 2.4 times the real ones (3.0 in
one film at CRF 32), most where little moves."""

SAMPLE_MARGIN = 0.5
"""VMAF points by which the pieces of a film have to clear the floor: half of what they are usually off.

They were 1.4 too low to 1.2 too high in the mean, and up to 2.7 too high in the 5th percentile (9.3 in a film made to
mislead them). An error costs one more encode, or bytes, never the look, so the margin is not the worst of them.
"""

STRIDE_MARGIN = 0.5
"""VMAF points by which every seventh frame has to clear the floor, as nothing is asked after that.

It was up to 0.13 too high in the mean, and up to 0.47 in the 5th percentile.
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the film, in seconds."""

    start: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Look:
    """VMAF of a film: the mean of its frames and the 5th percentile."""

    mean: float
    p5: float

    def clears(self, setting: Film, margin: float = 0.0) -> bool:
        """Tell whether both floors are reached by `margin`, or as nearly as 100 points permit."""
        return self.mean >= min(setting.floor + margin, 100.0) and self.p5 >= min(
            setting.floor_p5 + margin, 100.0
        )

    @override
    def __str__(self) -> str:
        return f"{self.mean:.2f} (p5 {self.p5:.2f})"


@dataclass(frozen=True, slots=True)
class Sample:
    """How the samples look at a CRF, and the part of the original's bytes that the whole rendition would have."""

    look: Look
    ratio: float

    def is_hopeless(self, setting: Film) -> bool:
        """Tell whether the rendition would be too large even if this estimate is too high by a part of `_DOUBT`."""
        return self.ratio > setting.max_ratio * _DOUBT


@dataclass(frozen=True, slots=True)
class Found:
    """The largest CRF that passed (None: no tried one did), its sample, how many were tried, and what missed."""

    crf: int | None
    sample: Sample | None
    tries: int
    missed: tuple[str, ...]


def look(scores: Sequence[float]) -> Look:
    """Sum up the scores of single frames; raises ValueError when there are none or one is no number."""
    if not scores or not all(math.isfinite(score) for score in scores):
        raise ValueError("no frame has a score")
    ranked = sorted(scores)
    return Look(math.fsum(ranked) / len(ranked), ranked[(len(ranked) - 1) * 5 // 100])


def lowest(looks: Iterable[Look]) -> Look:
    """Return what is the least of several views of a film; raises ValueError when there are none."""
    seen = list(looks)
    return Look(min(one.mean for one in seen), min(one.p5 for one in seen))


def pieces(seconds: float) -> tuple[Piece, ...]:
    """Return the parts to sample: none for a clip so short that all of it is the sample."""
    if seconds <= _WHOLE_SECONDS:
        return ()
    each = min(max(seconds * _PART, _LEAST_SECONDS), _MOST_SECONDS) / _PIECES
    gap = seconds / _PIECES
    return tuple(Piece(gap * n + (gap - each) / 2, each) for n in range(_PIECES))


def stride(frames: int) -> int:
    """Return every how many frames the finished rendition is scored."""
    return STRIDE if frames > _EVERY_FRAME else 1


def find_crf(setting: Film, sampled: Callable[[int], Sample], margin: float) -> Found:
    """Return the largest CRF found whose sample clears both floors by `margin`.

    Goes up by 3 as far as `worst` while it passes, or down by 2 while it does not, never both ways; a miss that is too
    large already ends it, as everything better is larger.
    """
    best: tuple[int, Sample] | None = None
    missed: list[str] = []
    crf: int | None = setting.crf
    tries = 0
    while crf is not None and tries < setting.tries:
        tries += 1
        sample = sampled(crf)
        if sample.look.clears(setting, margin):
            best = crf, sample
            crf = _worse(setting, crf) if not missed else None
        else:
            missed.append(f"VMAF {sample.look} at CRF {crf} with {sample.ratio:.0%} of the bytes")
            crf = None if best or sample.is_hopeless(setting) else better(crf)
    found, its_sample = best or (None, None)
    return Found(found, its_sample, tries, tuple(missed))


def _worse(setting: Film, crf: int) -> int | None:
    return min(crf + _UP, setting.most) if crf < setting.most else None


def better(crf: int) -> int | None:
    """Return the next better setting, None when there is none."""
    return crf - _DOWN if crf - _DOWN >= _BEST_CRF else None
