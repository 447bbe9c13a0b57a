"""Feeds mangled films to the box writer for as long as one likes; nothing but a refusal may come out.

    python -m tests.fuzz.film_boxes -max_total_time=60     (needs `pip install atheris`)

What is carried over has to be proven by `check_account`; any other exception than a refusal stops the run with the bytes.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from services.compressor.films import carry as film_carry
from services.compressor.films.account import check_account, obstacle
from services.compressor.kind import kind_of
from services.compressor.verdict import Keep
from tests.fuzz.running import fuzz
from tests.unit.compressor import phone_films

RENDITION = phone_films.small_film(original=False)


def one(data: bytes) -> None:
    """Take any bytes for an original; what comes over is proven to have come over."""
    with tempfile.NamedTemporaryFile() as source, tempfile.NamedTemporaryFile() as made:
        source.write(data)
        source.flush()
        original, rendition = Path(source.name), Path(made.name)
        kind_of(original)
        if obstacle(original):
            return
        rendition.write_bytes(RENDITION)
        with suppress(Keep):
            film_carry.carry_over(original, rendition)
            _prove(original, rendition)


def _prove(original: Path, rendition: Path) -> None:
    try:
        check_account(original, rendition)
    except Keep as lost:
        raise AssertionError(str(lost)) from lost


if __name__ == "__main__":
    fuzz(one, (phone_films.small_film(original=True), RENDITION), 4000)
