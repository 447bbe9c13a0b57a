"""Encodes a whole video or a sample of it by x265 through ffmpeg; never changes the original."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import ffmpeg

from services.compressor.films.ffmpeg import opened, run
from services.compressor.verdict import Keep

if TYPE_CHECKING:
    from services.compressor.films.mp4 import Movie
    from services.compressor.films.work import Work
    from services.compressor.verdict import Progress

PRESET = "fast"
_X265 = "pools=none:frame-threads=1:log-level=error"
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)


def encode_sample(work: Work, crf: int, cut: dict[str, float], on_frame: Progress) -> int:
    """Encode the picture of a cut (`ss`, `t` in seconds) as the whole would be; return its frames."""
    read = opened(work.source, **cut)
    job = ffmpeg.output(read["v:0"], f"file:{work.temp}", f="mov", **_picture(work, crf))
    frames, trouble = run(job, on_frame)
    if trouble:
        raise Keep(f"ffmpeg could not encode a sample of it: {trouble}")
    return frames


def enough(work: Work) -> int:
    """Return how many bytes a rendition may have to be worth it."""
    return int(work.source.stat().st_size * work.setting.max_ratio)


def encode_whole(work: Work, crf: int, on_frame: Progress, *, until: int | None) -> None:
    """Encode, and stop as soon as the rendition has more than `until` bytes (None: never); raises Keep.

    Of tags it keeps the times and languages that stand in the tracks' own headers; `carry` brings all others.
    """
    read = opened(work.source)
    job = ffmpeg.output(
        read["v:0"],
        read["a?"],
        f"file:{work.temp}",
        f="mov" if work.movie.brand == b"qt  " else "mp4",
        acodec="copy",
        map_metadata=0,
        map_chapters=-1,
        write_tmcd=0,
        movie_timescale=work.movie.scale,
        **_brand(work.movie),
        **_picture(work, crf),
        **_tags(work.movie),
        **({"fs": until} if until else {}),
    )
    encoded, trouble = run(job, on_frame)
    if trouble:
        raise Keep(f"ffmpeg could not encode it: {trouble}")
    frames = work.picture.samples
    if until and encoded < frames and work.temp.stat().st_size > until * 0.8:
        raise Keep(
            f"would not be smaller enough: {encoded:,} of {frames:,} frames filled {until:,} bytes"
        )


def _picture(work: Work, crf: int) -> dict[str, Any]:
    """Return the settings of the picture; x265 spends its bits by the frames' times, so their units belong to them."""
    return {
        "vcodec": "libx265",
        "preset": PRESET,
        "crf": crf,
        "threads": 1,
        "fps_mode": "passthrough",
        "enc_time_base": "demux",
        "video_track_timescale": work.picture.scale,
        "x265-params": _X265 + (work.light.for_x265() if work.light else ""),
        "tag:v": "hvc1",
    }


def _brand(movie: Movie) -> dict[str, str]:
    """Keep the kind of MP4 that it says it is (3GP, M4V); ffmpeg writes QuickTime's by itself."""
    told = movie.brand.decode("latin-1")
    return {"brand": told} if told.isascii() and told.isprintable() else {}


def _tags(movie: Movie) -> dict[str, Any]:
    """Say the creation time once more: ffmpeg drops it where a file holds it twice."""
    if not movie.created:
        return {}
    created = f"creation_time={_EPOCH + timedelta(seconds=movie.created):%Y-%m-%dT%H:%M:%SZ}"
    return {"metadata": created, "metadata:s": created}
