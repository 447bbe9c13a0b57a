"""Carries bytes in one direction of an imitated line: each after its way, at a rate that connections share; it keeps none."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

_TURN: Final = 64 * 1024
"""Bytes that a connection may put on the line before the next one's turn."""
_WINDOW: Final = 2 * 1024 * 1024
"""Bytes of one connection under way: as a TCP window of today, twice what fits on the line."""
_LATE_S: Final = 0.01
"""How late a timer may be without the line losing rate by it."""


@dataclass
class Direction:
    """One direction: who waits for a turn, and when the line is free again."""

    bytes_per_second: float
    delay: float
    carried: int = 0
    _waiting: deque[Flow] = field(default_factory=deque)
    _free_at: float = 0.0
    _timer: asyncio.TimerHandle | None = None

    def offer(self, flow: Flow) -> None:
        """Queue a flow that has something to send."""
        self._waiting.append(flow)
        if self._timer is None:
            self._serve()

    def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._timer = None
        self._free_at = max(self._free_at, now - _LATE_S)
        while self._waiting and self._free_at <= now:
            flow = self._waiting.popleft()
            self._send(flow, flow.chunks.popleft())
            if flow.chunks:
                self._waiting.append(flow)
        if self._waiting:
            self._timer = loop.call_at(self._free_at, self._serve)

    def _send(self, flow: Flow, chunk: bytes) -> None:
        if self.bytes_per_second:
            self._free_at += len(chunk) / self.bytes_per_second
        self.carried += len(chunk)
        flow.coming.append(chunk)  # in order, which timers of one moment are not
        loop = asyncio.get_running_loop()
        loop.call_at(max(self._free_at, loop.time()) + self.delay, flow.arrive)


class Flow(asyncio.Protocol):
    """One end of a connection: what it reads travels to the `peer`, in order, its end as an empty chunk."""

    def __init__(self, direction: Direction) -> None:
        self.direction = direction
        self.chunks: deque[bytes] = deque()
        self.coming: deque[bytes] = deque()
        self.peer: Flow | None = None
        self.transport: asyncio.Transport | None = None
        self._under_way = 0
        self._held = False
        self._ended = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send small packets at once."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(high=_WINDOW)

    @override
    def data_received(self, data: bytes) -> None:
        """Put bytes on the line, in pieces of one turn."""
        idle = not self.chunks
        self.chunks.extend(data[at : at + _TURN] for at in range(0, len(data), _TURN))
        self._under_way += len(data)
        self._throttle()
        if idle and self.peer is not None:
            self.direction.offer(self)

    def meet(self, peer: Flow) -> None:
        """Know the other end; what was read before is sent now."""
        self.peer = peer
        if self.chunks:
            self.direction.offer(self)

    def arrive(self) -> None:
        """Hand over the next that has come through."""
        chunk = self.coming.popleft()
        self._under_way -= len(chunk)
        self._throttle()
        there = self.peer.transport if self.peer else None
        if there is None or there.is_closing():
            return
        if chunk:
            there.write(chunk)
        else:
            there.close()

    @override
    def eof_received(self) -> bool:
        """Send the end behind the bytes; the other direction goes on."""
        self._end()
        return True

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Send the end behind the bytes."""
        del exc
        self._end()

    @override
    def pause_writing(self) -> None:
        """Hold the other end: the program here does not read."""
        if self.peer is not None:
            self.peer.hold(on=True)

    @override
    def resume_writing(self) -> None:
        """Let the other end go on."""
        if self.peer is not None:
            self.peer.hold(on=False)

    def hold(self, *, on: bool) -> None:
        """Stop reading, or go on."""
        self._held = on
        self._throttle()

    def _throttle(self) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if self._held or self._under_way > _WINDOW:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        idle = not self.chunks
        self.chunks.append(b"")
        if idle and self.peer is not None:
            self.direction.offer(self)
