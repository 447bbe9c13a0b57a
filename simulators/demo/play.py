"""Plays the demo: simulators, the product as its own processes, progress, table and proof; it deletes only its own folder."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.nas_sync.nas import init_archive
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin import login
from shared.cli.asking import operator
from shared.domain.ids import Area
from shared.runtime.settings import CONFIG, load_common
from shared.runtime.supervisor import Supervisor
from simulators.demo import configuration, report
from simulators.demo.apple import APPLE_ID, Apple
from simulators.demo.configuration import OVERRIDES, Folders
from simulators.demo.owner import Owner
from simulators.demo.progress import Bars, NotFinished, Watched, watch
from simulators.demo.proof import Findings, fingerprint, google_holds, nas_holds, prove
from simulators.library import generate
from simulators.phone.launch import PhoneProgram

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from shared.domain.questions import Status

MARK = ".photoduct-demo"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person asked for."""

    root: Path
    photos: Path | None
    size: str
    deadline: float
    phone: str


def play(wish: Wish, console: Console) -> int:
    """Run the demo; 0 when the pipeline came to rest and the proof holds."""
    began = time.monotonic()
    folders = Folders(wish.root)
    _fresh_folder(folders)
    library = wish.photos or folders.root / "library"
    if wish.photos is None:
        console.print("Making a library of photos and videos...")
        generate(library, size="small" if wish.size == "small" else "full")
    before = fingerprint(library)
    with ExitStack() as stack:
        apple = Apple.start(library, folders.root / "icloud", secrets.token_urlsafe(12))
        stack.callback(apple.stop)
        phone = _phone(folders, wish, stack)
        _configure(folders, apple, phone)
        report.overrides(console, OVERRIDES)
        found, watched = asyncio.run(_run(wish, folders, apple, phone, console))
    if fingerprint(library) != before:
        found.wrong.append(f"{library} was changed")
    report.totals(console, watched)
    report.kept(console, watched, _plants(library))
    report.verdict(console, found)
    console.print(
        f"The demo took {time.monotonic() - began:.1f} s; everything of it lies in {folders.root}"
    )
    return 1 if found.wrong else 0


def _fresh_folder(folders: Folders) -> None:
    """Empty the demo's own folder of an earlier run; refuse any other that is not empty."""
    root = folders.root
    if root.exists() and any(root.iterdir()):
        if not (root / MARK).exists():
            raise SystemExit(
                f"{root} is not empty and not a demo's folder; choose another with --dir."
            )
        shutil.rmtree(root)
    root.mkdir(parents=True, exist_ok=True)
    (root / MARK).touch()
    for folder in (folders.data, folders.nas, *(folders.media / area for area in Area)):
        folder.mkdir(parents=True)


def _phone(folders: Folders, wish: Wish, stack: ExitStack) -> PhoneProgram:
    program = PhoneProgram(
        folders.root,
        mode=wish.phone,
        persona={"delete_by_hand": ["deleted-by-hand"], "never_upload": []},
        server_folder=folders.media / Area.PIXEL,
        log=folders.root / "phone.log",
    )
    program.start()
    stack.callback(program.stop)
    return program


def _configure(folders: Folders, apple: Apple, phone: PhoneProgram) -> None:
    made = configuration.settings(folders, apple, APPLE_ID, phone.told, free_port())
    configuration.write(folders, made)
    init_archive(folders.nas)
    session = ICloudSettings(**made["icloud"])
    password = (folders.root / "icloud" / "apple-password").read_text()
    login(session, password, apple.code)


async def _run(
    wish: Wish, folders: Folders, apple: Apple, phone: PhoneProgram, console: Console
) -> tuple[Findings, Watched]:
    os.environ[CONFIG] = str(folders.config)
    common = load_common(folders.config)
    found, watched = Findings(), Watched()
    owner = Owner(phone.told.truth_url)
    async with Supervisor(common, folders.config), operator(common) as one:
        try:
            await _watch(one.ask, owner, watched, wish.deadline, console)
        except NotFinished as error:
            found.wrong.append(
                f"the pipeline did not come to rest within {wish.deadline:.0f} s: {error}"
            )
    truth = await asyncio.to_thread(apple.truth)
    google = await asyncio.to_thread(google_holds, folders.google)
    nas = await asyncio.to_thread(nas_holds, folders.nas)
    library = wish.photos or folders.root / "library"
    proven = prove(truth, google, nas, _expected(library))
    proven.wrong[:0] = found.wrong
    return proven, watched


async def _watch(
    ask: Any, owner: Owner, watched: Watched, deadline: float, console: Console
) -> None:
    columns = (
        TextColumn("{task.description:<20}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as progress:
        bars = Bars(progress)

        async def each(status: Status) -> None:
            bars.show(status)
            await owner.look(status)

        await watch(ask, each, watched, deadline)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _manifest(library: Path) -> list[dict[str, Any]]:
    file = library / "library.json"
    if not file.exists():
        return []
    assets: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["assets"]
    return assets


def _expected(library: Path) -> dict[str, str]:
    return {asset["id"]: asset["expect"] for asset in _manifest(library) if "expect" in asset}


def _plants(library: Path) -> dict[str, str]:
    return {asset["id"]: asset["plant"] for asset in _manifest(library) if asset.get("plant")}
