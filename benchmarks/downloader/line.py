"""A pretended line between a client and a simulator: latency, and a rate that all connections share; it keeps no bytes.

python -m benchmarks.downloader.line --to PORT --told FILE [--latency-ms 40] [--mbit 200]

Every connection is passed on to PORT. One that begins with `CONNECT host:port` (of a program that was given
HTTPS_PROXY) is answered at once and passed on too, whatever host it names: a program that insists on Apple's own
host names meets the very same line.

It imitates the round trip of making a connection, the way of every byte, and in each direction a rate that the
connections share in turns. It imitates neither lost packets nor TCP's slow start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from typing_extensions import override

from simulators.parent import end_with_parent

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


class Near(Flow):
    """The client's end: opens the far one a round trip after its first bytes."""

    def __init__(self, line: Line) -> None:
        super().__init__(line.up)
        self._line = line
        self._head = b""
        self._opening: asyncio.Task[None] | None = None

    @override
    def data_received(self, data: bytes) -> None:
        """Take bytes; the head of a CONNECT is answered and goes no further."""
        if self._opening is None:
            self._head += data
            if self._head.startswith(b"CONNECT "):
                if b"\r\n\r\n" not in self._head:
                    return
                assert self.transport is not None
                self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                data = self._head.partition(b"\r\n\r\n")[2]
            self._opening = asyncio.ensure_future(self._open())
        if data:
            super().data_received(data)

    async def _open(self) -> None:
        await asyncio.sleep(self._line.up.delay + self._line.down.delay)
        far = Flow(self._line.down)
        far.peer = self
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: far, "127.0.0.1", self._line.port
            )
        except OSError:  # nobody listens: the client sees its connection break
            if self.transport is not None:
                self.transport.close()
        else:
            self._line.connections += 1
            self.meet(far)


@dataclass
class Line:
    """Both directions, and the port that they lead to."""

    port: int
    up: Direction
    down: Direction
    connections: int = 0


async def _main() -> None:
    asked = _parser().parse_args()
    delay, rate = asked.latency_ms / 2000, asked.mbit * 1e6 / 8
    line = Line(asked.to, Direction(rate, delay), Direction(rate, delay))
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(lambda: Near(line), "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    part = asked.told.with_suffix(".part")
    part.write_text(json.dumps({"port": port}))
    part.replace(asked.told)
    await ended.wait()
    server.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.downloader.line")
    parser.add_argument("--to", type=int, required=True, help="the port of 127.0.0.1 behind it")
    parser.add_argument("--told", type=Path, required=True, help="where to write its own port")
    parser.add_argument("--latency-ms", type=float, default=40, help="a round trip")
    parser.add_argument("--mbit", type=float, default=200, help="each direction; 0: as it comes")
    return parser


if __name__ == "__main__":
    end_with_parent()
    asyncio.run(_main())
