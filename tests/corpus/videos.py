"""The videos of the corpus: over 120, made by ffmpeg and a script, none of them in the repository.

Here by way up, codec, container and streams; by time, size, colour and tags, and the damaged ones, in the modules beside this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.corpus import films, further, pictures, video_hurt, video_times
from tests.corpus.cases import COMPRESSED, KEPT, LEFT, WHOLE, Case
from tests.unit.compressor import phone_films
from tests.unit.compressor.samples import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def ways_up() -> Iterator[Case]:
    """Rotations and mirrors as the track's matrix has them, in both containers."""
    group = "video by way up"
    for turn in (0, 90, 180, 270):
        for suffix in ("mov", "mp4"):
            yield films.case(
                group,
                f"{turn}.{suffix}",
                made=films.again,
                args=("-display_rotation", str(turn)),
                after=films.APPLE,
            )
    yield films.case(
        group, "mirrored.mov", made=films.again, args=("-display_hflip",), after=films.APPLE
    )
    yield films.case(
        group, "upside-down.mov", made=films.again, args=("-display_vflip",), after=films.APPLE
    )


def codecs() -> Iterator[Case]:
    """What a picture is coded as: H.264 and HEVC are encoded anew, all else is left."""
    group = "video by codec"
    yield films.case(group, "hevc.mov", codec=(*films.X265, "-tag:v", "hvc1"), args=films.APPLE)
    yield films.case(group, "hevc-hev1.mp4", codec=(*films.X265, "-tag:v", "hev1"))
    yield films.case(group, "baseline.mp4", codec=(*films.X264, "-profile:v", "baseline"))
    yield films.case(
        group,
        "with-b-frames.mp4",
        codec=(
            "-c:v",
            "libx264",
            "-preset",
            "fast",
            "-qp",
            "10",
            "-bf",
            "3",
            "-pix_fmt",
            "yuv420p",
        ),
    )
    yield films.case(group, "every-frame-a-key.mp4", codec=(*films.X264, "-g", "1"))
    yield films.case(
        group,
        "crf-45.mp4",
        LEFT,
        "smaller",
        codec=("-c:v", "libx264", "-crf", "45", "-pix_fmt", "yuv420p"),
        sound=(),
    )
    for pixels, ends in (
        ("yuv422p", WHOLE),
        ("yuv444p", WHOLE),
        ("yuvj420p", WHOLE),
        ("yuv420p10le", WHOLE),
        ("gray", WHOLE),
    ):
        yield films.case(group, f"{pixels}.mp4", ends, codec=(*films.X264[:-1], pixels))
    yield films.case(
        group,
        "hevc-10-bits.mov",
        WHOLE,
        codec=(*films.X265[:-1], "yuv420p10le", "-tag:v", "hvc1"),
    )
    yield films.case(
        group,
        "interlaced.mp4",
        LEFT,
        "interlaced",
        codec=(*films.X264, "-flags", "+ildct+ilme", "-x264-params", "tff=1"),
    )
    for name, codec, suffix in (
        ("mpeg4", ("-c:v", "mpeg4", "-q:v", "3"), "mp4"),
        ("mjpeg", ("-c:v", "mjpeg", "-q:v", "3"), "mov"),
        ("prores", ("-c:v", "prores_ks"), "mov"),
        ("vp9", ("-c:v", "libvpx-vp9", "-b:v", "300k", "-deadline", "realtime"), "mp4"),
        ("av1", ("-c:v", "libsvtav1", "-preset", "12", "-crf", "40", "-pix_fmt", "yuv420p"), "mp4"),
        ("still-pictures", ("-c:v", "png"), "mov"),
    ):
        yield films.case(group, f"{name}.{suffix}", LEFT, "no encoder", codec=codec)


def containers() -> Iterator[Case]:
    """Other containers: decoded and left, or not known; and the odd forms of MP4."""
    group = "video by container"
    for suffix in ("mkv", "avi"):
        yield films.case(group, f"h264.{suffix}", LEFT)
    yield films.case(
        group,
        "vp8.webm",
        LEFT,
        codec=("-c:v", "libvpx", "-b:v", "300k", "-deadline", "realtime"),
        sound=("-c:a", "libvorbis"),
    )
    yield films.case(
        group, "mpeg1.mpg", LEFT, codec=("-c:v", "mpeg1video"), rate="25", sound=("-c:a", "mp2")
    )
    yield films.case(group, "h264.mts", KEPT)
    yield films.case(group, "h264.flv", KEPT)
    yield films.case(group, "wmv2.wmv", KEPT, codec=("-c:v", "wmv2"), sound=("-c:a", "wmav2"))
    yield films.case(group, "h264.3gp", codec=films.X264)
    yield films.case(group, "h264.m4v", LEFT, "uuid box would be lost")  # made for iPods, it says
    yield films.case(group, "index-at-the-end.mp4")
    yield films.case(
        group, "fragments.mp4", LEFT, "fragments", args=("-movflags", "frag_keyframe+empty_moov")
    )
    yield films.case(group, "sound-alone.mp4", KEPT, made=_sound_alone)
    yield films.case(
        group, "live-photo.mov", args=(*films.APPLE, "-map_metadata", "0"), seconds=2.5, rate="30"
    )


def _sound_alone(path: Path) -> None:
    run("-f", "lavfi", "-i", "sine=d=1", *films.AAC, f"file:{path}")


def streams() -> Iterator[Case]:
    """Sound of every kind, and streams beside picture and sound."""
    group = "video by streams"
    for name, sound, suffix in (
        ("silent", (), "mov"),
        ("pcm", ("-c:a", "pcm_s16le"), "mov"),
        ("pcm-24", ("-c:a", "pcm_s24be"), "mov"),
        ("alac", ("-c:a", "alac"), "mov"),
        ("ac3", ("-c:a", "ac3"), "mp4"),
        ("mp3", ("-c:a", "libmp3lame"), "mp4"),
        ("opus", ("-c:a", "libopus"), "mp4"),
        ("surround", (*films.AAC, "-ac", "6"), "mov"),
        ("8-kHz", ("-c:a", "aac", "-ar", "8000"), "mp4"),
        ("flac", ("-c:a", "flac", "-strict", "-2"), "mp4"),
    ):
        ends = (
            WHOLE if name == "ac3" else COMPRESSED
        )  # ffmpeg does not give its packets out as they were
        yield films.case(group, f"{name}.{suffix}", ends, sound=sound)
    yield films.case(
        group,
        "two-sounds.mov",
        made=films.again,
        after=("-map", "0:v", "-map", "0:a", "-map", "0:a"),
    )
    yield films.case(
        group,
        "two-pictures.mov",
        LEFT,
        "several video",
        made=films.again,
        after=("-map", "0:v", "-map", "0:v", "-map", "0:a"),
    )
    yield films.case(group, "timecode.mov", made=films.again, after=("-timecode", "00:00:00:00"))
    yield films.case(
        group,
        "subtitles.mp4",
        made=_with_text,
        args=("words.srt", films.SUBTITLES, "-map", "0:s", "-c:s", "mov_text"),
    )
    yield films.case(
        group,
        "chapters.mp4",
        made=_with_text,
        args=("words.txt", films.CHAPTERS, "-map_chapters", "0"),
    )
    yield films.case(group, "cover.mp4", WHOLE, made=_with_cover)
    yield Case(group, "timed-metadata.mov", phone_films.phone_film)


def _with_text(path: Path, name: str, words: str, *after: str) -> None:
    text = path.with_name(name)
    text.write_text(words)
    films.again(path, "-i", str(text), after=("-map", "1:v", "-map", "1:a", *after))
    text.unlink()


def _with_cover(path: Path) -> None:
    cover = path.with_name("cover.jpg")
    cover.write_bytes(pictures.jpeg())
    films.again(
        path,
        "-i",
        str(cover),
        after=("-map", "1:v", "-map", "1:a", "-map", "0:v", "-disposition:v:1", "attached_pic"),
    )
    cover.unlink()


def cases() -> list[Case]:
    """Return all videos."""
    return [
        *ways_up(),
        *codecs(),
        *containers(),
        *streams(),
        *video_times.cases(),
        *video_hurt.cases(),
        *further.videos(),
    ]
