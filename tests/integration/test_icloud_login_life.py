"""A sign-in's life with the real downloader on a real bus: the warning, the end, the next sign-in, and secrets nowhere."""

import asyncio
import base64
import hashlib
import json
import re
import sys
import threading
import urllib.parse
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from shared.adapters.icloud_signin_door import DoorPlace
from shared.adapters.nats_server import UserRules
from shared.domain.events import Attention, Downloaded, PageSeen
from shared.runtime.bus_users import user_rules
from tests.integration.icloud_setup import NAMES, Cloud, cloud, works
from tests.integration.icloud_sim import PASSWORD, REPOSITORY
from tests.integration.nats_fixture import RealNats, real_nats
from tests.integration.test_icloud_client_services import State, configuration
from tests.integration.test_icloud_login import code

pytestmark = pytest.mark.integration
WRONG_PASSWORD = "Falsche Wörter: 4711-Geheimnis"
_DAY = 86_400
_AT_DEBUG = """
import logging, runpy, sys
logging.basicConfig(level=logging.DEBUG)
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__")
"""


@asynccontextmanager
async def at_debug(
    log: Path, *words: str, stdin: int | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A module of the product with every logger at DEBUG, all that it says in a file."""
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _AT_DEBUG, *words),
            stdin=stdin,
            stdout=out,
            stderr=out,
            cwd=REPOSITORY,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        status = await process.wait()
    assert status in (0, 1, 3)


@dataclass
class Product:
    """The downloader at work, and a person at its command line."""

    place: Cloud
    nats: RealNats
    state: State
    config: Path
    folder: Path
    typed: list[str] = field(default_factory=list)

    async def login(self, *typed: str) -> str:
        """Run `photoduct login` through the door; `device` and `7` stand for the codes shown there."""
        log = self.folder / "login.log"
        before = len(log.read_text()) if log.exists() else 0
        words = ("shared.cli", "--config", str(self.config), "login", "--password-stdin")
        async with at_debug(log, *words, stdin=asyncio.subprocess.PIPE) as process:
            assert process.stdin
            for number, what in enumerate(typed):
                if number:
                    await self._asked(log, before, number)
                text = self._meant(what)
                self.typed.append(text)
                process.stdin.write(f"{text}\n".encode())
            process.stdin.close()
            await asyncio.wait_for(process.wait(), 30)
        return log.read_text()[before:]

    def _meant(self, what: str) -> str:
        if what == "device":
            return code(self.place)
        return code(self.place, 7) if what == "7" else what

    async def _asked(self, log: Path, before: int, times: int) -> None:
        await self.state.until(lambda: log.read_text()[before:].count("s for SMS") >= times)

    async def look_now(self) -> None:
        """Do as `photoduct run downloader` does."""
        operator = await self.nats.connect("operator")
        await operator.request("cmd.downloader.run", b"", within=5)

    def standing(self) -> dict[str, str]:
        """Return the attention records that stand, with their texts."""
        last = {a.key.partition(":")[2]: a for a in self.state.of(Attention)}
        return {key: a.text for key, a in last.items() if a.raised and key != "*"}

    async def metrics(self) -> dict[str, float]:
        told = json.loads((self.nats.files.data / "run" / "downloader.json").read_text())
        async with httpx.AsyncClient(trust_env=False) as client:
            page = (await client.get(f"http://127.0.0.1:{told['port']}/metrics")).text
        found = re.findall(r"^photoduct_icloud_session_(\w+) (\S+)$", page, re.MULTILINE)
        return {name: float(value) for name, value in found}


@asynccontextmanager
async def product(tmp: Path, *, session_days: float) -> AsyncIterator[Product]:
    (tmp / "bus").mkdir()
    with cloud(tmp, signed_in=False) as place:
        async with real_nats(tmp / "bus") as nats:
            state = await State(nats).open()
            config = configuration(nats, place)
            found = json.loads(config.read_text())
            found["icloud"]["session_days"] = session_days
            found["logs"] = {"level": "debug"}
            config.write_text(json.dumps(found))
            words = ("services.downloader", "--config", str(config))
            async with at_debug(tmp / "downloader.log", *words):
                session = place.settings.session_dir
                await state.until(lambda: DoorPlace.read(session) is not None)
                yield Product(place, nats, state, config, tmp)
            state.reading.cancel()
            await asyncio.gather(state.reading, return_exceptions=True)


async def test_before_and_at_the_end_the_person_is_told_and_work_goes_on_after_the_next_sign_in(
    tmp_path: Path,
) -> None:
    async with product(tmp_path, session_days=5) as it:
        it.place.simulator.act("account", session_days=5)
        assert await it.metrics() == {}
        assert "Signed in" in await it.login(PASSWORD, "device")
        await it.look_now()
        await it.state.until(lambda: any(page.final for page in it.state.of(PageSeen)))
        await it.state.until(lambda: "icloud-session-ends" in it.standing())
        assert "expected to end on 20" in it.standing()["icloud-session-ends"]
        found = await it.metrics()
        assert 0 < found["age_seconds"] < 100
        assert 4.9 < found["days_left"] <= 5

        it.place.simulator.act("clock", advance_seconds=6 * _DAY)  # Apple ends it without a word
        await it.state.until(lambda: "icloud-session" in it.standing())
        assert "run photoduct login" in it.standing()["icloud-session"]
        assert (await it.metrics())["days_left"] == 0
        task = works(it.state.of(PageSeen))[0]
        await it.state.give((f"job.download.{task.kind}", task))
        pages = len(it.state.of(PageSeen))
        await asyncio.sleep(1)
        assert (it.state.of(Downloaded), len(it.state.of(PageSeen))) == ([], pages)

        assert "Signed in" in await it.login(PASSWORD, "device")
        await it.state.until(lambda: len(it.state.of(Downloaded)) == 1)
        await it.state.until(lambda: len(it.state.of(PageSeen)) > pages)
        await it.state.until(lambda: "icloud-session" not in it.standing())
        assert len(NAMES) == len({w.asset for w in works(it.state.of(PageSeen))})
        assert (await it.metrics())["days_left"] > 4.9


@contextmanager
def watching_processes(seen: set[bytes]) -> Iterator[None]:
    """Collect every process's arguments and environment for as long as the block lasts."""
    end = threading.Event()

    def watch() -> None:
        while not end.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        seen.add((process / name).read_bytes())
                    except OSError:
                        continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def forms(secret: str) -> list[bytes]:
    """Return the forms in which a secret could get out."""
    raw = secret.encode()
    digest = hashlib.sha256(raw)
    return [
        raw,
        secret.encode("latin-1"),
        json.dumps(secret)[1:-1].encode(),
        repr(raw)[2:-1].encode(),
        urllib.parse.quote(secret).encode(),
        urllib.parse.quote_plus(secret).encode(),
        base64.b64encode(raw).rstrip(b"="),
        digest.hexdigest().encode(),
        base64.b64encode(digest.digest()),
    ]


def finds(
    haystacks: Iterable[bytes], needles: Iterable[bytes], codes: Iterable[str]
) -> list[bytes]:
    """Return what was found: texts anywhere, codes as numbers of their own (a time's fraction is none)."""
    whole = b"\n".join(haystacks)
    numbers = [f"(?<![0-9.]){one}(?![0-9])".encode() for one in codes]
    found = [one for one in needles if one in whole]
    return found + [one for one in numbers if re.search(one, whole)]


def contents(folder: Path, *leave_out: Path) -> list[bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [p.read_bytes() for p in files if not any(p.is_relative_to(one) for one in leave_out)]


def tokens(session: Path) -> list[bytes]:
    """Return all in the session's folder that opens something."""
    kept = json.loads(next(session.glob("*.session")).read_text())
    cookies = next(session.glob("*.cookiejar")).read_text()
    door = json.loads((session / "login-door.json").read_text())
    names = ("session_token", "trust_token", "scnt", "session_id")
    found = [kept[name] for name in names] + [door["token"]]
    found += re.findall(r'X-APPLE-WEBAUTH-TOKEN=[\\"]*([^"\\;]{20,})', cookies)
    assert len(found) == 6
    return [str(one).encode() for one in found]


def rules_with_a_listener(secrets: Path) -> dict[str, UserRules]:
    """The bus's users as ever, but the admin hears everything."""
    rules = user_rules(secrets)
    return rules | {"admin": replace(rules["admin"], subscribe=(">",))}


async def test_password_and_codes_are_nowhere_and_tokens_in_the_session_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.integration.nats_fixture.user_rules", rules_with_a_listener)
    processes: set[bytes] = set()
    messages: list[bytes] = []
    async with product(tmp_path, session_days=30) as it:
        admin = await it.nats.connect("admin")

        async def hear(message: object) -> None:
            messages.append(repr(message).encode() + bytes(getattr(message, "data", b"")))

        await admin.subscribe(">", hear)
        with watching_processes(processes):
            it.place.simulator.act("account", phones=[{"id": 7, "ending": "42"}])
            assert "tried only once" in await it.login(WRONG_PASSWORD)
            assert "refused this code" in await it.login(PASSWORD, "271828")
            assert "Signed in" in await it.login(PASSWORD, "314159", "s", "7")
            limit = {"status": 503, "times": 1, "retry_after": 1}
            it.place.simulator.act("account", throttle_sign_in=limit)
            assert "limits sign-ins" in await it.login(PASSWORD)
            await it.look_now()
            await it.state.until(lambda: any(page.final for page in it.state.of(PageSeen)))
            await asyncio.sleep(2.1)  # the moment is told in whole seconds, rounded up
            assert "Signed in" in await it.login(PASSWORD, "device")
            it.place.simulator.act("account", end_sessions=True)
            await it.state.until(lambda: "icloud-session" in it.standing())
        session = it.place.settings.session_dir
        secrets = tokens(session)
    codes = [one for one in it.typed if one.isdigit()]
    assert len(codes) >= 4
    typed = [*forms(PASSWORD), *forms(WRONG_PASSWORD)]
    said_by_product = contents(tmp_path, tmp_path / "run", tmp_path / "media", tmp_path / "library")
    outside = contents(tmp_path, tmp_path / "run", session)

    assert finds([*said_by_product, *processes, *messages], typed, codes) == []
    assert finds([*outside, *processes, *messages], secrets, []) == []
    # and the search finds what is there:
    assert finds(contents(tmp_path / "run"), typed, []) != []
    assert finds(contents(session), secrets[:4], []) == secrets[:4]
    assert any(b"login" in one and b"--password-stdin" in one for one in processes)
    assert any(b"page_seen" in one for one in messages)
    assert any(b"DEBUG" in one for one in said_by_product)
