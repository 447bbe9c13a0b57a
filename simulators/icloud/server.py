"""Listens and tells where: the port, the ready file, the stop; it listens on loopback by default."""

import asyncio
import json
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from simulators.icloud.tls import TlsFiles, make_tls_files

_STOP_SECONDS = 2


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
        ssl_certfile=tls.certificate,
        ssl_keyfile=str(tls.key),
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    content = _ready_content(listener.getsockname()[1], tls, address)
    # uvicorn raises the signal again once it has stopped: a wanted end is no failure.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    asyncio.run(_run(uvicorn.Server(config), listener, run_dir / "icloud.json", content))


async def _run(
    server: uvicorn.Server, listener: socket.socket, ready: Path, content: dict[str, object]
) -> None:
    announcing = asyncio.create_task(_announce(server, ready, content))
    await server.serve(sockets=[listener])
    announcing.cancel()


async def _announce(server: uvicorn.Server, ready: Path, content: dict[str, object]) -> None:
    """Write the ready file once connections are accepted, never before."""
    while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    await asyncio.to_thread(write_atomically, ready, content)


def _listen(address: Address) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
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
