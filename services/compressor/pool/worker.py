"""The process that opens one hostile file: reads a job from stdin, answers on stdout; cannot touch bus or database.

The zygote forks it with the codecs loaded; it has left the network already.

Lines of JSON out: {"progress": 0.4, "frames": 90} any number of times, then one answer. The parent holds stdin open; when it is
gone, stdin ends and this process ends itself and its ffmpeg.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import signal
import sys
import threading
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

from services.compressor.films.frames import FRAMES
from services.compressor.kind import kind_of, misnamed
from services.compressor.pool.confine import cap
from services.compressor.tiers.policy import Encode, Kind, Leave, plan, settled_until, worth_it
from services.compressor.tiers.tier import Tier, asks_camera, of_camera, read_tier, tiers_for
from services.compressor.tiers.where import File
from services.compressor.verdict import Broken, Keep, Limits, Made, needs_more_than

_NICE = 10
_answers: TextIO = sys.stdout
_VIDEO = {Kind.H264, Kind.HEVC, Kind.OTHER_VIDEO}


def warm_up() -> None:
    """Load every codec and judge, and ask ffmpeg what it can do, so that a fork has it at once; opens no file, starts no thread."""
    from PIL import Image

    from services.compressor.films import ffmpeg_program, film  # noqa: F401
    from services.compressor.stills import heic, still  # noqa: F401

    heic.register()
    Image.init()
    ffmpeg_program.learn()


def main() -> None:
    """Do one job; to be called once in a process."""
    global _answers
    _answers = _private_stdout()
    request = json.loads(sys.stdin.readline())
    limits = Limits(**request["limits"])
    source, temp = Path(request["source"]), Path(request["temp"])
    threading.Thread(
        target=_die_with_parent, daemon=True
    ).start()  # its stack counts as memory, too
    _limit(limits, source, request["seconds"])
    _say(_answer(source, temp, request, limits))


def _answer(source: Path, temp: Path, request: dict[str, Any], limits: Limits) -> dict[str, Any]:
    told: dict[str, Any] = {"tier": "", "until": None}
    try:
        kind = kind_of(source)
        tiers = _tiers(source, kind, request)
        tier, told = tiers[0], {"tier": tiers[0].name, "until": settled_until(kind, tiers)}
        if request["only_tier"]:
            return {"answer": "tier", **told}
        return {"answer": "made", **told, **_work(source, temp, plan(kind, tier), kind, limits)}
    except Keep as keep:
        return {"answer": "left", **told, "reason": str(keep), "readable": keep.readable}
    except Broken as broken:
        return {"answer": "unreadable", "reason": str(broken)}
    except MemoryError:
        return {
            "answer": "left",
            **told,
            "reason": needs_more_than(limits.memory),
            "readable": None,
        }
    except OSError as error:
        return {"answer": "disk", "errno": error.errno or 0, "reason": str(error)}


def _tiers(source: Path, kind: Kind, request: dict[str, Any]) -> tuple[Tier, ...]:
    """Return the tiers that the file falls into, first the one of its age now."""
    every = tuple(read_tier(one) for one in request["tiers"])
    age = timedelta(seconds=request["age"])
    file = File(age, source.name, source.stat().st_size, tuple(request["albums"]))
    found = tiers_for(file, every)
    if not asks_camera(found):
        return found
    from services.compressor.tiers.camera import cameras_of

    return of_camera(found, cameras_of(source, kind))


def _work(
    source: Path, temp: Path, order: Encode | Leave, kind: Kind, limits: Limits
) -> dict[str, Any]:
    if odd := misnamed(source, kind):
        order = Leave(odd)
    made = _codec(source, temp, kind, order, limits)
    before, after = source.stat().st_size, temp.stat().st_size
    if isinstance(order, Encode) and not worth_it(before, after, order.setting.max_ratio):
        raise Keep(f"would not be smaller enough: {after:,} of {before:,} bytes")
    with temp.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {**asdict(made), "size": after, "sha256": sha256}


def _codec(source: Path, temp: Path, kind: Kind, order: Encode | Leave, limits: Limits) -> Made:
    """Hand the file to its codec."""
    if not source.stat().st_size:
        raise Broken("the file is empty")
    if kind is Kind.UNKNOWN:
        raise Broken(f"the file is {kind}")
    if kind is Kind.RAW:
        raise Keep(f"a {kind} file is kept as it is, only its header was read", readable=None)
    if kind in _VIDEO:
        from services.compressor.films.film import video

        return video(source, temp, order, _tell)
    from services.compressor.stills.still import still

    return still(source, temp, kind, order, limits)


def _tell(done: float) -> None:
    _say({"progress": round(done, 3), "frames": FRAMES.total})


def _limit(limits: Limits, source: Path, seconds: float) -> None:
    """Bound what a hostile file can cost and reach; the parent's clock bounds the wall time."""
    os.nice(_NICE)
    with contextlib.suppress(OSError):  # an unreadable source is reported by the work itself
        cap(resource.RLIMIT_FSIZE, 2 * source.stat().st_size + limits.slack)
    cap(resource.RLIMIT_AS, limits.memory)
    cap(resource.RLIMIT_CPU, int(seconds * (os.cpu_count() or 1)) + 1)
    cap(resource.RLIMIT_CORE, 0)


def _say(line: dict[str, Any]) -> None:
    _answers.write(json.dumps(line) + "\n")
    _answers.flush()


def _private_stdout() -> TextIO:
    """Keep stdout for answers alone: what a codec library prints goes to stderr from here on."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _die_with_parent() -> None:
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)
