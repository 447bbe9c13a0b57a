"""Tells from a service's first moment on how it is: alive, ready or not, and what it waits for; it decides nothing by that.

async with open_page(NAS_SYNC, common) as page:     # /healthz answers from here on
    page.waits("The archive is looked for.")        # /readyz: 503 and this sentence
    page.works(service.lacks)                       # /readyz: what `lacks` says now
"""

from __future__ import annotations

import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from shared.adapters.prometheus import Metrics
from shared.adapters.prometheus_http import StatusPage
from shared.domain.errors import Fatal
from shared.runtime.logs import set_up_logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from shared.domain.pipeline import Service as Row
    from shared.runtime.settings import Common

STARTING: Final = "It is starting."


class Page:
    """What one service shows of itself; made by `open_page`."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.reason = STARTING
        """What it waits for, in a sentence; empty while it works. May be set by any thread."""
        self._look: Callable[[], Awaitable[str]] | None = None

    def waits(self, reason: str) -> None:
        """Be alive and not ready from now on, for this reason: a sentence without a secret, as anybody on the network may read it."""
        self.reason, self._look = reason, None

    def works(self, look: Callable[[], Awaitable[str]]) -> None:
        """Be ready from now on whenever `look` finds nothing that is lacking."""
        self.reason, self._look = "", look

    async def lacks(self) -> str:
        """Return what keeps the service from working right now, in a sentence; empty: nothing."""
        return self.reason if self._look is None else await self._look()


@asynccontextmanager
async def open_page(row: Row, common: Common) -> AsyncIterator[Page]:
    """Set up logs, serve the page, and write where it is; Fatal when its port cannot be used."""
    set_up_logs(row.name, common.logs)
    page = Page()
    shown = StatusPage(page.metrics, page.lacks)
    try:
        port = await _listen(shown, common)
        _write_whereabouts(common, row.name, port)
        yield page
    finally:
        await shown.stop()


async def _listen(page: StatusPage, common: Common) -> int:
    try:
        return await page.start(common.metrics.host, common.metrics.port)
    except OSError as error:
        raise Fatal(
            f"{common.metrics.host}:{common.metrics.port} (metrics) cannot be used: {error.strerror}."
        ) from error


def _write_whereabouts(common: Common, name: str, port: int) -> None:
    """Tell the tools on this machine where the metrics are."""
    common.run.mkdir(parents=True, exist_ok=True)
    path = common.run / f"{name}.json"
    temp = path.with_suffix(f".{os.getpid()}.new")
    temp.write_text(json.dumps({"pid": os.getpid(), "host": common.metrics.host, "port": port}))
    temp.replace(path)
