"""Listens and tells where: the port, the ready file, the stop; it listens on loopback by default."""

import asyncio
import json
import logging
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulators.icloud.tls import TlsFiles, make_tls_files


@dataclass(frozen=True)
class Address:
    """Where to listen, and the names the certificate answers to besides the loopback ones."""

    host: str = "127.0.0.1"
    port: int = 0
    names: tuple[str, ...] = ()


def serve(app: ASGIApp, run_dir: Path, address: Address) -> None:
    """Serve until SIGTERM or SIGINT; raises OSError when the port is taken."""
    listener = _listen(address)
    tls = make_tls_files(run_dir, ("localhost", "127.0.0.1", "::1", *address.names))
    config = uvicorn.Config(
        app,
        http=_Connection,
        ssl_certfile=tls.certificate,
        ssl_keyfile=str(tls.key),
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_keep_alive=75,  # as Apple: pyicloud asks every 5 seconds, which is when uvicorn would hang up
    )
    content = _ready_content(listener.getsockname()[1], tls, address)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    server = uvicorn.Server(config)
    _stop_on_signals(server)
    asyncio.run(_run(server, listener, run_dir / "icloud.json", content))


class _Connection(H11Protocol):
    """A connection that pages can break off."""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Show the transport to the application."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def _is_news(record: logging.LogRecord) -> bool:
    # A scripted fault leaves an answer unbegun or unfinished; that is no error of ours.
    return not str(record.msg).startswith("ASGI callable returned without")


def _stop_on_signals(server: uvicorn.Server) -> None:
    """Catch what comes before uvicorn listens, and what it raises again: a wanted end is no failure."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


async def _run(
    server: uvicorn.Server, listener: socket.socket, ready: Path, content: dict[str, object]
) -> None:
    # Clients keep idle connections for minutes; a stop waits for none of them.
    server.force_exit = True
    announcing = asyncio.create_task(_announce(server, ready, content))
    await server.serve(sockets=[listener])
    announcing.cancel()
    # Downloads that the stop breaks off are no errors worth a traceback.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)


async def _announce(server: uvicorn.Server, ready: Path, content: dict[str, object]) -> None:
    """Write the ready file once connections are accepted, never before."""
    while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    await asyncio.to_thread(write_atomically, ready, content)


def _listen(address: Address) -> socket.socket:
    # Named TCP, or asyncio leaves Nagle on and every small answer waits for 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _ready_content(port: int, tls: TlsFiles, address: Address) -> dict[str, object]:
    host = address.names[0] if address.names else "127.0.0.1"
    base = f"https://{host}:{port}"
    return {
        "port": port,
        "base_url": base,
        "ca": str(tls.ca),
        "admin_url": f"{base}/admin",
        "pid": os.getpid(),
    }


def write_atomically(path: Path, content: dict[str, object]) -> None:
    """Write a JSON file so that a reader sees all of it or none of it."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content), encoding="utf-8")
    part.replace(path)
