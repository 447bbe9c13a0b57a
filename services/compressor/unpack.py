"""Gives back the JPEGs that were packed as JPEG XL: byte for byte, under their own names; it never replaces or changes a file.

    python -m services.compressor.unpack FILE.jxl... [--into DIR]

It needs no running service. `djxl IMG_1.JPG.jxl IMG_1.JPG` of libjxl's own tools does the same.
"""

from __future__ import annotations

import argparse
import resource
import sys
from pathlib import Path
from typing import Final

from services.compressor.pool.confine import cap, cut_off
from services.compressor.stills import jxl
from services.compressor.verdict import Broken, Limits
from shared.adapters.publishing import publish
from shared.domain.errors import Permanent, PhotoductError

WRONG: Final = 2


def unpack(packed: Path, into: Path) -> str:
    """Write the JPEG inside `packed` into the folder and return the line for the person; raises PhotoductError."""
    if packed.suffix != jxl.SUFFIX or not Path(packed.stem).suffix:
        raise Permanent(f"{packed}: expected a packed JPEG, named such as IMG_1.JPG{jxl.SUFFIX}")
    try:
        data = jxl.unpack(packed.read_bytes())
    except (Broken, OSError) as error:
        raise Permanent(f"{packed}: {error}") from error
    target = into.absolute() / packed.stem
    landed = publish([data], target, mtime=packed.stat().st_mtime)
    return f"{target}: {len(data):,} bytes, SHA-256 {landed.sha256}"


def main() -> int:
    """Unpack all, a line each; 2 with one sentence at the first that cannot be."""
    parser = argparse.ArgumentParser(
        prog="photoduct unpack", description="Give back the JPEGs inside packed files, byte for byte; nothing is replaced."
    )  # fmt: skip
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.jxl")
    parser.add_argument("--into", type=Path, default=Path(), metavar="DIR", help="where they go (default: here)")  # fmt: skip
    options = parser.parse_args()
    cut_off()
    cap(resource.RLIMIT_AS, Limits().memory)
    try:
        for packed in options.files:
            sys.stdout.write(unpack(packed, options.into) + "\n")
    except PhotoductError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG
    return 0


if __name__ == "__main__":
    sys.exit(main())
