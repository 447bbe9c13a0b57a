"""Opens the books beside the event loop, so that the page answers meanwhile and whoever asks hears what is waited for; it answers nothing else."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from threading import Event
from typing import TYPE_CHECKING, Final

from services.state.opening import open_books
from shared.adapters.jetstream_asking import putting_off
from shared.runtime.page import STARTING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.engine import Engine

    from services.state.account import Account
    from services.state.settings import StateSettings
    from shared.runtime.service import Service
    from shared.runtime.settings import Common

OPENING: Final = "The books are being opened."


class _GivenUp(Exception):
    """The service ends while its books are waited for."""


@asynccontextmanager
async def open_books_of(
    service: Service, settings: StateSettings, common: Common, account: Account
) -> AsyncIterator[Engine]:
    """Yield the database as `open_books` does, and raise what it raises; until it is open, the page says why not.

    While its server is waited for, so do answers; where another process is the owner, the answers are that one's alone.
    """
    page, ending, away = service.page, Event(), asyncio.Event()
    loop, books = asyncio.get_running_loop(), ExitStack()

    def wait(reason: str, seconds: float) -> None:
        page.waits(f"The books are waited for. {reason}")
        loop.call_soon_threadsafe(away.set)
        if ending.wait(seconds):
            raise _GivenUp

    page.waits(OPENING)
    # Opened and closed on one thread: a file's lock belongs to the one that took it.
    with ThreadPoolExecutor(1, thread_name_prefix="owner") as thread:
        try:
            async with _putting_off_once(away, service):
                opening = open_books(settings, common, account, wait)
                engine = await loop.run_in_executor(thread, books.enter_context, opening)
            page.waits(STARTING)
            yield engine
        finally:
            ending.set()
            await loop.run_in_executor(thread, books.close)


@asynccontextmanager
async def _putting_off_once(away: asyncio.Event, service: Service) -> AsyncIterator[None]:
    async def put_off() -> None:
        await away.wait()
        async with putting_off(service.connection, "ask.state.*", lambda: service.page.reason):
            await asyncio.Event().wait()

    putting = asyncio.create_task(put_off())
    try:
        yield
    finally:
        putting.cancel()
        await asyncio.gather(putting, return_exceptions=True)
