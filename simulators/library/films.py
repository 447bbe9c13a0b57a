"""Makes short films with ffmpeg: one master a codec, and each asset gets a copy with its own metadata."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import imageio_ffmpeg

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from simulators.library.shots import Codec

_ENCODERS: dict[Codec, tuple[str, ...]] = {
    "h264": ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20"),
    "hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "12", "-tag:v", "hvc1", "-x265-params", "log-level=error"),
    "live": ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20"),
}  # fmt: skip
_SECONDS: dict[Codec, str] = {"h264": "1.6", "hevc": "1.2", "live": "1.4"}
_FRAME: dict[Codec, str] = {"h264": "960:540", "hevc": "960:540", "live": "720:540"}


@dataclass(frozen=True)
class Reel:
    """The encoded masters, and the ffmpeg that copies them."""

    ffmpeg: str
    masters: dict[Codec, Path]

    def develop(self, codec: Codec, target: Path, created: datetime, content_id: str) -> None:
        """Writes one film; its dates and content identifier make its bytes unlike any other's."""
        local = created.strftime("%Y-%m-%dT%H:%M:%S%z")
        tags = {
            "creation_time": created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
            "com.apple.quicktime.creationdate": local,
            "com.apple.quicktime.content.identifier": content_id,
            "com.apple.quicktime.make": "Apple",
            "com.apple.quicktime.location.ISO6709": "+47.3769+008.5417+408.000/",
        }
        metadata = [word for tag in tags.items() for word in ("-metadata", "=".join(tag))]
        flags = ("-c", "copy", "-movflags", "use_metadata_tags+faststart")
        _run(self.ffmpeg, "-i", str(self.masters[codec]), *flags, *metadata, str(target))


def shoot(scene: Image.Image, folder: Path, codecs: frozenset[Codec]) -> Reel:
    """Encodes a master of each codec into `folder`; raises CalledProcessError with ffmpeg's words."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    still = folder / "scene.png"
    scene.resize((1600, 1200)).save(still, compress_level=1)
    masters: dict[Codec, Path] = {codec: folder / f"{codec}.mov" for codec in sorted(codecs)}
    for codec, target in masters.items():
        _encode(ffmpeg, codec, still, target)
    return Reel(ffmpeg, masters)


def _encode(ffmpeg: str, codec: Codec, still: Path, target: Path) -> None:
    """A camera that pans over the scene, with a tone for its sound."""
    pan = f"crop={_FRAME[codec]}:n*5:n*3,noise=alls=4:allf=t:all_seed=7,format=yuv420p"
    picture = ("-loop", "1", "-framerate", "30", "-i", str(still))
    sound = ("-f", "lavfi", "-i", "sine=frequency=330:sample_rate=44100")
    coding = (*_ENCODERS[codec], "-c:a", "aac", "-t", _SECONDS[codec])
    _run(ffmpeg, *picture, *sound, "-vf", pan, *coding, str(target))


def _run(ffmpeg: str, *arguments: str) -> None:
    command = [ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603
