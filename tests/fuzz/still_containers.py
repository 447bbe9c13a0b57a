"""Feeds mangled JPEGs and PNGs to the parsers of our own for as long as one likes; nothing but a refusal may come out.

    python -m tests.fuzz.still_containers -max_total_time=60     (needs `pip install atheris`)

What is carried over has to be proven by `account`; any other exception than a refusal stops the run with the bytes.
"""

from __future__ import annotations

import io
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from services.compressor import carry, container, jpeg, mpf, png
from services.compressor.verdict import Broken, Keep
from tests.unit.compressor import gain_maps, samples


def photo(quality: int) -> bytes:
    """Return a small JPEG with EXIF and a profile."""
    out = io.BytesIO()
    image = samples.picture((64, 48))
    image.save(out, "JPEG", quality=quality, exif=samples.exif(), icc_profile=samples.icc())
    return out.getvalue()


ENCODED = photo(50)


def one(data: bytes) -> None:
    """Take any bytes apart; what can be carried over must be proven to have been."""
    with suppress(Broken, Keep):
        png.account(data, png.with_pixels(png.take_apart(data), png.take_apart(data)))
    with suppress(mpf.BadIndex):
        index = mpf.read_index(data)
        mpf.moved(index, (20, 1000), (20, 900))
    container.primary_length(data[:65_000])
    with suppress(Broken, Keep):
        source = jpeg.take_apart(data)
        if jpeg.unusual(source) is None and carry.obstacle(source) is None:
            carry.account(data, carry.carry_over(source, ENCODED))


def seeds() -> list[bytes]:
    """Return the files to start from: both makers, both byte orders, a plain PNG."""
    makers = (gain_maps.apple, gain_maps.google)
    found = [maker(photo(70), order) for maker in makers for order in "<>"]
    length = jpeg.take_apart(gain_maps.google(photo(70), primary=' Item:Length="10000"')).end
    found.append(gain_maps.google(photo(70), primary=f' Item:Length="{length}"'))
    out = io.BytesIO()
    samples.picture((16, 16)).save(out, "PNG", icc_profile=samples.icc())
    return [*found, out.getvalue()]


def main() -> None:
    """Run atheris on the seeds; its options are libFuzzer's."""
    import atheris  # type: ignore[import-untyped]

    with tempfile.TemporaryDirectory() as corpus:
        for n, seed in enumerate(seeds()):
            (Path(corpus) / str(n)).write_bytes(seed)
        atheris.instrument_all()
        atheris.Setup([*sys.argv, "-max_len=30000", corpus], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
