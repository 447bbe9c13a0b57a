"""Starts, hears and kills the process that decodes one file; it outlives neither its job nor the service."""

from __future__ import annotations

import asyncio
import atexit
import json
import re
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from services.compressor.pool.nursery import NoRoom, Nursery
from services.compressor.verdict import needs_more_than
from shared.domain.errors import Fatal, Permanent, PhotoductError, Transient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from services.compressor.pool.nursery import Line
    from services.compressor.verdict import Progress

_LAST_WORDS = 2000  # characters of the child's stderr that are kept
_LONGEST_LINE = 1 << 20
_BURIAL_S = 2.0  # a stopping service has ten seconds, and its files have had six of them
_NONSENSE = "The encoder said nonsense about this file."
_WANT_OF_MEMORY: Final = re.compile(r"memory allocation of \d+ bytes failed|std::bad_alloc")
"""What Rust's and C++'s libraries say before they abort."""
BORN: Final = "b"
NURSERY: Final = Nursery()
atexit.register(NURSERY.end)


async def ask(
    request: dict[str, Any],
    seconds: float,
    progress: Progress,
    frames: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Run a worker on `request` for `seconds` at most; return its answer, or one for it where it died for want of memory.

    `frames` hears of all frames so far, before `progress`. Raises Permanent when it crashed or hung, Transient when it was killed from outside,
    NoRoom when it was not born, Fatal without ffmpeg.
    Cancelling kills it at once.
    """
    line = NURSERY.bear()
    try:
        async with asyncio.timeout(seconds):
            await _send(line.talk, request)
            answer, words, life = await _heard(line, progress, frames)
    except TimeoutError:
        raise Permanent(f"It was not done after {seconds:,.0f} seconds and was stopped.") from None
    finally:
        await asyncio.shield(_end(line))
    if isinstance(answer, dict) and "answer" in answer and life == f"{BORN}0":
        return answer
    if life == f"{BORN}{-signal.SIGABRT}" and _WANT_OF_MEMORY.search(words):
        reason = needs_more_than(request["limits"]["memory"])
        return {"answer": "left", "tier": "", "reason": reason, "readable": None}
    raise _death(life.removeprefix(BORN), words)


async def _heard(
    line: Line, progress: Progress, frames: Callable[[int], None]
) -> tuple[dict[str, Any] | None, str, str]:
    """Return its answer, its last words, and its life in the zygote's words; raises at the first trouble."""
    answer = asyncio.ensure_future(_listen(line.talk, progress, frames))
    words = asyncio.ensure_future(_last_words(line.words))
    life = asyncio.ensure_future(_life(line.life))
    try:
        await asyncio.gather(answer, words, life)
    finally:
        for one in (answer, words, life):
            one.cancel()
    return answer.result(), words.result(), life.result()


async def _life(line: socket.socket) -> str:
    """Return how the child ended; raises Transient when the zygote died, as a child without it may go on, NoRoom without birth."""
    said = await _last_words(line)
    if not said:
        raise NoRoom("it was not born")
    if said == BORN:
        raise Transient("The encoders' parent was killed from outside, perhaps for want of memory.")
    return said


async def _send(talk: socket.socket, request: dict[str, Any]) -> None:
    """The line stays open afterwards: its end tells the child that we are gone."""
    with suppress(OSError):  # it died; how is told on its line
        body = json.dumps(request).encode() + b"\n"
        await asyncio.get_running_loop().sock_sendall(talk, body)


async def _listen(
    talk: socket.socket, progress: Progress, frames: Callable[[int], None]
) -> dict[str, Any] | None:
    """Return the last thing it says; raises Permanent for what no worker of ours would say."""
    answer: dict[str, Any] | None = None
    rest = b""
    async for more in _received(talk):
        *lines, rest = (rest + more).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise Permanent(_NONSENSE)
        for line in lines:
            said = _understood(line)
            if "progress" in said:
                done, put_out = _far(said)
                frames(put_out)
                progress(done)
            else:
                answer = said
    return answer


def _understood(line: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        said = json.loads(line)
        if isinstance(said, dict):
            return said
    raise Permanent(_NONSENSE)


def _far(said: dict[str, Any]) -> tuple[float, int]:
    """Return the part that is done and all frames so far."""
    with suppress(ValueError, TypeError, LookupError, OverflowError):
        done, frames = float(said["progress"]), int(said["frames"])
        if 0 <= done <= 1 and frames >= 0:
            return done, frames
    raise Permanent(_NONSENSE)


async def _last_words(words: socket.socket) -> str:
    said = b""
    async for more in _received(words):
        said = (said + more)[-_LAST_WORDS:]
    return said.decode("utf-8", "replace").strip()


async def _received(line: socket.socket) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    with suppress(OSError):  # a reset is an end, too
        while more := await loop.sock_recv(line, 65536):
            yield more


async def _end(line: Line) -> None:
    """Have the child killed with all it started, and wait until the zygote says that it is buried."""
    with suppress(OSError):
        line.life.shutdown(socket.SHUT_WR)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(_BURIAL_S):
                await _last_words(line.life)
    finally:
        NURSERY.done(line)


def _death(code: str, words: str) -> PhotoductError:
    last = words.splitlines()[-1] if words else "it said nothing"
    if "NoFfmpeg" in last:
        return Fatal(last.partition(": ")[2])
    if code == str(-signal.SIGKILL):
        return Transient("The encoder was killed from outside, perhaps for want of memory.")
    if code.startswith("-"):
        name = signal.Signals(-int(code)).name
        return Permanent(f"The encoder crashed on this file ({name}).")
    return Permanent(f"The encoder failed on this file: {last}")
