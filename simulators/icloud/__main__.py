"""Runs the simulated iCloud: wiring only; see --help."""

import argparse
import asyncio
import sys
from pathlib import Path

from simulators.icloud.account import Account
from simulators.icloud.account_settings import AccountSettings
from simulators.icloud.app import app_of, make_world
from simulators.icloud.digests import Digests
from simulators.icloud.library import LibraryError
from simulators.icloud.recipe import parse_recipe
from simulators.icloud.server import Address, serve
from simulators.icloud.synthetic import Block
from simulators.icloud.world import World
from simulators.parent import end_with_parent

_DEMO_PASSWORD = "correct horse battery staple"  # noqa: S105  (opens nothing but this program)


def main(arguments: list[str] | None = None) -> int:
    """Run until stopped: 0 after a wanted stop, 2 with one sentence when it cannot start."""
    options = _parser().parse_args(arguments)
    try:
        account = Account(options.apple_id, _password(options), options.account)
        if options.library is None and not options.synthetic:
            raise LibraryError("it needs --library or --synthetic")
        recipes = [parse_recipe(text) for text in options.synthetic]
        world = make_world(options.library, recipes, account.owner)
        run_dir: Path = options.run_dir.absolute()
        run_dir.mkdir(parents=True, exist_ok=True)
        digests = Digests()
        asyncio.run(_warm(world, digests))
        app = app_of(world, options.library, account, digests=digests)
        serve(app, run_dir, Address(options.host, options.port, tuple(options.name)))
    except (LibraryError, OSError) as error:
        sys.stderr.write(f"icloud simulator: {_sentence(error, options.port)}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulators.icloud", description=__doc__)
    parser.add_argument("--library", type=Path, help="the folder that iCloud holds")
    parser.add_argument(
        "--synthetic",
        action="append",
        default=[],
        metavar="photos=N,bytes=N-N,seed=N,...",
        help="a library made up from numbers, instead of the folder or besides it",
    )
    parser.add_argument("--run-dir", type=Path, required=True, help="for icloud.json and ca.pem")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--name", action="append", default=[], help="another name to be known by")
    parser.add_argument("--apple-id", default="demo@example.com")
    parser.add_argument(
        "--account",
        type=AccountSettings.model_validate_json,
        default=AccountSettings(),
        metavar="JSON",
        help="what POST /admin/account takes: which codes, keys, limits the account has",
    )
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument("--password", default=_DEMO_PASSWORD)
    secret.add_argument("--password-file", type=Path)
    return parser


async def _warm(world: World, digests: Digests) -> None:
    for held in world.holdings:
        if isinstance(held.specs, Block) and held.specs.recipe.warm:
            for spec in held.specs:
                await digests.ensure(spec.resources.values())


def _password(options: argparse.Namespace) -> str:
    if options.password_file is None:
        return str(options.password)
    return str(options.password_file.read_text(encoding="utf-8").rstrip("\r\n"))


def _sentence(error: Exception, port: int) -> str:
    if isinstance(error, OSError):
        what = f"port {port}" if error.filename is None else str(error.filename)
        return f"{what} cannot be used: {error.strerror or error}."
    return " ".join(str(error).split()).rstrip(".") + "."


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main())
