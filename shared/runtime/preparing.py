"""Makes photoduct's own folders, the bus's passwords and its configuration, before containers start; it touches no photo.

`python -m shared.runtime.preparing`, as the user of all containers, with `/data` and `/media` mounted. It changes the
owner of nothing, and doing it again changes nothing but the bus's configuration, which is made from the stage table.
"""

from __future__ import annotations

import os
import secrets
import sys
from typing import TYPE_CHECKING, Final

from shared.adapters.nats_server import UserRules, config_text, passwords
from shared.adapters.private_files import write_private
from shared.domain.errors import Fatal
from shared.domain.ids import Area
from shared.runtime.permissions import permissions
from shared.runtime.settings import load_common

if TYPE_CHECKING:
    from pathlib import Path

FOLDERS: Final = (
    *("config", "nats/jetstream", "state", "session", "backup", "syncthing"),
    *("prometheus", "grafana", "demo"),
)
BUS: Final = "0.0.0.0:4222"
HEALTH: Final = "127.0.0.1:8222"
STORE: Final = "/nats/jetstream"
"""Where the bus's container sees `nats/jetstream`."""
FIRST_SETTINGS: Final = (
    "# Your settings. config.example.yaml lists them all, with their defaults.\n"
)


def prepare(data: Path, library: Path) -> None:
    """Make all that is missing; Fatal with what to do when a folder cannot be written."""
    try:
        for name in FOLDERS:
            (data / name).mkdir(parents=True, exist_ok=True, mode=0o750)
        _library(library)
        write_private(data / "nats" / "nats.conf", bus_config(data / "secrets"))
        _books(data / "secrets")
        passwords(data / "secrets" / "grafana", ["password"])
        settings = data / "config" / "config.yaml"
        if not settings.exists():
            settings.write_text(FIRST_SETTINGS, encoding="utf-8")
    except OSError as error:
        raise Fatal(
            f"{error.filename} cannot be used ({error.strerror}): its folder on the host has to "
            f"belong to user {os.getuid()} (PUID), group {os.getgid()} (PGID)."
        ) from error


def _library(library: Path) -> None:
    for area in Area:
        (library / area).mkdir(exist_ok=True)


def bus_config(folder: Path) -> str:
    """Return the configuration of a bus that the other containers reach; each password lies in a folder of its own."""
    folder.mkdir(exist_ok=True, mode=0o700)
    users = {}
    for name, allowed in permissions().items():
        known = passwords(folder / name, [name])
        users[name] = UserRules(known[name], allowed.publish, allowed.subscribe, allowed.responds)
    return config_text(STORE, BUS, users, monitor=HEALTH) + _tls(folder.parent / "nats")


def _tls(folder: Path) -> str:
    """Return the part on TLS where a person has put a certificate: for workers on other machines, at the same port.

    Those begin with the handshake, and so cannot be answered in the clear; the containers beside the bus wait it out.
    """
    if not (folder / "server.pem").is_file():
        return ""
    files = 'cert_file: "/nats/server.pem", key_file: "/nats/server.key"'
    return f'allow_non_tls: true\ntls {{ {files}, handshake_first: "250ms" }}\n'


def _books(folder: Path) -> None:
    """Make Postgres' password: for its server, which runs as its own user, and for the state service in libpq's form.

    The folder above is closed to others (0700); who gets the file mounted may read it.
    """
    server, client = folder / "postgres" / "password", folder / "state" / "pgpass"
    if client.exists() and server.exists():
        return
    password = secrets.token_urlsafe(32)
    server.parent.mkdir(exist_ok=True)
    server.parent.chmod(0o755)
    server.write_text(password + "\n", encoding="utf-8")
    server.chmod(0o444)
    write_private(client, f"*:*:*:*:{password}\n")


def main() -> int:
    """Prepare; 0, or one sentence and 3."""
    try:
        common = load_common()
        prepare(common.data, common.library.root)
    except Fatal as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
