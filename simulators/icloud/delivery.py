"""Sends a content, whole or a range of it, piece by piece; it holds no more than a piece in memory."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from simulators.icloud.contents import Content, pieces
from simulators.icloud.faults import Fault
from simulators.icloud.line import Line

_BETWEEN = frozenset({"truncate", "stall", "flip"})
_STALL_SECONDS = 3600.0
_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))")


@dataclass(frozen=True)
class Stretch:
    """Bytes [start, end) of `size`; whether the client asked for a range."""

    start: int
    end: int
    size: int
    partial: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """What is said of it before it comes."""
        where = f"bytes {self.start}-{self.end - 1}/{self.size}"
        return {"content-range": where} if self.partial else {}


def wanted(header: str, size: int) -> Stretch | None:
    """Read a Range header; several ranges or nonsense mean the whole. None when it starts too late."""
    found = _RANGE.fullmatch(header.replace(" ", ""))
    if not found:
        return Stretch(0, size, size)
    first, last, suffix = found.groups()
    start = int(first) if suffix is None else max(size - int(suffix), 0)
    end = min(int(last) + 1, size) if last else size
    if start >= size:
        return None
    return Stretch(start, end, size, partial=True) if start < end else Stretch(0, size, size)


def not_satisfiable(size: int) -> Response:
    """Apple's answer to a range that starts behind the end."""
    return PlainTextResponse(
        "Range Not Satisfiable", status_code=416, headers={"content-range": f"bytes */{size}"}
    )


class Delivery(Response):
    """The answer that carries a content."""

    def __init__(
        self,
        content: Content,
        stretch: Stretch,
        line: Line,
        etag: str,
        fault: Fault | None = None,
    ) -> None:
        self.cut = fault.cut(stretch.end - stretch.start) if fault else 0
        if fault and fault.do == "short":
            stretch = replace(stretch, end=stretch.start + self.cut)
        super().__init__(status_code=206 if stretch.partial else 200, headers=stretch.headers)
        self.content = content
        self.stretch = stretch
        self.line = line
        self.fault = fault
        self.headers["content-length"] = str(stretch.end - stretch.start)
        self.headers["content-type"] = "application/octet-stream"
        self.headers["accept-ranges"] = "bytes"
        self.headers["etag"] = f'"{etag}"'

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; ends early when the client has gone."""
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        gone = asyncio.create_task(_gone(receive))
        try:
            if await self._send_pieces(send, gone):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()

    async def _send_pieces(self, send: Send, gone: "asyncio.Task[None]") -> bool:
        """Send the bytes; False when they broke off, which leaves the answer unfinished."""
        for piece in self._pieces():
            if piece is None:
                if not await self._interrupt(gone):
                    return False
                continue
            await self.line.carry(len(piece))
            if gone.done():
                return False
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        return True

    def _pieces(self) -> Iterator[bytes | memoryview | None]:
        """Give the bytes, with a None where a fault strikes between them."""
        start, end, most = self.stretch.start, self.stretch.end, self.line.piece
        middle = start + self.cut if self.fault and self.fault.do in _BETWEEN else end
        yield from pieces(self.content, start, middle, most)
        if self.fault and self.fault.do in _BETWEEN:
            yield None
            rest = pieces(self.content, middle, end, most)
            yield from _flipped(rest) if self.fault.do == "flip" else rest

    async def _interrupt(self, gone: "asyncio.Task[None]") -> bool:
        """Let the fault strike; False when nothing is to follow."""
        if self.fault and self.fault.do == "stall":
            long = _STALL_SECONDS if self.fault.seconds is None else self.fault.seconds
            await asyncio.wait([gone], timeout=long)
            return not gone.done()
        return self.fault is not None and self.fault.do == "flip"


def _flipped(rest: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Change one bit of the first byte."""
    for number, piece in enumerate(rest):
        yield bytes([piece[0] ^ 1]) + bytes(piece[1:]) if number == 0 else piece


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
