"""Commands that start things: the whole product, the demo, a sign-in, a new archive; each checks before it touches anything."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from shared.adapters.icloud_settings import ICloudSettings
from shared.cli import showing
from shared.domain.ids import Area
from shared.runtime.logs import set_up_logs
from shared.runtime.settings import CONFIG, config_path, load_common, load_section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.runtime.settings import Common

_KILLED: Final = 128
"""What a shell adds to the number of the signal that ended a program."""


def up() -> None:
    """Run photoduct on this machine without containers, until Ctrl-C."""
    if status := _python("services.preflight"):
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
    raise typer.Exit(_python("services.nas_sync.initialise"))


def login(
    apple_id: Annotated[
        str | None, typer.Option(help="Instead of the settings' icloud.apple_id.")
    ] = None,
) -> None:
    """Sign in to iCloud: asks for the password and for the code that your device shows."""
    from shared.adapters.icloud_signin import login as sign_in

    settings = load_section("icloud", ICloudSettings)
    if apple_id:
        settings = settings.model_copy(update={"apple_id": apple_id})
    if not settings.apple_id:
        raise typer.BadParameter("set icloud.apple_id in the settings, or say --apple-id")
    password = typer.prompt(f"Password of {settings.apple_id}", hide_input=True)
    sign_in(settings, password, lambda: typer.prompt("Code that your device shows"))
    showing.console.print("Signed in; photoduct goes on by itself.")


def demo(context: typer.Context) -> None:
    """Show the whole product against a simulated Apple and phone; `--photos DIR` takes copies of your own."""
    raise typer.Exit(_python("simulators.demo", context.args))


def check() -> None:
    """Check all that `up` needs, settings and folders: every wrong one with its place and what is expected."""
    status = _python("services.preflight", ["--settings"])
    if not config_path().exists() and CONFIG not in os.environ:
        showing.console.print(f"There is no {config_path()} here: these are the defaults.")
    elif status == 0:
        showing.console.print(f"{config_path()}: every setting is in order.")
    raise typer.Exit(status)


def _python(module: str, arguments: Sequence[str] = ()) -> int:
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
