"""Runs one real Syncthing process; it can never outlive the simulator that started it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import shutil
import signal
import sys
from typing import TYPE_CHECKING

import httpx

from simulators.phone.config_xml import DaemonConfig, render

if TYPE_CHECKING:
    from pathlib import Path

_START_S = 30.0
_STOP_S = 10.0
_PR_SET_PDEATHSIG = 1


class SyncthingMissingError(Exception):
    """The `syncthing` program is not installed, or did not start."""


def find_syncthing() -> Path | None:
    """Answer where the `syncthing` program is, or None."""
    from pathlib import Path

    found = shutil.which("syncthing")
    return Path(found) if found else None


class Daemon:
    """One side of the pair: its home, its process and its REST interface."""

    def __init__(self, program: Path, home: Path, config: DaemonConfig) -> None:
        self._program = program
        self._home = home
        self.config = config
        self._process: asyncio.subprocess.Process | None = None

    @property
    def rest_url(self) -> str:
        """The base address of the REST interface."""
        return f"http://127.0.0.1:{self.config.gui_port}"

    async def start(self) -> None:
        """Write the config, start the program and wait until it answers."""
        self._home.mkdir(parents=True, exist_ok=True)
        (self._home / "config.xml").write_bytes(render(self.config))
        flags = ["--home", str(self._home), "--no-browser", *await self._version_flags()]
        log = (self._home / "output.log").open("ab")
        try:
            self._process = await asyncio.create_subprocess_exec(
                self._program,
                "serve",
                *flags,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"STNOUPGRADE": "1"},
                preexec_fn=_die_with_parent,
            )
        finally:
            log.close()
        async with asyncio.timeout(_START_S):
            await self._until_it_answers(self._process)

    async def stop(self) -> None:
        """Stop the process and wait for it; harmless when it is not running."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def post(self, path: str, **params: str) -> None:
        """POST to this side's REST interface; raises httpx.HTTPError."""
        async with httpx.AsyncClient(base_url=self.rest_url, timeout=30) as client:
            headers = {"X-API-Key": self.config.api_key}
            (await client.post(path, params=params, headers=headers)).raise_for_status()

    async def _until_it_answers(self, process: asyncio.subprocess.Process) -> None:
        async with httpx.AsyncClient(base_url=self.rest_url) as client:
            while True:
                if process.returncode is not None:
                    message = f"syncthing ended at once, see {self._home / 'output.log'}"
                    raise SyncthingMissingError(message)
                try:
                    headers = {"X-API-Key": self.config.api_key}
                    (await client.get("/rest/system/ping", headers=headers)).raise_for_status()
                except httpx.HTTPError:
                    await asyncio.sleep(0.05)
                else:
                    return

    async def _version_flags(self) -> list[str]:
        process = await asyncio.create_subprocess_exec(
            self._program, "--version", stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        is_v1 = re.search(rb"syncthing v1\.", out) is not None
        return ["--no-default-folder", "--skip-port-probing"] if is_v1 else []


def _die_with_parent() -> None:
    """Ask Linux to end the child when the simulator is killed without a chance to clean up."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
