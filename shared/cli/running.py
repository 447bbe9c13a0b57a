"""Commands that start things: the whole product, the demo, a new archive; each checks before it touches anything."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import typer

from shared.cli import showing
from shared.domain.ids import Area
from shared.runtime.logs import set_up_logs
from shared.runtime.settings import CONFIG, config_path, load_common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.runtime.settings import Common

_KILLED: Final = 128
"""What a shell adds to the number of the signal that ended a program."""


def up() -> None:
    """Run photoduct on this machine without containers, until Ctrl-C."""
    if status := program("services.preflight"):
        raise typer.Exit(status)
    common = load_common()
    for area in Area:
        (common.library.root / area).mkdir(exist_ok=True)
    set_up_logs("photoduct", common.logs)
    asyncio.run(_keep_running(common))


async def _keep_running(common: Common) -> None:
    from shared.runtime.supervisor import Supervisor

    async with Supervisor(common, config_path()) as everything:
        logs = common.data / "logs"
        showing.console.print(f"photoduct runs; logs are in {logs}. Ctrl-C stops it.")
        await everything.wait()


def init() -> None:
    """Make the mounted NAS folder an archive: once, by you, and never automatically."""
    raise typer.Exit(program("services.nas_sync.initialise"))


def demo(context: typer.Context) -> None:
    """Show the whole product against a simulated Apple and phone; `--photos DIR` takes copies of your own."""
    raise typer.Exit(program("simulators.demo", context.args))


def compress(context: typer.Context) -> None:
    """Show with `--preview FILE...` what each tier would make of files, and write the candidates to look at."""
    raise typer.Exit(program("services.compressor.preview", context.args))


def unpack(context: typer.Context) -> None:
    """Give back the JPEGs inside `FILE.jxl...`, byte for byte, where a tier packed them; `--into DIR` says where."""
    raise typer.Exit(program("services.compressor.unpack", context.args))


def check() -> None:
    """Check all that `up` needs, settings and folders: every wrong one with its place and what is expected."""
    status = program("services.preflight", ["--settings"])
    if not config_path().exists() and CONFIG not in os.environ:
        showing.console.print(f"There is no {config_path()} here: these are the defaults.")
    elif status == 0:
        showing.console.print(f"{config_path()}: every setting is in order.")
    raise typer.Exit(status)


def program(module: str, arguments: Sequence[str] = ()) -> int:
    """Run a module of the product as a program of its own; return its exit status."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, env=os.environ) as process:  # noqa: S603 - our own module
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda told, _frame: process.send_signal(told))
        while True:
            try:
                status = process.wait()
            except KeyboardInterrupt:  # the child got it too, and ends in its own time
                continue
            return status if status >= 0 else _KILLED - status
