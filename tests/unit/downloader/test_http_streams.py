"""The transport of downloads: one connection that is kept, noticed when it ends, and never waited for too long."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from shared.adapters.http_streams import transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Answer = Callable[[asyncio.StreamWriter, int], Awaitable[None]]

BODY = bytes(range(256)) * 4096  # a megabyte


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[tuple[httpx.AsyncClient, str, list[int]]]:
    """Serve each request of each connection by `answer`; yield a client, the address, and the requests by connection."""
    requests: list[int] = []
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(0)
        writers.append(writer)
        number = len(requests) - 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                requests[number] += 1
                await answer(writer, sum(requests))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made = transport(ssl.create_default_context())
    assert made is not None
    async with server, httpx.AsyncClient(transport=made) as client:
        yield client, f"http://127.0.0.1:{port}/", requests
        for writer in writers:
            writer.close()


async def whole(writer: asyncio.StreamWriter, _: int) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
    await writer.drain()


async def test_a_connection_is_used_again() -> None:
    async with served(whole) as (client, url, requests):
        for _ in range(3):
            assert (await client.get(url)).content == BODY
    assert requests == [3]


async def test_a_connection_that_ended_meanwhile_is_noticed_before_a_request_is_lost_in_it() -> (
    None
):
    async def and_close(writer: asyncio.StreamWriter, number: int) -> None:
        await whole(writer, number)
        writer.close()

    async with served(and_close) as (client, url, requests):
        for _ in range(2):
            assert (await client.get(url)).content == BODY
            await asyncio.sleep(0.05)
    assert requests == [1, 1]


async def test_silence_is_a_read_timeout() -> None:
    async def half(writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()

    async with served(half) as (client, url, _):
        with pytest.raises(httpx.ReadTimeout):
            await client.get(url, timeout=httpx.Timeout(30, read=0.1))


async def test_a_body_that_breaks_off_is_an_error() -> None:
    async def cut(writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        writer.close()

    async with served(cut) as (client, url, _):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(url)


async def test_nobody_there_is_a_connect_error() -> None:
    made = transport(ssl.create_default_context())
    with socket.socket() as deaf:  # it has the port and does not listen
        deaf.bind(("127.0.0.1", 0))
        async with httpx.AsyncClient(transport=made) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"http://127.0.0.1:{deaf.getsockname()[1]}/")


async def test_what_is_not_read_is_not_fetched_ahead_without_bound() -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter, _: int) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            writer.write(bytes(1 << 20))
            await writer.drain()
            sent += 1 << 20

    async with served(endless) as (client, url, _), client.stream("GET", url):
        await asyncio.sleep(0.5)
        assert sent < 64 << 20  # the kernel's buffers and ours


def test_a_proxy_of_the_environment_is_left_to_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert transport(ssl.create_default_context()) is None
