"""The videos of the corpus by time, size, colours and tags."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.corpus import films
from tests.corpus.cases import COMPRESSED, LEFT, WHOLE, Case
from tests.unit.compressor import hdr_films
from tests.unit.compressor.samples import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def times() -> Iterator[Case]:
    """Frame rates, lengths, time scales, uneven times, and films that begin late or are trimmed by an edit list."""
    group = "video by time"
    for rate in ("1", "12", "24000/1001", "60", "240"):
        name, seconds = f"{rate.replace('/', '-')}-fps.mov", 2 if rate == "1" else 0.5
        ends = (
            WHOLE if rate in {"60", "240"} else COMPRESSED
        )  # its noise is new in each frame: the score decides
        yield films.case(group, name, ends, rate=rate, seconds=seconds)
    yield films.case(group, "one-frame.mp4", WHOLE, seconds=0.05)
    yield films.case(group, "two-frames.mp4", WHOLE, seconds=0.13)
    yield films.case(group, "23-seconds.mp4", seconds=23, size="96x80", rate="5")
    for scale in ("600", "90000", "1000000"):
        yield films.case(group, f"scale-{scale}.mov", args=("-video_track_timescale", scale))
    yield films.case(group, "uneven.mov", WHOLE, made=_uneven)
    yield films.case(group, "sound-begins-late.mov", made=_late_sound)
    yield films.case(
        group, "picture-begins-late.mp4", WHOLE, made=films.again, args=("-itsoffset", "0.4")
    )
    yield films.case(
        group, "trimmed.mov", WHOLE, made=films.again, args=("-ss", "0.4"), after=films.APPLE
    )


def _uneven(path: Path) -> None:
    films.film(path, "-fps_mode", "passthrough", "-enc_time_base", "demux", rate="30",
         shown="noise=alls=20:allf=t,select='not(mod(n,7))+gt(n,15)',settb=1/600")  # fmt: skip


def _late_sound(path: Path) -> None:
    plain = path.with_name("plain.mov")
    films.film(plain)
    run(
        "-i",
        str(plain),
        "-itsoffset",
        "0.3",
        "-i",
        str(plain),
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-c",
        "copy",
        f"file:{path}",
    )
    plain.unlink()


def sizes_and_colours() -> Iterator[Case]:
    """Sizes that are no multiples of a block, pixels that are not square, and declared colours."""
    group = "video by size and colour"
    for size in ("162x122", "98x350", "640x360"):
        yield films.case(group, f"{size}.mp4", size=size)
    yield films.case(
        group, "161x121.mp4", WHOLE, size="161x121", codec=(*films.X264[:-1], "yuv444p")
    )
    yield films.case(group, "pixels-not-square.mp4", WHOLE, args=("-aspect", "16:9"))
    for name, primaries, transfer, matrix, ends in (
        ("bt601", "smpte170m", "smpte170m", "smpte170m", COMPRESSED),
        ("bt709", "bt709", "bt709", "bt709", COMPRESSED),
        ("p3", "smpte432", "bt709", "bt709", COMPRESSED),
        ("bt2020", "bt2020", "bt709", "bt2020nc", COMPRESSED),
        ("hlg", "bt2020", "arib-std-b67", "bt2020nc", LEFT),
        ("pq", "bt2020", "smpte2084", "bt2020nc", LEFT),
    ):
        shown = f"noise=alls=20:allf=t,setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}:range=tv"
        yield films.case(group, f"{name}.mov", ends, shown=shown)
    yield from _hdr()
    yield Case("4K video", "4k.mov", _largest, WHOLE, big=True)


def _hdr() -> Iterator[Case]:
    """HDR of HEVC: what stands for the whole film comes over, what changes with each scene is left."""
    group = "HDR video"
    for name, told in (
        ("hdr10.mov", hdr_films.HDR10),
        ("hdr10.mp4", hdr_films.HDR10),
        ("no-levels.mov", "transfer=smpte2084"),
        ("unknown-levels.mp4", hdr_films.HDR10.replace("1000,400", "0,0")),
        ("hlg.mov", hdr_films.HLG),
    ):
        yield Case(group, name, partial(hdr_films.hdr_film, told=told), WHOLE)
    yield Case(group, "hdr10-plus.mp4", hdr_films.hdr10_plus_film, LEFT, "HDR10+")


def _largest(path: Path) -> None:
    films.film(path, size="3840x2160", rate="10", seconds=1)


def tags() -> Iterator[Case]:
    """What cameras and programs write down."""
    group = "video by tags"
    yield films.case(group, "apple.mov", args=films.APPLE)
    yield films.case(
        group,
        "android.mp4",
        args=(
            "-metadata",
            "location=+48.1000+011.5000/",
            "-metadata",
            "creation_time=2021-02-03T04:05:06Z",
        ),
    )
    yield films.case(
        group,
        "titles.mp4",
        args=(
            "-metadata",
            "title=Ein See",
            "-metadata",
            "comment=\u6e56",
            "-metadata",
            "artist=somebody",
            "-metadata",
            "genre=x" * 50,
        ),
    )
    yield films.case(
        group,
        "quicktime-titles.mov",
        args=("-metadata", "title=A lake", "-metadata", "copyright=\u00a9"),
    )
    yield films.case(
        group,
        "language.mov",
        args=(
            "-metadata:s:a:0",
            "language=deu",
            "-metadata:s:v:0",
            "handler_name=Core Media Video",
        ),
    )
    yield films.case(
        group,
        "private-keys.mp4",
        args=(
            "-metadata",
            "com.android.version=14",
            "-metadata",
            "com.android.capture.fps=240",
            "-movflags",
            "use_metadata_tags",
        ),
    )
    yield films.case(group, "no-date.mov", args=("-map_metadata", "-1"))
    for name in ("-a.mov", "50%d.mp4", "a'b:c.mov", "a b\U0001f600.mov", "a\nb.mov"):
        yield films.case("video by odd name", name, size="96x80", seconds=0.5)


def cases() -> list[Case]:
    """Return all of them."""
    return [*times(), *sizes_and_colours(), *tags()]
