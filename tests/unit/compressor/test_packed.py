"""JPEGs packed as JPEG XL: the original's bytes come back, whatever lies around its picture; else it is left."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.compressor.encode import Job, compress
from services.compressor.stills import gate, jxl
from services.compressor.stills.decode import decoded
from services.compressor.stills.gate import Original
from services.compressor.tiers.policy import Kind
from services.compressor.tiers.tier import Reversible, Tier
from services.compressor.verdict import Broken, Compressed, Keep, Left, Limits
from tests.unit.compressor import gain_maps, samples

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
PACKED = (Tier("packed", None, jpeg=Reversible("jxl")),)


@pytest.mark.parametrize(
    ("mode", "around"),
    [("RGB", gain_maps.google), ("RGB", lambda data: data + b"ftypmp42 a motion photo's film"), ("L", bytes)],
)  # fmt: skip
async def test_the_originals_bytes_come_back(
    tmp_path: Path, job: Callable[..., Job], mode: str, around: Callable[[bytes], bytes]
) -> None:
    source = samples.jpeg(tmp_path / "a.jpg", mode=mode)
    source.write_bytes(around(source.read_bytes()))
    task = job(source, tiers=PACKED)
    found = await compress(task)
    assert isinstance(found, Compressed), found
    assert found.path == task.target.with_name("a.jpg.jxl")
    assert found.size == found.path.stat().st_size <= 0.95 * source.stat().st_size
    assert jxl.unpack(found.path.read_bytes()) == source.read_bytes()
    assert not task.target.exists()


async def test_what_cannot_be_packed_is_left(tmp_path: Path, job: Callable[..., Job]) -> None:
    answer = await compress(job(samples.jpeg(tmp_path / "a.jpg", mode="CMYK"), tiers=PACKED))
    assert answer == Left("JPEG XL cannot hold this kind of JPEG", "packed", readable=True)


def test_a_rendition_that_gives_other_bytes_back_never_counts(tmp_path: Path) -> None:
    data = samples.jpeg(tmp_path / "a.jpg").read_bytes()
    source = Original(data, decoded(data, Limits(), Kind.JPEG), Kind.JPEG, Limits())
    other = jxl.pack(samples.jpeg(tmp_path / "b.jpg", mode="L").read_bytes())
    gate.check_reversed(source, jxl.pack(data))
    for damaged in (other, other[: len(other) // 2], data, b""):
        with pytest.raises(Keep):
            gate.check_reversed(source, damaged)
    with pytest.raises(Broken):
        jxl.unpack(data)


def unpack(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.compressor.unpack", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_person_gets_the_jpeg_back_under_its_name(tmp_path: Path) -> None:
    data = samples.jpeg(tmp_path / "a.jpg").read_bytes()
    (tmp_path / "IMG_1.JPG.jxl").write_bytes(jxl.pack(data))
    arguments = str(tmp_path / "IMG_1.JPG.jxl"), "--into", str(tmp_path)
    done = unpack(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert hashlib.sha256(data).hexdigest() in done.stdout
    assert (tmp_path / "IMG_1.JPG").read_bytes() == data
    (tmp_path / "IMG_1.JPG").write_bytes(b"another")
    again = unpack(*arguments)
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)
    assert (tmp_path / "IMG_1.JPG").read_bytes() == b"another"
