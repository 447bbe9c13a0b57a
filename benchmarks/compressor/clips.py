"""Makes videos with motion, edges, grain and cuts for measurements, the same ones each time; writes to the given place only.

Of ffmpeg's own sources, with grain that changes from frame to frame, as a camera's does.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.compressor.films.ffmpeg_program import program

if TYPE_CHECKING:
    from pathlib import Path

_RATE = 24
_GRAIN = "noise=alls=2:allf=t"
PATTERNS = "testsrc2=s={size}:r={rate}"
ZOOM = "mandelbrot=s={size}:r={rate}:maxiter=300:start_scale=0.01"
CELLS = "life=s=320x180:r={rate}:mold=20:life_color=white:death_color=gray,scale={size},gblur=2"
BARS = "smptebars=s={size}:r={rate}"


@dataclass(frozen=True, slots=True)
class Shape:
    """Seconds, and pixels as even numbers."""

    seconds: float
    width: int
    height: int

    @property
    def frames(self) -> int:
        """How many frames it has, at 24 a second."""
        return round(self.seconds * _RATE)

    @property
    def size(self) -> str:
        """As ffmpeg writes it."""
        return f"{self.width}x{self.height}"


def scenes(path: Path, shape: Shape, *parts: tuple[str, float]) -> Path:
    """Make a film with sound of these sources, one after another, each for a part of the time; as many bytes as a camera's."""
    lanes = [
        f"{graph.format(size=shape.size, rate=_RATE)},trim=duration={shape.seconds * part:.3f},format=yuv420p,setsar=1[v{n}]"
        for n, (graph, part) in enumerate(parts)
    ]
    joined = "".join(f"[v{n}]" for n in range(len(parts)))
    graph = ";".join([*lanes, f"{joined}concat=n={len(parts)}:v=1,{_GRAIN},format=yuv420p"])
    subprocess.run(
        [program(), "-v", "error", "-y", "-f", "lavfi", "-i", graph, "-f", "lavfi", "-i", f"sine=d={shape.seconds}",
         "-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-g", str(_RATE), "-bf", "0", "-c:a", "aac", str(path)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return path


def changing(path: Path, shape: Shape) -> Path:
    """A film of two halves, an easy one and a hard one."""
    return scenes(path, shape, (PATTERNS, 0.5), (ZOOM, 0.5))


def hdr10(path: Path, film: Path, peak: int = 600) -> Path:
    """The same film as HDR10: what was white has `peak` cd/m2; of an ffmpeg with zscale."""
    graded = f"zscale=tin=bt709:min=bt709:pin=bt709:rin=limited:t=smpte2084:p=bt2020:m=bt2020nc:r=limited:npl={peak},format=yuv420p10le"
    told = f"crf=10:pools=none:log-level=error:hdr10-opt=1:transfer=smpte2084:colorprim=bt2020:colormatrix=bt2020nc:range=limited:max-cll={peak},{peak // 3}"
    subprocess.run(
        [program(), "-v", "error", "-y", "-i", str(film), "-vf", graded, "-c:v", "libx265", "-preset", "veryfast", "-x265-params", told,
         "-c:a", "copy", "-tag:v", "hvc1", str(path)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return path


def repeated(path: Path, film: Path, seconds: float) -> Path:
    """The same film again and again, as it is stored."""
    subprocess.run(
        [program(), "-v", "error", "-y", "-stream_loop", "-1", "-i", str(film), "-t", str(seconds), "-c", "copy", str(path)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return path


def uneven(path: Path, shape: Shape) -> Path:
    """A film that its samples know least: most of it stands still, short parts of it are hard."""
    return scenes(path, shape, (PATTERNS, 0.45), (CELLS, 0.1), (BARS, 0.3), (ZOOM, 0.15))
