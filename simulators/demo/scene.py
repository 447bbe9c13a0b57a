"""Sets the demo's stage and judges what is left on it: simulators, settings, sign-in, proof; it deletes nothing."""

from __future__ import annotations

import json
import secrets
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.nas_sync.nas import init_archive
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin import login
from shared.domain.ids import Area
from shared.runtime.settings import Common, load_common
from simulators.demo import configuration
from simulators.demo.apple import APPLE_ID, Apple
from simulators.demo.folder import fresh_folder
from simulators.demo.proof import Findings, google_holds, nas_holds, prove
from simulators.phone.launch import PhoneProgram
from simulators.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulators.demo.configuration import Folders


__all__ = ("Scene", "expected", "fresh_folder", "plants", "scene")


@dataclass(frozen=True, slots=True)
class Scene:
    """The outside world of one demo, ready for the product to start in it."""

    folders: Folders
    library: Path
    apple: Apple
    phone: PhoneProgram

    @property
    def common(self) -> Common:
        """The settings that all services share."""
        return load_common(self.folders.config)

    def judge(self) -> Findings:
        """Prove from the outside what the product did; the only question it asks is the simulated iCloud's truth."""
        google, nas = google_holds(self.folders.google), nas_holds(self.folders.nas)
        return prove(self.apple.truth(), google, nas, expected(self.library))


@contextmanager
def scene(folders: Folders, library: Path, phone_mode: str) -> Iterator[Scene]:
    """Start iCloud and the phone, sign in, write the settings; end both at the end."""
    with ExitStack() as stack:
        apple = Apple.start(library, folders.root / "icloud", secrets.token_urlsafe(12))
        stack.callback(apple.stop)
        phone = _phone(folders, phone_mode)
        stack.callback(phone.stop)  # also when it is interrupted before it is ready
        phone.start()
        _configure(folders, apple, phone)
        yield Scene(folders, library, apple, phone)


def _phone(folders: Folders, mode: str) -> PhoneProgram:
    return PhoneProgram(
        folders.root,
        mode=mode,
        persona={"delete_by_hand": ["deleted-by-hand"], "never_upload": []},
        server_folder=folders.media / Area.PIXEL,
        log=folders.root / "phone.log",
    )


def _configure(folders: Folders, apple: Apple, phone: PhoneProgram) -> None:
    made = configuration.settings(folders, apple, APPLE_ID, phone.told, free_port())
    configuration.write(folders, made)
    init_archive(folders.nas)
    session = ICloudSettings(**made["icloud"])
    password = (folders.root / "icloud" / "apple-password").read_text()
    login(session, password, apple.code)


def _manifest(library: Path) -> list[dict[str, Any]]:
    file = library / "library.json"
    if not file.exists():
        return []
    assets: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["assets"]
    return assets


def expected(library: Path) -> dict[str, str]:
    """Return what should become of each asset by id, "deleted" or "kept", as far as the library says."""
    return {asset["id"]: asset["expect"] for asset in _manifest(library) if "expect" in asset}


def plants(library: Path) -> dict[str, str]:
    """Return the assets that were planted to be kept, by id, with what is the matter with each."""
    return {asset["id"]: asset["plant"] for asset in _manifest(library) if asset.get("plant")}
