"""Drives one compose stack with the demo profile, in folders and under a project name of its own; it asks docker alone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

ROOT = Path(__file__).parents[2]
USER = 1000
PRODUCT = (
    *("nats", "streams", "state", "downloader", "pixel_sync"),
    *("nas_sync", "compressor", "icloud_cleanup"),
)
"""What `down` takes away in the middle: all but the simulated world, which keeps its iCloud in memory."""
SERVICES = PRODUCT[2:]
CHECKOUT = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
"""Part of each name: two checkouts can be tested on one machine at once."""
IMAGES = f"photoduct/*:test-{CHECKOUT}"
POSTGRES = "postgresql+psycopg://photoduct@postgres/photoduct?passfile=/secrets/pgpass"

ASK = """
import json, ssl, sys, urllib.request as web
url, body = sys.argv[1:]
trusted = ssl.create_default_context(cafile="/demo/icloud/ca.pem")
data = body.encode() if json.loads(body) else None
print(web.urlopen(web.Request(url, data), context=trusted, timeout=60).read().decode())
"""


class Opening(Protocol):
    """The fixture `stack`."""

    def __call__(
        self, name: str, profiles: str = ..., **more: str
    ) -> AbstractContextManager[Stack]:
        """Open a stack for a block."""
        ...


def run(*command: str, within: float = 120, env: dict[str, str] | None = None) -> str:
    """Return what a command says; it fails the test with its words when its exit status is not 0."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )
    assert done.returncode == 0, (
        f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    )
    return done.stdout


@dataclass(frozen=True)
class Stack:
    """One project; `folder` holds data, media and nas, and belongs to the containers' user."""

    name: str
    folder: Path
    profiles: str = "demo"
    more: Mapping[str, str] = field(default_factory=dict)
    """Further variables, as in `.env`."""

    @property
    def project(self) -> str:
        """The name of its project for docker."""
        return f"photoduct-test-{CHECKOUT}-{self.name}"

    def compose(self, *arguments: str, within: float = 240) -> str:
        return run(
            *("docker", "compose", "--env-file", "deploy/demo.env", *arguments),
            within=within,
            env={
                "COMPOSE_PROJECT_NAME": self.project,
                "PHOTODUCT_VERSION": f"test-{CHECKOUT}",
                "PROMETHEUS_PORT": "0",
                "COMPOSE_PROFILES": self.profiles,
                "MOUNT_PROPAGATION": "rslave",
                "PUID": str(USER),
                "PGID": str(USER),
                **{
                    f"{one.upper()}_DIR": str(self.folder / one) for one in ("data", "media", "nas")
                },
                **self.more,
            },
        )

    def up(self, *arguments: str) -> None:
        self.compose("up", "-d", "--no-build", *arguments)

    def remove(self) -> None:
        """Take everything of the project away, a proof that was interrupted included."""
        mine = f"label=com.docker.compose.project={self.project}"
        if left := run("docker", "ps", "-aq", "--filter", mine).split():
            run("docker", "rm", "-f", *left)
        self.compose("down", "-v", "--remove-orphans")

    def prove(self) -> str:
        """Run the outside proof, which fails the test when anything is missing; return its words."""
        said = self.compose("run", "--rm", "--no-deps", "-T", "demo-proof", within=660)
        assert "Nothing is missing: the proof holds." in said
        return said

    def logs(self, service: str) -> list[dict[str, Any]]:
        """Return what a service's containers logged."""
        said = self.compose("logs", "--no-log-prefix", "--no-color", service)
        return [json.loads(line[line.index("{") :]) for line in said.splitlines() if "{" in line]

    def done(self, service: str, stage: str) -> list[int]:
        """Return the media or assets of the tasks of a stage that are done, as often as they were done."""
        return [
            row["key"]
            for row in self.logs(service)
            if row.get("event") == "A task is done." and row.get("stage") == stage
        ]

    def until_done(self, service: str, stage: str, count: int, within: float = 120) -> None:
        deadline = time.monotonic() + within
        while len(self.done(service, stage)) < count:
            assert time.monotonic() < deadline, self.compose("ps", "-a")
            time.sleep(1)

    def apple(self, page: str, **body: object) -> dict[str, Any]:
        """Return what a page of the simulated Apple's own side says; with a body, tell it that."""
        asked = ("python", "-c", ASK, f"https://127.0.0.1/admin/{page}", json.dumps(body))
        found: dict[str, Any] = json.loads(run("docker", "exec", *self.ids("demo-apple"), *asked))
        return found

    def containers(self) -> list[dict[str, Any]]:
        """Return what docker knows of each running container of the project."""
        ids = run(
            "docker", "ps", "-q", "--filter", f"label=com.docker.compose.project={self.project}"
        )
        found: list[dict[str, Any]] = json.loads(run("docker", "inspect", *ids.split()))
        return found

    def ids(self, service: str) -> list[str]:
        return self.compose("ps", "-q", service).split()

    def exits(self, *services: str) -> set[int]:
        """Return the exit statuses of the containers of these services, which have ended."""
        ids = self.compose("ps", "-aq", *services).split()
        found = json.loads(run("docker", "inspect", *ids))
        assert not [one for one in found if one["State"]["Running"]]
        return {one["State"]["ExitCode"] for one in found}

    def until_healthy(self, within: float = 120) -> None:
        deadline = time.monotonic() + within
        while any(one["State"]["Health"]["Status"] != "healthy" for one in self.containers()):
            assert time.monotonic() < deadline, self.compose("ps", "-a")
            time.sleep(1)


def logs_of(container: str) -> str:
    """Return what a container wrote."""
    done = subprocess.run(
        ["docker", "logs", container], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout + done.stderr


def service_of(container: dict[str, Any]) -> str:
    return str(container["Config"]["Labels"]["com.docker.compose.service"])


def uids(container: dict[str, Any]) -> set[int]:
    """Return the users of all processes in a container, as this machine's kernel knows them."""
    told = read(container, "status")
    return {int(status.partition("\nUid:")[2].split()[0]) for status in told}


def read(container: dict[str, Any], name: str) -> list[str]:
    """Return what the kernel tells under this name of each process in a container."""
    space = Path(f"/proc/{container['State']['Pid']}/ns/pid").readlink()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "ns/pid").readlink() == space:
                found.append((process / name).read_text())
        except OSError:  # it has just ended
            continue
    return found
