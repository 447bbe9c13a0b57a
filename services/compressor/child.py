"""Starts, hears and kills the process that decodes one file; hands it no secret, and outlives none of its children."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.domain.errors import Fatal, Permanent, PhotoductError, Transient

if TYPE_CHECKING:
    from services.compressor.verdict import Progress

_ROOT = Path(__file__).parents[2]
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "IMAGEIO_FFMPEG_EXE",
)
_ONE_THREAD = {  # one process a core, one thread each; idle threads would also use up the address space
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
}
_LAST_WORDS = 2000  # characters of the child's stderr that are kept


async def ask(request: dict[str, Any], seconds: float, progress: Progress) -> dict[str, Any]:
    """Run the worker on `request` for `seconds` at most; return its answer.

    Raises Permanent when it crashed or hung, Transient when it was killed from outside, Fatal without ffmpeg.
    Cancelling kills it at once.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.compressor.worker",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=_ROOT, env=_environment(), start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            _send(child, request)
            answer, words = await asyncio.gather(_listen(child, progress), _last_words(child))
            await child.wait()
    except TimeoutError:
        raise Permanent(f"It was not done after {seconds:,.0f} seconds and was stopped.") from None
    finally:
        await _end(child)
    if not isinstance(answer, dict):
        raise _death(child.returncode or 0, words)
    return answer


def _environment() -> dict[str, str]:
    """The child decodes hostile bytes: it inherits none of the service's secrets."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _ONE_THREAD


def _send(child: asyncio.subprocess.Process, request: dict[str, Any]) -> None:
    if child.stdin:  # it stays open: its end tells the child that we are gone
        child.stdin.write(json.dumps(request).encode() + b"\n")


async def _listen(child: asyncio.subprocess.Process, progress: Progress) -> dict[str, Any] | None:
    answer: dict[str, Any] | None = None
    async for line in child.stdout or asyncio.StreamReader():
        said = json.loads(line)
        if "progress" in said:
            progress(float(said["progress"]))
        else:
            answer = said
    return answer


async def _last_words(child: asyncio.subprocess.Process) -> str:
    words = b""
    while child.stderr and (more := await child.stderr.read(65536)):
        words = (words + more)[-_LAST_WORDS:]
    return words.decode("utf-8", "replace").strip()


async def _end(child: asyncio.subprocess.Process) -> None:
    """Kill the child with all it started, and reap it; a second cancellation does not stop that."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    if child.stdin:
        child.stdin.close()
    await asyncio.shield(child.wait())


def _death(code: int, words: str) -> PhotoductError:
    last = words.splitlines()[-1] if words else "it said nothing"
    if "NoFfmpeg" in last:
        return Fatal(last.partition(": ")[2])
    if code == -signal.SIGKILL:
        return Transient("The encoder was killed from outside, perhaps for want of memory.")
    if code < 0:
        return Permanent(f"The encoder crashed on this file ({signal.Signals(-code).name}).")
    return Permanent(f"The encoder failed on this file: {last}")
