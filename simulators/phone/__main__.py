"""Starts the phone: a real or a played Syncthing pair, and Google Photos on it; wiring only."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from simulators.parent import end_with_parent
from simulators.phone.daemon import SyncthingMissingError, find_syncthing
from simulators.phone.google_photos import GooglePhotos
from simulators.phone.google_store import GoogleStore
from simulators.phone.options import Options, parse
from simulators.phone.persona import load_persona
from simulators.phone.ports_kept import KeptPorts
from simulators.phone.real import RealPair
from simulators.phone.standin import StandInPair
from simulators.phone.truth import truth_routes

if TYPE_CHECKING:
    from pathlib import Path

    from simulators.phone.pair import Pair

_TICK_S = 0.2


def make_pair(options: Options) -> Pair:
    """Choose the mode; raises SyncthingMissingError when "real" is wanted and cannot be."""
    ports, api_key = KeptPorts(options.run_dir / "ports.json"), _api_key(options.run_dir)
    program = None if options.mode == "standin" else find_syncthing()
    if program is not None:
        return RealPair(program, options, ports, api_key)
    if options.mode == "real":
        message = "--mode real needs the `syncthing` program, which is not installed"
        raise SyncthingMissingError(message)
    return StandInPair(options, ports, api_key)


async def run(options: Options) -> None:
    """Play the phone until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    told = options.run_dir / "phone.json"
    _prepare(told)
    pair = make_pair(options)
    store = GoogleStore(options.google_store)
    persona = load_persona(options.persona)
    app = GooglePhotos(pair.phone_folder, store, persona, free_after=options.free_after)
    try:
        endpoint = await pair.start(truth_routes(pair, app, store))
        _write_whole(told, json.dumps({**asdict(endpoint), "truth_url": pair.truth_url}))
        await _use_phone(app, pair, stopped)
    finally:
        await pair.stop()


async def _use_phone(app: GooglePhotos, pair: Pair, stopped: asyncio.Event) -> None:
    while not stopped.is_set():
        if await asyncio.to_thread(app.tick):
            await pair.phone_changed()
        try:
            async with asyncio.timeout(_TICK_S):
                await stopped.wait()
        except TimeoutError:
            continue


def _prepare(told: Path) -> None:
    told.parent.mkdir(parents=True, exist_ok=True)
    # whoever waits for this file must not read the last run's
    told.unlink(missing_ok=True)


def _write_whole(file: Path, text: str) -> None:
    part = file.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(text)
    part.replace(file)


def _api_key(run_dir: Path) -> str:
    file = run_dir / "api-key"
    if not file.exists():
        _write_whole(file, secrets.token_hex(16))
    return file.read_text()


def main() -> int:
    """Run; answer the exit status."""
    try:
        asyncio.run(run(parse()))
    except SyncthingMissingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main())
