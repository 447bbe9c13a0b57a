"""The demo's settings: everything quick, deletion turned on, and each safety default that this overrides named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import yaml

from services.sections import SECTIONS
from shared.domain.gate import days

if TYPE_CHECKING:
    from pathlib import Path

    from simulators.demo.apple import Apple
    from simulators.phone.launch import PhoneTold


@dataclass(frozen=True, slots=True)
class Override:
    """One setting that a person would not change like this."""

    setting: str
    demo: str

    @property
    def default(self) -> str:
        """Say what the product's own default is."""
        section, _, name = self.setting.partition(".")
        value = SECTIONS[section].model_fields[name].default
        if isinstance(value, timedelta):
            return days(value)
        return str(value).lower() if isinstance(value, bool) else str(value)


OVERRIDES = (
    Override("icloud_cleanup.enabled", "true"),
    Override("deletion.google_evidence", "freed"),
    Override("deletion.dwell", "2s"),
    Override("deletion.minimum_age", "0s"),
    Override("deletion.max_items_run", "100000"),
    Override("deletion.max_items_day", "100000"),
    Override("deletion.max_percent_day", "100"),
    Override("deletion.local_purge_after", "1s"),
    Override("google.hidden", "true"),
    Override("pixel_sync.settle_for", "1s"),
    Override("pixel_sync.mass_from", "1000000"),
)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the demo lives; all below one folder of its own."""

    root: Path

    @property
    def media(self) -> Path:
        """The library root."""
        return self.root / "media"

    @property
    def nas(self) -> Path:
        """The simulated NAS."""
        return self.root / "nas"

    @property
    def data(self) -> Path:
        """The product's own data."""
        return self.root / "data"

    @property
    def google(self) -> Path:
        """What the simulated Google holds."""
        return self.root / "google"

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.root / "config.yaml"


def settings(
    folders: Folders, apple: Apple, apple_id: str, phone: PhoneTold, port: int
) -> dict[str, Any]:
    """Return the demo's settings as they stand in its `config.yaml`."""
    made: dict[str, Any] = {
        "library": {"root": str(folders.media), "free_space_floor": 100_000_000},
        "nas": {"root": str(folders.nas)},
        "data": str(folders.data),
        "nats": {"url": f"nats://127.0.0.1:{port}"},
        "icloud": {
            "apple_id": apple_id,
            "server": apple.base_url,
            "ca_bundle": str(apple.ca),
            "session_dir": str(folders.data / "session"),
        },
        "pixel_sync": _phone(phone),
    }
    return _quick(made)


def _phone(phone: PhoneTold) -> dict[str, Any]:
    return {
        "rest_url": phone.rest_url,
        "api_key": phone.api_key,
        "folder": phone.folder,
        "device": phone.device,
    }


def _quick(made: dict[str, Any]) -> dict[str, Any]:
    """Add what makes it quick, and the overrides."""
    made["rhythm"] = {"downloader": "1h", "pixel_sync": "1s"}
    made["state"] = {
        "reconcile_every": "5s",
        "patience": "10s",
        "first_retry": "0.1s",
        "tries": 4,
    }
    for one in OVERRIDES:
        section, _, name = one.setting.partition(".")
        made.setdefault(section, {})[name] = yaml.safe_load(one.demo)
    return made


def in_containers(apple_id: str, phone: PhoneTold, ca: Path, engine: str) -> dict[str, Any]:
    """Return the demo's settings for containers, where compose says the places and Apple has its real host names."""
    made: dict[str, Any] = {
        "library": {"free_space_floor": 100_000_000},
        "icloud": {"apple_id": apple_id, "ca_bundle": str(ca)},
        "downloader": {"engine": engine},
        "pixel_sync": _phone(phone),
    }
    return _quick(made)


def write(folders: Folders, made: dict[str, Any]) -> None:
    """Write the settings file."""
    folders.config.write_text(yaml.safe_dump(made, sort_keys=False))
