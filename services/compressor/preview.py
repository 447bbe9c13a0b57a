"""Shows what each tier would make of files, before anything is switched on; reads the files, writes candidates into one folder.

    python -m services.compressor.preview --preview FILE... [--into DIR] [--taken YYYY-MM-DD] [--album NAME]...

It needs no running service. The same code makes and judges the candidates as in the pipeline.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.compressor.encode import Job, compress, tier_of
from services.compressor.settings import CompressorSettings
from services.compressor.verdict import Compressed, Left, Unreadable
from shared.adapters.clock import SystemClock
from shared.domain.errors import Permanent, PhotoductError, Transient
from shared.runtime.settings import SettingsError, load_section

if TYPE_CHECKING:
    from services.compressor.tiers.tier import Tier

WRONG, FAILED, REFUSED, INTERRUPTED = 2, 1, 3, 130
_FOLDER: Final = Path("photoduct-preview")
_PREVIEW: Final = "photoduct compress"


@dataclass(frozen=True, slots=True)
class Trial:
    """One file in one tier, and where the candidate goes."""

    source: Path
    tier: Tier
    target: Path


def trials(files: list[Path], into: Path, tiers: tuple[Tier, ...]) -> list[Trial]:
    """Return every file in every tier; raises Permanent."""
    found = []
    for number, given in enumerate(files, 1):
        source = given.absolute()
        if not source.is_file():
            raise Permanent(f"{given}: there is no such file; expected a photo or video")
        for tier in tiers:
            target = into.absolute() / f"{number}-{source.stem}.{tier.name}{source.suffix}"
            if os.path.lexists(target):
                raise Permanent(f"{target}: is there already; name another folder with --into")
            found.append(Trial(source, tier, target))
    return found


async def today(trial: Trial, options: argparse.Namespace, job: Job) -> bool:
    """Say whether this is the file's tier now; without `--taken` it is as old as its modification time. Raises PhotoductError."""
    modified = datetime.fromtimestamp(trial.source.stat().st_mtime, UTC)
    return trial.tier.name == await tier_of(replace(job, created=options.taken or modified))


async def run(trial: Trial, job: Job, *, today: bool) -> str:
    """Try one file in one tier and return the line for the person; raises PhotoductError."""
    began = time.monotonic()
    only = replace(trial.tier, max_age_days=None, where=None)
    shown = _Shown(f"{trial.source.name}, {trial.tier.name}")
    found = await compress(replace(job, tiers=(only,)), shown)
    name = f"{trial.source.name}, {trial.tier.name}{' (its tier today)' * today}"
    return f"{name}: {_words(trial, found)} ({time.monotonic() - began:.1f} s)"


def _words(trial: Trial, found: Compressed | Left | Unreadable) -> str:
    match found:
        case Compressed():
            before = trial.source.stat().st_size
            sizes = f"{before:,} -> {found.size:,} bytes, {1 - found.size / before:.0%} saved"
            look = "" if found.score is None else f"score {found.score:.1f}; "
            return f"{sizes}; {look}{found.encoder} {found.settings}; {trial.target}"
        case Left():
            return f"left as it is: {found.reason}"
        case Unreadable():
            return f"unreadable: {found.reason}"


@dataclass(frozen=True, slots=True)
class _Shown:
    """Shows how far a long encode is, where somebody watches."""

    name: str

    def __call__(self, done: float) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{self.name}: {done:.0%}\x1b[K\r")
            sys.stderr.flush()


async def preview(options: argparse.Namespace) -> int:
    """Try all, a line each as it comes; return the exit status."""
    settings, now = load_section("compressor", CompressorSettings), SystemClock().now()
    wanted = trials(options.files, options.into, settings.chosen)
    options.into.mkdir(parents=True, exist_ok=True)
    status = 0
    for trial in wanted:
        job = Job(
            trial.source, trial.target, now, now, settings.chosen, settings.longest,
            albums=tuple(options.album),
        )  # fmt: skip
        try:
            line = await run(trial, job, today=await today(trial, options, job))
            sys.stdout.write(f"{line}\n")
        except (Permanent, Transient) as error:
            sys.stdout.write(f"{trial.source.name}, {trial.tier.name}: failed: {error}\n")
            status = FAILED
        sys.stdout.flush()
    return status


def _date(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=_PREVIEW, description="Show for each tier what would become of files; originals are only read."
    )  # fmt: skip
    parser.add_argument("--preview", action="store_true", required=True, help="the only way to call it: compressing itself is the running service's work")  # fmt: skip
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--into", type=Path, default=_FOLDER, metavar="DIR", help=f"where candidates go (default: {_FOLDER})")  # fmt: skip
    parser.add_argument("--taken", type=_date, metavar="YYYY-MM-DD", help="the photos' date (default: the files' own modification time)")  # fmt: skip
    parser.add_argument("--album", action="append", default=[], metavar="NAME", help="an album that the photos are in, for tiers that ask for one")  # fmt: skip
    return parser.parse_args(arguments)


async def _until_stopped(options: argparse.Namespace) -> int:
    this = asyncio.current_task()
    if this:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    return await preview(options)


def main() -> int:
    """Say what is wrong in one sentence; interrupted, the candidate in the making is removed and the finished ones stay."""
    options = _options(sys.argv[1:])
    try:
        return asyncio.run(_until_stopped(options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.stderr.write("Interrupted; finished candidates stay.\n")
        return INTERRUPTED
    except SettingsError as error:
        sys.stderr.write("\n".join(error.lines) + "\n")
        return WRONG
    except PhotoductError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG if isinstance(error, Permanent) else REFUSED


if __name__ == "__main__":
    sys.exit(main())
