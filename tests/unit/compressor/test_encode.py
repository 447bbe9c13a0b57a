import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from services.compressor import encode
from services.compressor.encode import Job, TargetTaken, compress
from services.compressor.pool import child, nursery
from services.compressor.verdict import Compressed
from shared.domain.errors import Permanent, PhotoductError, Transient, Waiting
from tests.process_tree import alive, children_of
from tests.unit.compressor import samples

Make = Callable[..., Job]


async def until(what: Callable[[], bool]) -> None:
    """Wait until it is so: what was killed needs a moment of a core to be gone."""
    async with asyncio.timeout(30):
        while not what():  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.02)


async def test_a_taken_target_is_not_replaced(tmp_path: Path, job: Make) -> None:
    this = job(samples.jpeg(tmp_path / "a.jpg"))
    this.target.write_text("mine")
    with pytest.raises(TargetTaken):
        await compress(this)
    assert this.target.read_text() == "mine"


async def test_a_hang_costs_one_file(tmp_path: Path, job: Make) -> None:
    await compress(job(samples.jpeg(tmp_path / "warm.jpg")))
    (tmp_path / "compress" / "warm.jpg").unlink()
    source = samples.video(tmp_path / "a.mov", seconds=60)
    film = asyncio.create_task(compress(job(source, seconds=3)))
    hanging = await halted(film)
    with pytest.raises(Permanent, match="stopped"):
        await film
    await until(lambda: gone_all(hanging))
    assert not list((tmp_path / "compress").iterdir())


async def test_cancelling_kills_the_encoder_and_clears_up(
    tmp_path: Path, job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "_BURIAL_S", 60.0)
    source = samples.video(tmp_path / "a.mov", seconds=60)
    task = asyncio.create_task(compress(job(source)))
    await until(lambda: any((tmp_path / "compress").iterdir()))
    family = await halted(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list((tmp_path / "compress").iterdir())
    zygote = child.NURSERY.pid
    assert zygote
    assert not children_of(zygote), "it is buried"
    await until(lambda: gone_all(family))


async def decoder_of(task: asyncio.Task[object]) -> int:
    """The process that decodes this job's video, as soon as it encodes."""
    while not (decoders := [pid for pid in children_of(child.NURSERY.pid) if children_of(pid)]):
        assert not task.done()
        await asyncio.sleep(0.02)
    zygote, (decoder,) = child.NURSERY.pid, decoders
    assert zygote
    assert "ph-zygote" in words_of(zygote)
    assert "ph-decoder" in words_of(decoder), "told apart though they share a command line"
    return decoder


async def halted(task: asyncio.Task[object]) -> tuple[int, int]:
    """Stop the process that decodes this job's video, and its encoder: neither ends by itself any more."""
    decoder = await decoder_of(task)
    return decoder, stopped_with(decoder, "-progress")


def gone_all(pids: tuple[int, ...]) -> bool:
    return not any(alive(pid) for pid in pids)


def words_of(pid: int) -> str:
    """A process's name and command line."""
    return "".join(Path(f"/proc/{pid}/{of}").read_text() for of in ("comm", "cmdline"))


@pytest.mark.parametrize(
    ("death", "error", "text"),
    [
        (signal.SIGSEGV, Permanent, "SIGSEGV"),
        (signal.SIGKILL, Transient, "killed"),
    ],
)
async def test_a_crash_costs_one_file(
    tmp_path: Path,
    job: Make,
    death: signal.Signals,
    error: type[PhotoductError],
    text: str,
) -> None:
    film = asyncio.create_task(compress(job(samples.video(tmp_path / "a.mov", seconds=60))))
    decoder, encoder = await halted(film)
    os.kill(decoder, signal.SIGCONT)
    neighbour = asyncio.create_task(compress(job(samples.jpeg(tmp_path / "a.jpg"))))
    zygote = child.NURSERY.pid
    os.kill(decoder, death)
    with pytest.raises(error, match=text):
        await film
    assert isinstance(await neighbour, Compressed)
    assert child.NURSERY.pid == zygote
    await until(lambda: gone_all((decoder, encoder)))


async def test_a_bug_costs_one_file(tmp_path: Path, job: Make) -> None:
    request = encode._request(job(tmp_path / "a"), tmp_path / "part")
    del request["limits"]
    with pytest.raises(Permanent, match="KeyError: 'limits'"):
        await child.ask(request, 20, lambda _: None)


async def test_a_killed_zygote_costs_one_try_and_leaves_nothing(tmp_path: Path, job: Make) -> None:
    film = asyncio.create_task(compress(job(samples.video(tmp_path / "a.mov", seconds=60))))
    family = await halted(film)
    zygote = child.NURSERY.pid
    assert zygote
    os.kill(zygote, signal.SIGKILL)
    with pytest.raises(Transient):
        await film
    await until(lambda: gone_all(family))
    assert isinstance(await compress(job(samples.jpeg(tmp_path / "a.jpg"))), Compressed)
    assert child.NURSERY.pid != zygote


async def test_one_parent_forks_all_decoders(tmp_path: Path, job: Make) -> None:
    await compress(job(samples.jpeg(tmp_path / "warm.jpg")))
    zygote = child.NURSERY.pid
    for n in range(3):
        await compress(job(samples.jpeg(tmp_path / f"{n}.jpg")))
    assert child.NURSERY.pid == zygote


WARM_JOB = """
import sys
from services.compressor.pool import worker
worker.warm_up()
before = set(sys.modules)
worker.main()
print("loaded:", *sorted(set(sys.modules) - before), file=sys.stderr)
"""


def test_a_fork_has_nothing_left_to_load(tmp_path: Path, job: Make) -> None:
    """What it loads is loaded anew for each file, and its judge alone takes a quarter of a second."""
    work = job(samples.jpeg(tmp_path / "a.jpg"))
    request = json.dumps(encode._request(work, tmp_path / "made.jpg"))
    with subprocess.Popen(
        [sys.executable, "-c", WARM_JOB], cwd=nursery._ROOT, env=nursery.environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as warm:  # fmt: skip
        assert warm.stdin
        assert warm.stdout
        assert warm.stderr
        warm.stdin.write(request + "\n")
        warm.stdin.flush()  # and it stays open: its end would end the process
        assert json.loads(warm.stdout.read())["answer"] == "made"
        assert warm.stderr.read().strip() == "loaded:"


async def test_an_idle_service_keeps_no_decoder(
    tmp_path: Path, job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nursery, "_IDLE_S", 0.1)
    await compress(job(samples.jpeg(tmp_path / "a.jpg")))
    await until(lambda: child.NURSERY.pid is None)


async def test_a_missing_source_is_no_verdict_on_the_photo(tmp_path: Path, job: Make) -> None:
    with pytest.raises(PhotoductError):
        await compress(job(tmp_path / "gone.jpg"))


async def test_relative_paths_are_refused(tmp_path: Path, job: Make) -> None:
    with pytest.raises(Permanent, match="absolute"):
        await compress(replace(job(tmp_path / "a.jpg"), source=Path("-a.jpg")))


async def test_leftovers_of_a_killed_try_do_no_harm(tmp_path: Path, job: Make) -> None:
    this = job(samples.jpeg(tmp_path / "a.jpg"))
    this.target.with_name(".a.jpg.partial").write_bytes(bytes(10_000_000))
    assert isinstance(await compress(this), Compressed)


async def test_the_child_inherits_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTODUCT_NATS_PASSWORD", "secret")
    assert "secret" not in nursery.environment().values()


def test_the_waiting_service_loads_no_codec() -> None:
    code = "import sys, services.compressor.encode; print({'PIL', 'pillow_heif', 'ffmpeg', 'numpy', 'oxipng'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


SERVICE = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from services.compressor.encode import Job, compress
now = datetime.now(UTC)
source, target = map(Path, sys.argv[1:])
asyncio.run(compress(Job(source, target, now - timedelta(days=2000), now)))
"""


@contextmanager
def service(source: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", SERVICE, str(source), str(source.with_name("t.mov"))]
    with subprocess.Popen(command, cwd=nursery._ROOT) as started:
        try:
            yield started
        finally:
            started.kill()
    for partial in source.parent.glob(".*.partial"):
        partial.unlink()


def child_called(word: str, parent: int) -> int:
    """Wait for a child with that word in its name or command line, but not for ever."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        for pid in children_of(parent):
            with suppress(OSError):
                if word in words_of(pid):
                    return pid
        time.sleep(0.01)
    raise AssertionError(f"{parent} has no child {word}")


def stopped_with(parent: int, word: str) -> int:
    """Stop a process together with its child of that word: one short encode may end, and the next begin, meanwhile."""
    while True:
        pid = child_called(word, parent)
        os.kill(parent, signal.SIGSTOP)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        if alive(pid):
            return pid
        os.kill(parent, signal.SIGCONT)


def gone(*pids: int) -> bool:
    ends = time.monotonic() + 30
    while not gone_all(pids) and time.monotonic() < ends:
        time.sleep(0.02)
    return gone_all(pids)


@pytest.mark.parametrize("together", [1, 2, 3])
def test_nothing_outlives_a_service_that_is_killed(tmp_path: Path, together: int) -> None:
    """Alone, or in one instant with those that would end the rest; none of the others can act any more, and yet they go."""
    with service(samples.video(tmp_path / "a.mov", seconds=60)) as killed:
        zygote = child_called("ph-zygote", killed.pid)
        decoder = child_called("ph-decoder", zygote)
        for pid in (killed.pid, zygote):
            os.kill(pid, signal.SIGSTOP)
        family = [killed.pid, zygote, decoder, stopped_with(decoder, "-progress")]
        for pid in family[:together]:
            os.kill(pid, signal.SIGKILL)
        killed.wait()
        assert gone(*family)


def test_a_parent_of_decoders_that_still_loads_does_not_outlive_its_service(tmp_path: Path) -> None:
    with service(samples.jpeg(tmp_path / "a.jpg")) as killed:
        zygote = child_called("ph-zygote", killed.pid)
        os.kill(zygote, signal.SIGSTOP)  # as if it were slow
        killed.kill()
        killed.wait()
        assert gone(zygote)


async def test_a_child_that_could_not_be_had_leaves_no_parent_waiting_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nursery, "_IDLE_S", 0.0)
    home = nursery.Nursery()
    with monkeypatch.context() as broken:
        broken.setattr(socket, "send_fds", failing)
        with pytest.raises(Waiting, match="too many"):
            home.bear()
    assert home.pid is None
    home.done(home.bear())
    await until(lambda: home.pid is None)


async def test_want_of_descriptors_holds_the_next_file_and_none_that_is_in_work() -> None:
    home = nursery.Nursery()
    busy = home.bear()
    zygote, before = home.pid, len(descriptors())
    try:
        for free in range(6):  # it takes six
            with few_descriptors(free), pytest.raises(Waiting, match="Too many open files"):
                home.bear()
            assert (home.pid, len(descriptors())) == (zygote, before)
        busy.life.setblocking(True)
        busy.life.settimeout(20)
        assert busy.life.recv(9) == b"b", "it was born, and nothing has ended it"
        home.done(home.bear())
    finally:
        home.done(busy)
        home.end()


class Childless:
    """Takes a job, and the zygote has no room to fork a child for it."""

    def bear(self) -> nursery.Line:
        pairs = [socket.socketpair() for _ in range(3)]
        for ours, theirs in pairs:
            ours.setblocking(False)
            theirs.close()
        return nursery.Line(*(ours for ours, _ in pairs))

    def done(self, line: nursery.Line) -> None:
        line.close()


async def test_a_file_whose_encoder_was_never_born_is_not_blamed(
    tmp_path: Path, job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "NURSERY", Childless())
    with pytest.raises(Waiting, match="no room") as held:
        await compress(job(samples.jpeg(tmp_path / "a.jpg")))
    assert held.value.attention == "no_room"


def descriptors() -> list[str]:
    return [path.name for path in Path("/proc/self/fd").iterdir()]


@contextmanager
def few_descriptors(free: int) -> Iterator[None]:
    """Let this process open only so many files more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, descriptors())) + 8, hard))
    held: list[int] = []
    try:
        with suppress(OSError):
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        for fd in held[:free]:
            os.close(fd)
        del held[:free]
        yield
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def failing(*_: object) -> int:
    raise OSError("too many files")


NO_ROOM = """
import os, socket, sys
from services.compressor.pool.zygote import Zygote
def fork():
    raise OSError("no room for one more process")
os.fork = fork
Zygote(socket.socket(fileno=int(sys.argv[1]))).serve()
"""


NO_DESCRIPTORS = """
import resource, socket, sys
from services.compressor.pool.zygote import Zygote
zygote = Zygote(socket.socket(fileno=int(sys.argv[1])))
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
next_fd = socket.socket()
resource.setrlimit(resource.RLIMIT_NOFILE, (next_fd.fileno() + 2, hard))
next_fd.close()
zygote.serve()
"""


def test_a_fork_that_fails_costs_its_own_file_only() -> None:
    """Its line ends without a birth; the parent goes on until the service hangs up."""
    costs_one_file(NO_ROOM)


def test_a_parent_without_descriptors_keeps_none_of_a_job_that_it_cannot_take() -> None:
    costs_one_file(NO_DESCRIPTORS)


def costs_one_file(zygote: str) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        command = [sys.executable, "-c", zygote, str(theirs.fileno())]
        with subprocess.Popen(command, cwd=nursery._ROOT, pass_fds=[theirs.fileno()]) as parent:
            theirs.close()
            for _ in range(4):
                line, other = socket.socketpair()
                with line:
                    socket.send_fds(ours, [b"j"], [other.fileno()] * 3)
                    other.close()
                    line.settimeout(20)
                    assert line.recv(1) == b""
            ours.close()
            assert parent.wait(20) == 0
