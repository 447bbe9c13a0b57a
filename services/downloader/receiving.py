"""Streams one answer of iCloud into a partial file, never more than two blocks of it in memory; it gives nothing a final name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from shared.ports.files import WrongLength
from shared.ports.icloud import Stalled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.downloader.partial import Partial
    from shared.ports.icloud import Incoming

BLOCK: Final = 1 << 20
"""Bytes that are written and hashed at once, in a thread, while the next ones arrive."""
PROGRESS: Final = 32 << 10
"""Bytes that have to arrive within the time of a stall."""


class WrongAnswer(WrongLength):
    """What iCloud offers is not the file: an error page, mostly. The partial file is as it was."""


def _check(incoming: Incoming, held: int, size: int) -> None:
    if incoming.start + incoming.length != size:  # before it costs a byte
        raise WrongAnswer(
            f"iCloud offers {incoming.start + incoming.length} bytes instead of {size}"
        )
    if incoming.start not in (0, held):
        raise WrongAnswer("iCloud sent another part of the file than was asked for")


class Pouring:
    """Adds to a partial file what arrives, in blocks; one block is written while the next one gathers.

    `take` ends with the answer, so that another request may go out; `end` waits for the disk.
    """

    def __init__(self, partial: Partial) -> None:
        self._partial = partial
        self._skip = 0
        self._pieces: list[bytes] = []
        self._size = 0
        self._writing: asyncio.Future[None] | None = None

    async def take(self, incoming: Incoming, *, stall: float) -> None:
        """Take what arrives until the answer ends; what came before a failure is kept.

        Raises WrongAnswer, Stalled, Transient; as `end` does, too.
        """
        held = self._partial.digest.size
        _check(incoming, held, self._partial.size)
        self._skip = held - incoming.start
        await self._pump(incoming.chunks, stall)

    async def _pump(self, chunks: AsyncIterator[bytes], stall: float) -> None:
        loop = asyncio.get_running_loop()
        until, got = loop.time() + stall, 0
        while True:
            try:
                async with asyncio.timeout_at(until):
                    piece = await anext(chunks, None)
            except TimeoutError:
                raise Stalled(f"next to nothing arrived for {stall:g} seconds") from None
            if piece is None:
                return
            got += len(piece)
            if await self._add(piece) or got >= PROGRESS:
                until, got = loop.time() + stall, 0  # the time of the disk is not the line's

    async def _add(self, piece: bytes) -> bool:
        """Take a piece; return whether a block was handed on. The first `skip` bytes are there already."""
        if self._skip:
            piece, self._skip = piece[self._skip :], max(0, self._skip - len(piece))
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size < BLOCK:
            return False
        await self._hand_on()
        return True

    async def end(self) -> None:
        """Write what is left and wait until all of it is written, also while the task is being cancelled.

        Raises WrongLength, DiskFull, DiskTrouble.
        """
        try:
            if self._pieces:
                await self._hand_on()
        finally:
            if self._writing is not None:
                await asyncio.shield(self._writing)

    async def _hand_on(self) -> None:
        if self._writing is not None:
            await asyncio.shield(self._writing)
        pieces, self._pieces, self._size = self._pieces, [], 0
        self._writing = asyncio.ensure_future(asyncio.to_thread(self._write, pieces))

    def _write(self, pieces: list[bytes]) -> None:
        self._partial.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
