"""Runs the simulated iCloud with a synthetic library, and a line before it; asks its truth and scripts its faults."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import urllib.request
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.shared.processes import Program
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin import login
from simulators.parent import environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

APPLE_ID: Final = "demo@example.com"
PASSWORD: Final = "a library made of numbers"  # noqa: S105 - opens nothing but the simulator
HOSTS: Final = (
    "idmsa.apple.com",
    "setup.icloud.com",
    "www.icloud.com",
    "p42-ckdatabasews.icloud.com",
    "cvws.icloud-content.com",
)
"""Names that an unmodified program asks for."""
_READY_S: Final = 120.0
_PAGE: Final = 2000


@dataclass(frozen=True, slots=True)
class Rate:
    """What a line imitates; 0 is no limit."""

    latency_ms: float = 40
    mbit: float = 200

    @property
    def bytes_per_second(self) -> float:
        """Its rate in one direction."""
        return self.mbit * 1e6 / 8


LINE: Final = Rate()
NO_LINE: Final = Rate(0, 0)


@dataclass(frozen=True, slots=True)
class Apple:
    """A running simulator and the line that leads to it."""

    folder: Path
    program: Program
    line: Program
    port: int
    line_port: int
    ca: Path

    @property
    def server(self) -> str:
        """The address at the near end of the line."""
        return f"https://127.0.0.1:{self.line_port}"

    def settings(self, session_dir: Path) -> ICloudSettings:
        """Return what photoduct needs to know of it."""
        return ICloudSettings(
            apple_id=APPLE_ID, server=self.server, ca_bundle=self.ca, session_dir=session_dir
        )

    async def sign_in(self, session_dir: Path) -> None:
        """Sign in as a person would with `photoduct login`, through the line."""
        settings = self.settings(session_dir)
        await asyncio.to_thread(
            login, settings, PASSWORD, lambda: str(self._ask("GET", "code", None)["code"])
        )

    async def get(self, page: str) -> dict[str, Any]:
        """Read a page below /admin, not through the line."""
        return await asyncio.to_thread(self._ask, "GET", page, None)

    async def post(self, page: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post to a page below /admin."""
        return await asyncio.to_thread(self._ask, "POST", page, body)

    async def truth(self) -> dict[str, dict[str, Any]]:
        """Return every asset as iCloud holds it, by id; asked for in pages."""
        found: dict[str, dict[str, Any]] = {}
        offset: int | None = 0
        while offset is not None:
            page = await self.get(f"truth?offset={offset}&limit={_PAGE}")
            found |= page["assets"]
            offset = page["next_offset"]
        return found

    async def requests(self) -> dict[str, int]:
        """Return how many requests of each kind it has had; ours to /admin are left out."""
        counts: dict[str, int] = (await self.get("requests"))["counts"]
        return {kind: number for kind, number in counts.items() if kind != "admin"}

    def _ask(self, method: str, page: str, body: dict[str, Any] | None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}/admin/{page}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        trust = ssl.create_default_context(cafile=str(self.ca))
        with urllib.request.urlopen(request, context=trust, timeout=120) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return found


@asynccontextmanager
async def apple(folder: Path, libraries: Sequence[str], rate: Rate) -> AsyncIterator[Apple]:
    """Run a simulator that holds these synthetic libraries (`photos=20,bytes=100`) and use a new `folder`."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    async with AsyncExitStack() as exits:
        program = _simulator(folder, libraries)
        exits.push_async_callback(program.stop)
        told = await _told(folder / "icloud.json", program)
        line = _line(folder, told["port"], rate)
        exits.push_async_callback(line.stop)
        line_port = (await _told(folder / "line.json", line))["port"]
        yield Apple(folder, program, line, told["port"], line_port, Path(told["ca"]))


def _simulator(folder: Path, libraries: Sequence[str]) -> Program:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    words = [word for one in libraries for word in ("--synthetic", one)]
    words += [word for name in HOSTS for word in ("--name", name)]
    command = [sys.executable, "-m", "simulators.icloud", "--run-dir", str(folder), *words]
    command += ["--apple-id", APPLE_ID, "--password-file", str(secret)]
    return Program("icloud", command, folder, env=environment())


def _line(folder: Path, port: int, rate: Rate) -> Program:
    command = [sys.executable, "-m", "benchmarks.downloader.line", "--to", str(port)]
    command += ["--latency-ms", str(rate.latency_ms), "--mbit", str(rate.mbit)]
    command += ["--told", str(folder / "line.json")]
    return Program("line", command, folder, env=environment())


async def _told(path: Path, program: Program) -> dict[str, Any]:
    """Return what a program writes when it is ready."""
    async with asyncio.timeout(_READY_S):
        while (found := await asyncio.to_thread(_read, path)) is None:
            program.check()
            await asyncio.sleep(0.02)
    return found


def _read(path: Path) -> dict[str, Any] | None:
    found: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return found
