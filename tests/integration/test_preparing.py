"""What is made before containers start: folders and passwords, once; and a bus that other machines reach by TLS alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.adapters.jetstream import Login, connect
from shared.domain.errors import Fatal
from shared.domain.ids import Area
from shared.runtime.permissions import permissions
from shared.runtime.preparing import prepare
from simulators.icloud.tls import make_tls_files
from tests.integration.nats_fixture import containers_nats

if TYPE_CHECKING:
    from pathlib import Path


def test_it_makes_what_is_missing_and_changes_nothing_the_second_time(tmp_path: Path) -> None:
    data, library = tmp_path / "data", tmp_path / "media"
    library.mkdir()
    prepare(data, library)
    (data / "config/config.yaml").write_text("data: /elsewhere\n")
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    prepare(data, library)
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before
    assert {path.name for path in library.iterdir()} == set(Area)


def test_each_password_lies_alone_in_its_folder_and_the_folder_above_is_closed(
    tmp_path: Path,
) -> None:
    prepare(tmp_path / "data", tmp_path)
    secrets = tmp_path / "data/secrets"
    assert secrets.stat().st_mode & 0o777 == 0o700
    for user in permissions():
        files = {path.name for path in (secrets / user).iterdir()}
        assert files == ({user, "pgpass"} if user == "state" else {user})
        assert (secrets / user / user).stat().st_mode & 0o777 == 0o600
    assert (secrets / "grafana/password").stat().st_mode & 0o777 == 0o600
    assert (
        (secrets / "state/pgpass").read_text().endswith((secrets / "postgres/password").read_text())
    )


def test_a_folder_of_another_owner_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(Fatal, match="belong to user"):
        prepare(tmp_path / "data", tmp_path)


async def test_other_machines_reach_the_bus_by_tls_and_trust_its_own_authority_alone(
    tmp_path: Path,
) -> None:
    def certify(folder: Path) -> None:
        (folder / "nats").mkdir()
        make_tls_files(folder / "nats", ("127.0.0.1",))

    async with containers_nats(tmp_path, more=certify) as nats:
        url = nats.files.url.replace("nats://", "tls://")
        password = nats.login("compressor").password_file
        remote = await connect(Login(url, "compressor", password, tmp_path / "nats/ca.pem"))
        assert b'"error"' not in (await remote.request("$JS.API.INFO", b"")).data
        await remote.close()
        beside = await nats.connect("state")  # a container beside it, in the clear
        assert b'"error"' not in (await beside.request("$JS.API.INFO", b"")).data
        make_tls_files(tmp_path, ("127.0.0.1",))  # somebody else's authority
        with pytest.raises(Fatal, match=r"not trusted here \(nats\.ca\)"):
            await connect(Login(url, "compressor", password, tmp_path / "ca.pem"))
        with pytest.raises(Fatal, match=r"nats\.ca"):
            await connect(Login(url, "compressor", password, tmp_path / "missing.pem"))
