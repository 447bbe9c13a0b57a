"""Every section of `config.yaml` in one table; `python -m services.sections` checks them all and changes nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from services.compressor.settings import CompressorSettings
from services.downloader.settings import DownloaderSettings
from services.icloud_cleanup.settings import ICloudCleanupSettings
from services.nas_sync.settings import NasSyncSettings
from services.pixel_sync.settings import PixelSyncSettings
from services.state.settings import DeletionSettings, GoogleSettings, StateSettings
from shared.adapters.icloud_settings import ICloudSettings
from shared.domain.albums import among
from shared.runtime.settings import SettingsError, load_common, load_section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

SECTIONS: dict[str, type[BaseModel]] = {
    "icloud": ICloudSettings,
    "downloader": DownloaderSettings,
    "pixel_sync": PixelSyncSettings,
    "nas_sync": NasSyncSettings,
    "compressor": CompressorSettings,
    "icloud_cleanup": ICloudCleanupSettings,
    "state": StateSettings,
    "deletion": DeletionSettings,
    "google": GoogleSettings,
}


def problems() -> list[str]:
    """Return a line for each wrong field of any section, with its place and what is expected."""
    found: list[str] = []
    try:
        load_common()
    except SettingsError as error:
        found.extend(error.lines)
    for name, model in SECTIONS.items():
        try:
            load_section(name, model)
        except SettingsError as error:
            found.extend(line for line in error.lines if line not in found)
    return found


def lacking() -> list[str]:
    """Return a line for each setting that has no default that could work, or cannot work beside another, and each path that is not absolute."""
    found = [line for name, model in SECTIONS.items() for line in _relative(name, model)]
    found.extend((*_no_account(), *_keeps_everything()))
    try:
        load_section("pixel_sync", PixelSyncSettings).address()
    except SettingsError as error:
        found.extend(error.lines)
    return found


def _no_account() -> Iterator[str]:
    if not load_section("icloud", ICloudSettings).apple_id.strip():
        yield "icloud.apple_id: is missing; set it to the e-mail address of your Apple Account"


def _keeps_everything() -> Iterator[str]:
    """Find the one album whose photos are all about to be deleted among those whose photos never are."""
    album = load_section("icloud_cleanup", ICloudCleanupSettings).album
    kept = load_section("deletion", DeletionSettings).never_delete_albums
    for name in among([album], kept):
        yield (
            f"deletion.never_delete_albums: {name!r} is the album in which photos wait for their deletion"
            " (icloud_cleanup.album), so that nothing could ever be deleted; leave it out"
        )


def _relative(name: str, model: type[BaseModel]) -> Iterator[str]:
    for field, value in load_section(name, model):
        if isinstance(value, Path) and not value.is_absolute():
            yield f"{name}.{field}: expected a path from the root such as /mnt/photos, got {str(value)!r}"


def main() -> int:
    """Print the problems; 0 without any, else 2."""
    found = problems() or lacking()
    sys.stderr.writelines(f"{line}\n" for line in found)
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
