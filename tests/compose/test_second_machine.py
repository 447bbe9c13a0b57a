"""Compressors on a second machine, a compose project of its own, and the second engine on the first."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from simulators.ports import free_port
from tests.compose.stack import ROOT, USER, Stack, logs_of, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.compose.stack import Opening

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]
HOST = "172.17.0.1"
"""This machine, as every Docker network reaches it."""


def test_icloudpd_brings_a_library_whose_compressors_are_on_a_second_machine(
    stack: Opening,
) -> None:
    files = "docker-compose.yml:deploy/compose.bus.yml"
    port = str(free_port(HOST))
    with stack(
        "two", COMPOSE_FILE=files, BUS_LISTEN=HOST, BUS_PORT=port, DEMO_ENGINE="icloudpd"
    ) as here:
        here.compose("run", "--rm", "prepare")
        certify(here.folder / "data" / "nats")
        here.up("--scale", "compressor=0")
        with second_machine(here) as there:
            here.until_healthy()
            there.until_healthy()
            here.prove()
            compressed = Counter(there.done("compressor", "compress"))
        assert len(compressed) >= 10
        assert set(compressed.values()) == {1}
        assert "icloudpd is through the library." in logs_of(*here.ids("downloader"))


def certify(folder: Path) -> None:
    """Do what docs/containers.md says, word by word."""
    page = (ROOT / "docs/containers.md").read_text()
    commands = page.partition("cd data/nats\n")[2].partition("    cd ../..")[0]
    assert commands.count("openssl") == 3
    run("sh", "-euc", f"cd {folder}\n{commands}", env={"PUID": str(USER), "PGID": str(USER)})


@contextmanager
def second_machine(here: Stack) -> Iterator[Stack]:
    """Compressors in a project of their own, which reaches the first one's bus by its published port alone."""
    worker = here.folder / "worker"
    (worker / "secrets").mkdir(parents=True)
    shutil.copy(here.folder / "data/nats/ca.pem", worker / "bus-ca.pem")
    shutil.copy(here.folder / "data/secrets/compressor/compressor", worker / "secrets")
    run("chown", "-R", f"{USER}:{USER}", str(worker))
    names = here.folder / "names.yml"  # what the name server of a real network says
    names.write_text(f"services: {{compressor: {{extra_hosts: ['nas.example.org:{HOST}']}}}}\n")
    variables = {
        "COMPOSE_FILE": f"deploy/compose.worker.yml:{names}",
        "WORKER_DIR": str(worker),
        "BUS": "nas.example.org",
        "BUS_PORT": here.more["BUS_PORT"],
    }
    there = Stack(f"{here.name}-worker", here.folder, "", variables)
    try:
        there.up("--scale", "compressor=2")
        yield there
    finally:
        there.remove()
