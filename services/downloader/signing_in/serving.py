"""Opens the door on this machine's loopback and tells where it is; it listens nowhere else, and logs no request."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Final

import structlog
import uvicorn
from typing_extensions import override

from services.downloader.signing_in.app import Door
from shared.adapters.clock import SystemClock
from shared.adapters.icloud_signin_door import HOST, DoorPlace
from shared.adapters.icloud_signin_resuming import store_of
from shared.domain.errors import Fatal, PhotoductError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from shared.adapters.icloud_settings import ICloudSettings

log = structlog.get_logger()
_AGAIN_S: Final = 30.0
_HEAD: Final = 8192


class _Server(uvicorn.Server):
    """uvicorn, but signals stay the service's, and it wakes for requests only: its own way is ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Stop, without waiting for anybody's idle connection."""
        self.should_exit = self.force_exit = True
        self._ending.set()

    @override
    async def main_loop(self) -> None:
        await self._ending.wait()

    @contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def open_door(settings: ICloudSettings, port: int) -> AsyncIterator[DoorPlace]:
    """Serve the door until the block ends; raises Fatal when the port (0: any free one) is taken."""
    listener = _listen(port)
    place = DoorPlace.fresh(listener.getsockname()[1])
    door = Door(settings, place, SystemClock())
    server = _Server(_config(door))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    telling = asyncio.create_task(_tell(settings, place))
    try:
        yield place
    finally:
        telling.cancel()
        server.end()
        await asyncio.gather(serving, telling, return_exceptions=True)
        await door.close()
        with suppress(OSError):
            place.remove(settings.session_dir)


def _config(door: Door) -> uvicorn.Config:
    return uvicorn.Config(
        door.app(),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=16,
        h11_max_incomplete_event_size=_HEAD,
    )


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise Fatal(
            f"{HOST}:{port} (downloader.login_port) cannot be used: {error.strerror}."
        ) from error
    return listener


async def _tell(settings: ICloudSettings, place: DoorPlace) -> None:
    """Write where the door is, as soon as the session's folder can be used."""
    while True:
        try:
            return await asyncio.to_thread(_write, settings, place)
        except (PhotoductError, OSError) as error:
            log.warning("The door for sign-ins cannot be told yet.", reason=str(error))
        await asyncio.sleep(_AGAIN_S)


def _write(settings: ICloudSettings, place: DoorPlace) -> None:
    with store_of(settings).locked():
        place.write(settings.session_dir)
