"""The simulator's command line; it only reads arguments."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Options:
    """Where everything lies and how the phone behaves."""

    run_dir: Path
    server_folder: Path
    google_store: Path
    mode: str
    port: int
    host: str
    free_after: float | None
    persona: Path | None


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; exits with a usage message when it does not fit."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators.phone",
        description="Plays a Pixel phone with Google Photos, fed by Syncthing.",
    )
    parser.add_argument("--run-dir", type=Path, required=True, help="the phone's own state")
    parser.add_argument("--server-folder", type=Path, required=True, help="the shared folder")
    parser.add_argument("--google-store", type=Path, required=True, help="what Google holds")
    parser.add_argument("--mode", choices=("auto", "real", "standin"), default="auto")
    parser.add_argument("--port", type=int, default=0, help="of the REST interface; 0: any")
    parser.add_argument("--host", default="127.0.0.1", help="where the standin listens")
    parser.add_argument("--free-after", type=float, metavar="SECONDS", help="default: never")
    parser.add_argument("--persona", type=Path, help="JSON: delete_by_hand, never_upload")
    told = vars(parser.parse_args(arguments))
    for name in ("run_dir", "server_folder", "google_store"):
        told[name] = told[name].absolute()
    return Options(**told)
