"""The downloader's door for sign-ins: who it lets in, what it says, and `photoduct login` through it and without it."""

import asyncio
import json
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.downloader.signing_in.app import masked
from services.downloader.signing_in.serving import open_door
from shared.adapters.icloud_signin import life_of, login
from shared.adapters.icloud_signin_door import DoorPlace
from shared.adapters.private_files import write_private
from shared.cli.login_door import door_steps
from shared.domain.errors import Fatal
from tests.integration.icloud_setup import Cloud, cloud
from tests.integration.icloud_sim import APPLE_ID, PASSWORD, REPOSITORY
from tests.integration.test_icloud_login import CALM, code, counted

NOWHERE = {"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "", "no_proxy": ""}
"""A proxy that must not be used: it would hear the password."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("apple"), signed_in=False) as running:
        yield running


@pytest.fixture
def place(world: Cloud, tmp_path: Path) -> Cloud:
    world.simulator.act("account", **CALM)
    settings = world.settings.model_copy(update={"session_dir": tmp_path / "session"})
    return Cloud(world.simulator, settings, world.root)


@asynccontextmanager
async def door(place: Cloud) -> AsyncIterator[DoorPlace]:
    """The door, open and told."""
    async with open_door(place.settings, 0) as there:
        while DoorPlace.read(place.settings.session_dir) != there:  # noqa: ASYNC110 - written by a thread
            await asyncio.sleep(0.01)
        yield there


@asynccontextmanager
async def knocking(there: DoorPlace, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    known = {"Authorization": f"Bearer {there.token}"} | headers
    async with httpx.AsyncClient(base_url=there.address, headers=known, trust_env=False) as client:
        yield client


async def said(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    found: dict[str, Any] = response.json()
    assert response.status_code == status, found
    return found


async def test_the_door_is_told_to_its_owner_alone_and_anew_at_each_start(place: Cloud) -> None:
    file = place.settings.session_dir / "login-door.json"
    tokens = set()
    for _ in range(2):
        async with door(place) as there:
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
            assert there.address.startswith("http://127.0.0.1:")
            tokens.add(there.token)
        assert not file.exists()
    assert len(tokens) == 2


async def test_who_does_not_know_the_token_learns_and_does_nothing(place: Cloud) -> None:
    async with door(place) as there, knocking(there) as client:
        tried = counted(place, "sign_ins")
        own = there.address.removeprefix("http://")
        for headers, status in (
            ({"Authorization": "Bearer wrong"}, 401),
            ({"Authorization": ""}, 401),
            ({"Authorization": f"bearer {there.token}x"}, 401),
            ({"Host": "evil.example"}, 403),
            ({"Host": own, "Origin": "http://evil.example"}, 403),
        ):
            for method, path in (("GET", "/state"), ("POST", "/begin"), ("POST", "/code")):
                body = None if method == "GET" else {"password": PASSWORD, "code": "123456"}
                answer = await client.request(method, path, headers=headers, json=body)
                assert APPLE_ID[1:] not in str(await said(answer, status))
        assert counted(place, "sign_ins") == tried


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"no json", 400),
        (b"[]", 400),
        (b'{"password": 5}', 400),
        (b'{"password": ""}', 400),
        (b"{}", 400),
        (b'{"password": "' + b"x" * 3000 + b'"}', 413),
    ],
)
async def test_bodies_that_are_no_step_are_refused_without_asking_apple(
    place: Cloud, content: bytes, status: int
) -> None:
    async with door(place) as there, knocking(there) as client:
        tried = counted(place, "sign_ins")
        json_type = {"Content-Type": "application/json"}
        await said(await client.post("/begin", content=content, headers=json_type), status)
        await said(await client.post("/begin", content=b"password=x"), 415)
        assert (await client.put("/begin")).status_code == 405
        assert counted(place, "sign_ins") == tried


async def test_all_steps_go_through_the_door(place: Cloud) -> None:
    async with door(place) as there, knocking(there) as client:
        state = await said(await client.get("/state"))
        assert (state["signed_in"], state["wants"]) == (False, None)
        assert state["apple_id"] == "d•••@example.com"
        await said(await client.post("/code", json={"code": "123456"}), 409)
        first = await said(await client.post("/begin", json={"password": PASSWORD}))
        assert first["wants"]["sent"] == "devices"
        assert (await said(await client.get("/state")))["wants"] == first["wants"]
        assert (await said(await client.post("/sms", json={"phone": "9"})))["wants"][
            "sent"
        ] == "sms"
        assert (await said(await client.post("/push", json={})))["wants"]["sent"] == "devices"
        wrong = f"{(int(code(place)) + 1) % 1_000_000:06}"
        again = await said(await client.post("/code", json={"code": wrong}))
        assert again["wants"]["tries"] == 2
        await said(await client.post("/cancel", json={}))
        assert (await said(await client.get("/state")))["wants"] is None
        await client.post("/begin", json={"password": PASSWORD})
        done = await said(await client.post("/code", json={"code": code(place)}))
        assert done["wants"] is None
        state = await said(await client.get("/state"))
        assert state["signed_in"]
        assert 29.9 < state["days_left"] <= 30


async def test_refusals_pass_the_door_as_sentences(place: Cloud) -> None:
    async with door(place) as there, knocking(there) as client:
        refused = await said(await client.post("/begin", json={"password": "wrong"}), 422)
        assert "tried only once" in refused["error"]
        limit = {"status": 503, "times": 1, "retry_after": 1800}
        place.simulator.act("account", throttle_sign_in=limit)
        for _ in range(2):
            answer = await client.post("/begin", json={"password": PASSWORD})
            refused = await said(answer, 429)
            assert "Apple limits sign-ins until" in refused["error"]
            assert 1700 < int(answer.headers["Retry-After"]) <= 1801
        assert (await said(await client.get("/state")))["refused_until"]
        assert PASSWORD not in str(refused)


async def test_an_unexpected_failure_tells_its_kind_and_nothing_that_was_typed(
    place: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_self: object, password: str) -> None:
        raise ZeroDivisionError(password)

    monkeypatch.setattr("shared.adapters.icloud_signin_steps.SignIn.begin", broken)
    async with door(place) as there, knocking(there) as client:
        answer = await said(await client.post("/begin", json={"password": PASSWORD}), 500)
    assert "ZeroDivisionError" in answer["error"]
    out = capsys.readouterr()
    assert PASSWORD not in f"{answer}{out.out}{out.err}"
    assert "ZeroDivisionError" in out.out + out.err


async def test_a_port_that_is_taken_is_said_with_the_setting(place: Cloud) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Fatal, match=r"downloader\.login_port"):
            async with open_door(place.settings, taken.getsockname()[1]):
                pass


def test_a_stranger_on_the_port_of_a_door_that_died_gets_neither_token_nor_password(
    tmp_path: Path,
) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        there = DoorPlace.fresh(stranger.getsockname()[1])
        write_private(tmp_path / "login-door.json", there.model_dump_json())
        heard = _answering(stranger, b'{"proof": "0000"}')
        assert door_steps(tmp_path) is None
        assert there.token.encode() not in heard()
    assert door_steps(tmp_path) is None  # nobody listens


def _answering(listener: socket.socket, body: bytes) -> Any:
    import threading

    heard: list[bytes] = []

    def answer() -> None:
        one, _ = listener.accept()
        heard.append(one.recv(65536))
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        one.sendall(head.encode() + body)
        one.close()

    thread = threading.Thread(target=answer)
    thread.start()

    def all_heard() -> bytes:
        thread.join(5)
        return b"".join(heard)

    return all_heard


@asynccontextmanager
async def command(
    place: Cloud, folder: Path, *words: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`photoduct login` as a program, with nothing but pipes."""
    config = folder / "config.yaml"
    config.write_text(json.dumps({"icloud": place.settings.model_dump(mode="json")}))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.cli", "--config", str(config), "login", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=REPOSITORY,
        env=os.environ | {"COLUMNS": "200"} | NOWHERE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def run(place: Cloud, folder: Path, *words: str, typed: str = "") -> tuple[int, str]:
    async with command(place, folder, *words) as process:
        out, _ = await asyncio.wait_for(process.communicate(typed.encode()), 30)
        assert process.returncode is not None
        return process.returncode, out.decode()


async def talk(process: asyncio.subprocess.Process, until: str) -> str:
    assert process.stdout
    heard = ""
    async with asyncio.timeout(20):
        while until not in heard:
            part = await process.stdout.read(1000)
            assert part, heard
            heard += part.decode()
    return heard


def type_in(process: asyncio.subprocess.Process, text: str) -> None:
    assert process.stdin
    process.stdin.write(f"{text}\n".encode())


@pytest.mark.parametrize("through", ["door", "itself"])
async def test_login_asks_again_after_a_wrong_code_and_sends_an_sms_on_demand(
    place: Cloud, tmp_path: Path, through: str
) -> None:
    async with (
        opened(place, through) as there,
        command(place, tmp_path, "--password-stdin") as process,
    ):
        type_in(process, PASSWORD)
        heard = await talk(process, "s for SMS")
        assert "A code is shown on your Apple devices" in heard
        assert there is None or await waits_for_a_code(there)
        assert "1: +" in heard
        assert heard.index("42") < heard.index("77")
        type_in(process, f"{(int(code(place)) + 1) % 1_000_000:06}")
        assert "Apple refused this code; 2 tries are left" in await talk(process, "s for SMS")
        type_in(process, "s")
        await talk(process, "Which phone")
        type_in(process, "2")
        await talk(process, "A code was sent by SMS")
        type_in(process, code(place, 9))
        assert "Signed in" in await talk(process, "goes on by itself")
        assert await process.wait() == 0
    assert life_of(place.settings)


@asynccontextmanager
async def opened(place: Cloud, through: str) -> AsyncIterator[DoorPlace | None]:
    if through == "itself":
        yield None
        return
    async with door(place) as there:
        yield there


async def waits_for_a_code(there: DoorPlace) -> bool:
    async with knocking(there) as client:
        return (await said(await client.get("/state")))["wants"] is not None


async def test_each_failure_of_login_is_one_sentence_and_a_status(
    place: Cloud, tmp_path: Path
) -> None:
    async with door(place):
        status, out = await run(place, tmp_path, "--password-stdin", typed="wrong\n")
        assert (status, out.count("\n")) == (3, 1)
        assert "refuses this Apple Account or password; it was tried only once" in out
        status, out = await run(place, tmp_path, "--password-stdin")
        assert (status, out) == (3, "No password was given\n")
        status, out = await run(place, tmp_path, "--password-stdin", typed=f"{PASSWORD}\n")
        assert status == 1  # nobody gave a code
        assert "Aborted" in out


async def test_giving_up_at_the_command_line_ends_the_attempt_behind_the_door(
    place: Cloud, tmp_path: Path
) -> None:
    async with door(place) as there, knocking(there) as client:
        await run(place, tmp_path, "--password-stdin", typed=f"{PASSWORD}\n")
        assert (await said(await client.get("/state")))["wants"] is None


async def test_status_says_since_when_and_until_when(place: Cloud, tmp_path: Path) -> None:
    status, out = await run(place, tmp_path, "--status")
    assert status == 1
    assert "Nobody has signed in" in out
    login(place.settings, PASSWORD, lambda: code(place))
    status, out = await run(place, tmp_path, "--status")
    assert status == 0
    assert "Signed in since" in out
    assert "in 30 days" in out
    async with door(place) as there, knocking(there) as client:
        wanted_now = await said(await client.post("/begin", json={"password": PASSWORD}))
        assert wanted_now["wants"]
        status, out = await run(place, tmp_path, "--status")
        assert (status, "waits for the code" in out) == (0, True)


def test_an_apple_account_is_shown_so_that_only_its_owner_knows_it() -> None:
    assert masked("anna.berg@example.com") == "a•••@example.com"
    assert masked("") == ""
