"""Runs the unmodified icloudpd against the same simulator through the same line, for a bounded time; it only measures."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.downloader.apple import APPLE_ID, PASSWORD
from benchmarks.downloader.gauges import Memory, larger, memory
from benchmarks.shared.processes import Program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.downloader.apple import Apple

_STEM: Final = "demoexamplecom"
"""The name that both programs give to the files of our account."""


class NotInstalled(RuntimeError):
    """There is no icloudpd on this machine."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What one run brought: seconds until its end, or until it was ended, and whole files."""

    seconds: float
    files: int
    size: int
    finished: bool
    memory: Memory
    """The largest that was seen."""
    requests: dict[str, int]
    """What it asked the simulator, by kind."""
    looked_at: int
    """Photos that it had dealt with: brought, or found there already."""


def command() -> Path:
    """Return the program: PHOTODUCT_ICLOUDPD, or the one beside this Python, or of the PATH. Raises NotInstalled."""
    named = os.environ.get("PHOTODUCT_ICLOUDPD")
    beside = Path(sys.executable).with_name("icloudpd")
    found = named or (str(beside) if beside.exists() else shutil.which("icloudpd"))
    if found is None:
        raise NotInstalled("icloudpd is not installed: pip install icloudpd")
    return Path(found)


async def icloudpd(
    apple: Apple, folder: Path, session_dir: Path, within: float, *words: str
) -> Brought:
    """Let it download the whole library into `folder/files` for at most `within` seconds.

    It gets the session that photoduct signed in, by Apple's host names instead of the simulator's.
    """
    (folder / "icloudpd.log").unlink(missing_ok=True)  # an earlier run's
    before = await apple.requests()
    begun = time.perf_counter()
    most = Memory(0, 0)
    async with _running(apple, folder, session_dir, words) as program:
        while program.runs and time.perf_counter() - begun < within:
            most = larger(most, memory(program.pid))
            await asyncio.sleep(0.1)
        seconds, finished = time.perf_counter() - begun, not program.runs
        files, size = whole_files(folder / "files")  # before its end lets it finish one more
    if finished and program.status != 0:
        raise RuntimeError(f"icloudpd failed:\n{program.log.read_text()[-2000:]}")
    after = await apple.requests()
    asked = {kind: n - before.get(kind, 0) for kind, n in after.items() if n > before.get(kind, 0)}
    return Brought(seconds, files, size, finished, most, asked, _dealt_with(program.log))


@asynccontextmanager
async def _running(
    apple: Apple, folder: Path, session_dir: Path, words: tuple[str, ...]
) -> AsyncIterator[Program]:
    (folder / "files").mkdir(parents=True, exist_ok=True)
    _hand_over(session_dir, folder / "cookies")
    asked = [
        str(command()), "--no-progress-bar",
        "-u", APPLE_ID, "-p", PASSWORD, "--password-provider", "parameter",
        "-d", str(folder / "files"), "--cookie-directory", str(folder / "cookies"), *words,
    ]  # fmt: skip
    program = Program("icloudpd", asked, folder, env=_environment(apple))
    try:
        yield program
    finally:
        await program.stop()


def _environment(apple: Apple) -> dict[str, str]:
    """Lead every host name through the line; its folder of extracted code is its own affair."""
    proxy = f"http://127.0.0.1:{apple.line_port}"
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "HTTPS_PROXY": proxy, "REQUESTS_CA_BUNDLE": str(apple.ca), "TZ": "UTC"}


def _hand_over(session_dir: Path, cookies: Path) -> None:
    """Give it our session in its own form: the same two files, but for the name of one and the domain of the cookies."""
    cookies.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(session_dir / f"{_STEM}.session", cookies)
    jar = (session_dir / f"{_STEM}.cookiejar").read_text()
    ours, theirs = 'domain="127.0.0.1"; path_spec;', 'domain=".icloud.com"; path_spec; domain_dot;'
    assert ours in jar, "the session has no cookies of the simulator"
    (cookies / _STEM).write_text(jar.replace(ours, theirs))


def _dealt_with(log: Path) -> int:
    with log.open(encoding="utf-8", errors="replace") as lines:
        return sum("already exists" in line or "Downloaded " in line for line in lines)


def whole_files(folder: Path) -> tuple[int, int]:
    """Count finished files and their bytes."""
    sizes = [
        (Path(root) / name).stat().st_size
        for root, _, names in os.walk(folder)
        for name in names
        if not name.endswith(".part")
    ]
    return len(sizes), sum(sizes)
