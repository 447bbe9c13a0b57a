"""One process that is kept alive: started, watched, restarted with growing delays; it ends when we do, whatever happens to us."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from shared.adapters.parent_death import DieWith
from shared.domain.errors import Fatal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = structlog.get_logger()
_GIVEN_UP: Final = {2, 3}
"""Exit statuses of wrong settings and of Fatal: starting again cannot help."""
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 10.0
_HEALTHY_AFTER_S: Final = 30.0
_LARGEST_LOG: Final = 50_000_000


@dataclass(slots=True)
class Child:
    """A command with its log file (None: our own output)."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path | None
    process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _log_from: int = field(default=0, init=False)

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self.process.pid if self.process and self.process.returncode is None else None

    async def start(self) -> None:
        """Start it in a process group of its own."""
        output = None if self.log is None else self._open_log(self.log)
        try:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                env=dict(self.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=DieWith(os.getpid()),
            )
        finally:
            if output is not None:
                os.close(output)

    async def keep_alive(self) -> None:
        """Restart it whenever it ends, for ever; raises Fatal with its sentence when that cannot help."""
        pause = _FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            status = await self._ended()
            if status in _GIVEN_UP:
                raise Fatal(
                    self._last_words() or f"{self.name} stopped for good; the reason is above."
                )
            if loop.time() - started > _HEALTHY_AFTER_S:
                pause = _FIRST_PAUSE_S
            log.warning("A process ended and is started again.", process=self.name, status=status)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
            await self.start()

    async def stop(self, within: float) -> None:
        """Ask it to end, and kill its whole group when it has not after that many seconds."""
        self._signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._ended()
        if self.pid is not None:
            log.warning("A process did not end in time and is killed.", process=self.name)
        self._signal(signal.SIGKILL)
        await self._ended()

    async def _ended(self) -> int:
        return await self.process.wait() if self.process else 0

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _open_log(self, path: Path) -> int:
        if path.exists() and path.stat().st_size > _LARGEST_LOG:
            path.replace(path.with_suffix(".log.1"))
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        self._log_from = os.fstat(fd).st_size
        return fd

    def _last_words(self) -> str:
        """Return the sentences that it left after its last log line."""
        if self.log is None:
            return ""
        with self.log.open("rb") as file:
            file.seek(self._log_from)
            lines = file.read().decode(errors="replace").splitlines()
        words: list[str] = []
        while lines and not lines[-1].startswith("{"):
            words.insert(0, lines.pop())
        return "\n".join(words[-20:])
