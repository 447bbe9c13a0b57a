"""Writes the smallest config.xml of a Syncthing that talks to one peer on loopback and to nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from pathlib import Path

_QUIET_OPTIONS = {
    "globalAnnounceEnabled": "false",
    "localAnnounceEnabled": "false",
    "relaysEnabled": "false",
    "natEnabled": "false",
    "crashReportingEnabled": "false",
    "startBrowser": "false",
    "stunKeepaliveStartS": "0",
    "urAccepted": "-1",
    "autoUpgradeIntervalH": "0",
    "reconnectionIntervalS": "1",
}


@dataclass(frozen=True, slots=True)
class DeviceAddress:
    """A Syncthing device and the loopback port on which it listens."""

    id: str
    port: int


@dataclass(frozen=True, slots=True)
class FolderShare:
    """One shared folder as one side sees it; `rescan_s` of 0 means: only when told."""

    id: str
    path: Path
    type: str
    rescan_s: int


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """All that one side of the pair is told."""

    me: DeviceAddress
    peer: DeviceAddress
    gui_port: int
    api_key: str
    folder: FolderShare


def render(config: DaemonConfig) -> bytes:
    """Answer the config.xml text of one side."""
    root = ET.Element("configuration", version="36")
    root.append(_folder(config))
    root.extend(_device(address) for address in (config.me, config.peer))
    gui = ET.SubElement(root, "gui", enabled="true", tls="false")
    _texts(gui, {"address": f"127.0.0.1:{config.gui_port}", "apikey": config.api_key})
    options = ET.SubElement(root, "options")
    _texts(options, {"listenAddress": f"tcp://127.0.0.1:{config.me.port}", **_QUIET_OPTIONS})
    text: bytes = ET.tostring(root, encoding="utf-8")
    return text


def _folder(config: DaemonConfig) -> ET.Element:
    share = config.folder
    element = ET.Element(
        "folder",
        id=share.id,
        label=share.id,
        path=str(share.path),
        type=share.type,
        rescanIntervalS=str(share.rescan_s),
        fsWatcherEnabled="false",
        ignorePerms="true",
        # true would rename NFD files on the disk, under the feet of the library
        autoNormalize="false",
    )
    for address in (config.me, config.peer):
        ET.SubElement(element, "device", id=address.id)
    _texts(element, {"markerName": ".stfolder", "minDiskFree": "0"})
    return element


def _device(address: DeviceAddress) -> ET.Element:
    element = ET.Element("device", id=address.id, compression="never")
    _texts(element, {"address": f"tcp://127.0.0.1:{address.port}", "autoAcceptFolders": "false"})
    return element


def _texts(parent: ET.Element, values: dict[str, str]) -> None:
    for tag, text in values.items():
        ET.SubElement(parent, tag).text = text
