"""Encodes stills in one plain loop, as somebody would who has one process, no limits and no bus; writes to a temporary folder.

    python -m benchmarks.compressor.bare TIER [--no-gate] FILE...

Prints the seconds that the loop took, without the start of Python: what the compressor's own throughput is held against.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from services.compressor.kind import kind_of
from services.compressor.pool.worker import warm_up
from services.compressor.stills import encoders, jpeg
from services.compressor.stills.decode import decoded
from services.compressor.stills.still import still
from services.compressor.tiers.policy import Encode, plan
from services.compressor.tiers.profiles import BALANCED
from services.compressor.tiers.tier import Still, Tier
from services.compressor.verdict import Keep, Limits

_NICE = 10  # as the compressor's own


def _with_gate(files: list[Path], tier: Tier, room: Path) -> None:
    """The same encoder, settings and gate as the product's, called one after another."""
    for number, path in enumerate(files):
        kind = kind_of(path)
        with suppress(Keep):
            still(path, room / f"{number}{path.suffix}", kind, plan(kind, tier), Limits())


def _without(files: list[Path], tier: Tier, room: Path) -> None:
    """Decode, encode once at the tier's quality, write: no metadata, no score."""
    for number, path in enumerate(files):
        kind = kind_of(path)
        match plan(kind, tier):
            case Encode(setting=Still() as setting):
                data = path.read_bytes()
                image = decoded(data, Limits(), kind)
                encoder = encoders.for_jpeg(image, jpeg.take_apart(data), setting.encoder)
                (room / f"{number}{path.suffix}").write_bytes(encoder.encode(setting.quality))
            case _:
                pass


def main() -> None:
    """Loop once and print the seconds."""
    os.nice(_NICE)
    name, *rest = sys.argv[1:]
    loop = _without if "--no-gate" in rest else _with_gate
    files = [Path(one) for one in rest if one != "--no-gate"]
    tier = next(one for one in BALANCED if one.name == name)
    warm_up()
    with tempfile.TemporaryDirectory() as room:
        began = time.perf_counter()
        loop(files, tier, Path(room))
        sys.stdout.write(f"{time.perf_counter() - began:.3f}\n")


if __name__ == "__main__":
    main()
