"""Puts the simulated hosts of Apple together into one application; it opens no port."""

import time
from collections.abc import Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.types import ASGIApp

from simulators.icloud.account import Account
from simulators.icloud.account_admin import AccountPages
from simulators.icloud.account_pcs import PcsPages
from simulators.icloud.admin import AdminPages
from simulators.icloud.assets_download import DownloadPages
from simulators.icloud.behaviour import Habits
from simulators.icloud.clock import Clock, wall_clock
from simulators.icloud.cloudkit import CloudKitPages
from simulators.icloud.cloudkit_desk import Desk
from simulators.icloud.digests import Digests
from simulators.icloud.download_urls import UrlSigner
from simulators.icloud.expiry import Expiry
from simulators.icloud.fault_admin import FaultPages
from simulators.icloud.faults import Script
from simulators.icloud.folder_scan import read_library
from simulators.icloud.gate import Gate
from simulators.icloud.library import AssetSpec, read_folders
from simulators.icloud.line import Line
from simulators.icloud.page_faults import PageFaults
from simulators.icloud.persona import Persona
from simulators.icloud.recipe import Recipe
from simulators.icloud.render import Renderer
from simulators.icloud.setup_pages import SetupPages
from simulators.icloud.signin import SigninPages
from simulators.icloud.signin_codes import CodePages
from simulators.icloud.traffic import Traffic
from simulators.icloud.truth import Truth
from simulators.icloud.world import World


def make_world(library: Path | None, recipes: Iterable[Recipe], owner: str) -> World:
    """Read a library folder, if there is one, and add synthetic ones; raises LibraryError."""
    world = World(owner)
    if library is not None:
        world.add_specs(read_library(library), read_folders(library))
    for recipe in recipes:
        world.add_recipe(recipe)
    return world


def make_app(
    specs: list[AssetSpec], library: Path, account: Account, base: Clock = wall_clock
) -> ASGIApp:
    """Build the application for one account and one library; `base` is what its clock stands on."""
    world = World(account.owner)
    world.add_specs(specs)
    return app_of(world, library, account, base)


def app_of(
    world: World,
    library: Path | None,
    account: Account,
    base: Clock = wall_clock,
    digests: Digests | None = None,
) -> ASGIApp:
    """Build the application around a world; `library` is where the files of edits lie."""
    digests = digests or Digests()
    clock = account.clock
    clock.base = base
    line = Line()
    signer = UrlSigner(account.derived("downloads"))
    persona = Persona(world, clock)
    traffic, script = Traffic(), Script(time.monotonic)
    renderer = Renderer(digests, signer, account.owner)
    habits, expiry = Habits(), Expiry(world, clock)
    desk = Desk(world, renderer, persona, clock, PageFaults(script, world), habits, expiry)
    truth = Truth(world, digests, traffic.counts)
    routes = [
        *SigninPages(account).routes(),
        *CodePages(account).routes(),
        *SetupPages(account).routes(),
        *PcsPages(account).routes(),
        *CloudKitPages(account, desk).routes(),
        *DownloadPages(account, world, digests, signer, clock, line, script).routes(),
        *AdminPages(desk, truth, library).routes(),
        *FaultPages(script, line, traffic).routes(),
        *AccountPages(account).routes(),
    ]
    return Gate(Starlette(routes=routes), world, line, script, traffic)
