"""Feeds mangled films to the reader of their units, messages and parameters for as long as one likes; nothing but a refusal may come out.

python -m tests.fuzz.hdr_units -max_total_time=60     (needs `pip install atheris`)
"""

from __future__ import annotations

import struct
import tempfile
from contextlib import suppress
from pathlib import Path

from services.compressor.films.movie import check_carried
from services.compressor.films.mp4 import NotMp4, read_movie
from services.compressor.films.stream import read_stream
from services.compressor.verdict import Broken, Keep
from tests.fuzz.running import fuzz
from tests.unit.compressor.hdr_films import (
    LEVELS,
    MASTERING,
    PQ_SEQUENCE,
    TIMED_SEQUENCE,
    message,
    small_avc_film,
    small_hdr_film,
    unit,
)

SEEDS = (
    small_hdr_film(message(137, MASTERING), message(144, LEVELS), unit(19)),
    small_hdr_film(unit(19), before=(message(144, LEVELS), message(5, b"words" * 60))),
    small_hdr_film(PQ_SEQUENCE, unit(19), before=(PQ_SEQUENCE,)),
    small_avc_film(b"\x06" + message(1, bytes(4))[2:], b"\x65picture", before=TIMED_SEQUENCE),
)


def one(data: bytes) -> None:
    """Take any bytes for a film."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        path = Path(file.name)
        try:
            movie = read_movie(path)
        except (NotMp4, struct.error):
            return
        with suppress(Keep, Broken):
            check_carried(movie)
            read_stream(path, movie)


if __name__ == "__main__":
    fuzz(one, SEEDS, 4000)
