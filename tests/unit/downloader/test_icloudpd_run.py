"""One run of a command in icloudpd's place: its secrets, its end, and what it may not outlive."""

import asyncio
import json
import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import Cookie
from pathlib import Path

import pytest

from services.downloader.icloudpd import one_run
from services.downloader.icloudpd.folder import IcloudpdFolder
from services.downloader.icloudpd.handover import handover
from services.downloader.icloudpd.one_run import IcloudpdRun, Limits, environment
from services.downloader.icloudpd.opening import program
from shared.domain.errors import Waiting
from tests.process_tree import alive

SECRET = "v=2:t=the-secret-of-the-cookie"
THROUGH = "print('2026-11-22 19:43:11 INFO     All photos and videos have been downloaded')\n"
SLEEPS = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
pathlib.Path({place!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
time.sleep(60)
"""


def cookie(value: str) -> Cookie:
    domain = (".icloud.com", True, True)
    return Cookie(0, "X-APPLE-WEBAUTH-TOKEN", value, None, False, *domain, "/", True, True, None, True, None, None, {})  # fmt: skip


@dataclass
class Given:
    """Hands over and writes down whether it was refused."""

    texts: Mapping[str, str] = field(
        default_factory=lambda: handover("my.name@example.com", [cookie(SECRET)])
    )
    refusals: int = 0

    async def __call__(self) -> Mapping[str, str]:
        return self.texts

    def refused(self) -> None:
        self.refusals += 1


Make = Callable[..., IcloudpdRun]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a run of a Python program instead of icloudpd."""

    def run(script: str, quiet: float = 60, longest: float = 60) -> IcloudpdRun:
        file = tmp_path / "program.py"
        file.write_text("import os, pathlib, sys\n" + script)
        return IcloudpdRun(
            command=(sys.executable, str(file), "--directory", str(tmp_path / "icloudpd")),
            environment=environment(None),
            folder=IcloudpdFolder(tmp_path / "icloudpd", free_space_floor=0),
            secrets=tmp_path / "session",
            hand_over=Given(),
            limits=Limits(quiet, longest),
        )

    return run


async def until(ready: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it did not come true"
        await asyncio.sleep(0.02)


def there(path: str) -> bool:
    return os.path.lexists(path)


LOOK = """
folder = pathlib.Path(sys.argv[sys.argv.index('--cookie-directory') + 1])
import json
held = {p.name: [oct(p.stat().st_mode & 0o777), p.read_text()] for p in folder.iterdir()}
out = dict(argv=sys.argv, env=dict(os.environ), mode=oct(folder.stat().st_mode & 0o777), held=held)
pathlib.Path('%s').write_text(json.dumps(out | {'folder': str(folder)}))
"""


async def test_the_session_is_handed_over_for_its_owner_only_and_removed(
    make: Make, tmp_path: Path
) -> None:
    await make(LOOK % (tmp_path / "saw.json") + THROUGH)()
    saw = json.loads((tmp_path / "saw.json").read_text())
    assert saw["mode"] == "0o700"
    modes = {name: mode for name, (mode, _) in saw["held"].items()}
    assert modes == {"mynameexamplecom": "0o600", "mynameexamplecom.session": "0o600"}
    assert SECRET in saw["held"]["mynameexamplecom"][1]
    assert SECRET not in json.dumps([saw["argv"], saw["env"]])
    assert not [folder for folder in (saw["folder"], saw["env"]["TMPDIR"]) if there(folder)]
    assert list((tmp_path / "session").iterdir()) == []
    assert stat.S_IMODE((tmp_path / "session").stat().st_mode) == 0o700
    assert not [name for name in saw["env"] if name.startswith("PHOTODUCT")]


async def test_what_a_killed_guard_left_is_removed_by_the_next_run(
    make: Make, tmp_path: Path
) -> None:
    left = tmp_path / "session" / "photoduct-icloudpd-old"
    left.mkdir(parents=True)
    (left / "cookies").write_text(SECRET)
    await make(THROUGH)()
    assert list((tmp_path / "session").iterdir()) == []


async def test_an_exit_without_the_last_words_is_a_failure_even_with_status_0(make: Make) -> None:
    run = make("print('INFO     Cannot connect to Apple iCloud service')")
    with pytest.raises(Waiting, match="cannot reach iCloud"):
        await run()


async def test_a_connection_that_broke_after_some_files_is_no_news(make: Make) -> None:
    said = "2026-11-22 19:43:11 INFO     Downloaded /in/IMG_1.JPG"
    run = make(f"print('{said}')\nprint('INFO     Cannot connect to Apple iCloud service')")
    with pytest.raises(Waiting, match="connection broke") as told:
        await run()
    assert told.value.attention == ""


async def test_a_refused_session_is_told_to_whoever_handed_it_over(make: Make) -> None:
    run = make("print('ERROR    Authentication required for Account. (421)'); sys.exit(1)")
    with pytest.raises(Waiting, match="session has ended") as told:
        await run()
    assert told.value.attention == "icloud-session"
    assert isinstance(run.hand_over, Given)
    assert run.hand_over.refusals == 1


async def test_a_missing_program_is_named(make: Make) -> None:
    run = make("")
    object.__setattr__(run, "command", ("/nowhere/icloudpd",))
    with pytest.raises(Waiting, match="install it"):
        await run()


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service itself kills no guard: it leaves that time enough on the slowest machine."""
    monkeypatch.setattr(one_run, "_GRACE_S", 120.0)


async def ends(task: asyncio.Task[None]) -> None:
    """Cancel it and wait for it, for less long than the service would wait before it kills."""
    task.cancel()
    async with asyncio.timeout(60):
        with pytest.raises(asyncio.CancelledError):
            await asyncio.shield(task)


@pytest.mark.usefixtures("_patient")
async def test_a_cancelled_run_ends_with_all_that_it_started(make: Make, tmp_path: Path) -> None:
    task = asyncio.create_task(make(SLEEPS.format(place=str(tmp_path / "pids")))())
    await until(lambda: (tmp_path / "pids").exists() and bool((tmp_path / "pids").read_text()))
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    await ends(task)
    await until(lambda: not any(map(alive, pids)))
    assert list((tmp_path / "session").iterdir()) == []


@pytest.mark.usefixtures("_patient")
async def test_a_run_that_ignores_the_stop_is_killed(make: Make, tmp_path: Path) -> None:
    script = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    task = asyncio.create_task(make(script + SLEEPS.format(place=str(tmp_path / "pids")))())
    await until(lambda: (tmp_path / "pids").exists() and bool((tmp_path / "pids").read_text()))
    await ends(task)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    await until(lambda: not any(map(alive, pids)))


async def test_a_run_does_not_outlive_a_killed_service(tmp_path: Path, make: Make) -> None:
    make(SLEEPS.format(place=str(tmp_path / "pids")))
    service = f"""
import asyncio, pathlib, sys
from tests.unit.downloader.test_icloudpd_run import Given
from services.downloader.icloudpd.folder import IcloudpdFolder
from services.downloader.icloudpd.one_run import IcloudpdRun, Limits, environment
root = pathlib.Path({str(tmp_path)!r})
folder = IcloudpdFolder(root / "icloudpd", free_space_floor=0)
command = (sys.executable, str(root / "program.py"))
asyncio.run(IcloudpdRun(command, environment(None), folder, root / "session", Given(), Limits(60, 60))())
"""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", service), cwd=Path(__file__).parents[3]
    )
    await until(lambda: (tmp_path / "pids").exists() and bool((tmp_path / "pids").read_text()))
    process.send_signal(signal.SIGKILL)
    await process.wait()
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    await until(lambda: not any(map(alive, pids)))
    await until(lambda: list((tmp_path / "session").iterdir()) == [])


async def test_one_run_at_a_time_holds_the_folder(make: Make, tmp_path: Path) -> None:
    first = asyncio.create_task(make(SLEEPS.format(place=str(tmp_path / "pids")))())
    await until(lambda: (tmp_path / "pids").exists())
    with pytest.raises(Waiting) as told:
        await make(THROUGH)()
    assert told.value.attention == ""
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await make(THROUGH)()


async def test_a_run_that_does_nothing_is_stopped(make: Make) -> None:
    with pytest.raises(Waiting, match="did and said nothing"):
        await make("import time; time.sleep(60)", quiet=1)()


async def test_a_long_film_is_not_taken_for_silence(make: Make, tmp_path: Path) -> None:
    script = f"""
import time
for _ in range(16):
    with open({str(tmp_path / "icloudpd/film.part")!r}, 'ab') as file: file.write(b'x')
    time.sleep(0.3)
"""
    await make(script + THROUGH, quiet=3)()


async def test_a_run_that_takes_too_long_is_stopped(make: Make) -> None:
    script = "import time\nwhile True: print('x', flush=True); time.sleep(0.2)\n"
    with pytest.raises(Waiting, match="it ran for"):
        await make(script, longest=1)()


def test_the_program_is_looked_for_beside_python_and_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other-icloudpd"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert program("other-icloudpd") == str(other)
    assert program(str(other)) == str(other)
    assert program("nowhere-to-be-found") == "nowhere-to-be-found"
