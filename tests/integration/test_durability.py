"""Real system calls under strace: a kill at each of them, a failed fsync, and the order that survives a power cut."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from shared.adapters.exchanging import exchange
from shared.adapters.moving import move
from shared.adapters.publishing import publish
from shared.adapters.sweeping import sweep_tree

REPOSITORY = Path(__file__).resolve().parents[2]
ORIGINAL, RENDITION = b"original" * 4000, b"rendition" * 500
SHA, RENDITION_SHA = (hashlib.sha256(data).hexdigest() for data in (ORIGINAL, RENDITION))
CALLS = ["write", "fsync", "renameat2", "rename", "link", "linkat", "unlink", "mkdir"]

CHILD = """
import errno, os, stat, sys
from pathlib import Path
from shared.adapters import file_syscalls as calls
from shared.adapters.exchanging import exchange
from shared.adapters.moving import move
from shared.adapters.publishing import publish
root, action, sha, rendition_sha, size = Path(sys.argv[1]), *sys.argv[2:5], int(sys.argv[5])
def no_flags(one, other):
    raise OSError(errno.EINVAL, "no such flag")
def only(kind):
    real = calls.fsync
    return lambda fd: real(fd) if kind(os.fstat(fd).st_mode) else None
if action.endswith("-link"):
    calls.rename_new = calls.exchange_names = no_flags
if action.endswith("-mutant-file"):
    calls.fsync = only(stat.S_ISDIR)
if action.endswith("-mutant-folder"):
    calls.fsync = only(stat.S_ISREG)
match action.split("-")[0]:
    case "publish":
        publish(root / "source", root / "05" / "a", size=size, sha256=sha)
    case "move":
        move(root / "source", root / "05" / "a", size=size, sha256=sha)
    case "exchange":
        exchange(root / "a", root / ".a.new", root / ".originals" / "a", original_sha256=sha, rendition_sha256=rendition_sha)
"""


def strace(root: Path, action: str, *options: str) -> tuple[int, str]:
    """Run the child under strace; return its exit code and the calls that it made below `root`."""
    log = root.with_name(f"{root.name}.log")
    command = ["strace", "-qq", "-y", "-o", str(log), *options, sys.executable, "-B", "-c", CHILD]
    done = subprocess.run(
        [*command, str(root), action, SHA, RENDITION_SHA, str(len(ORIGINAL))],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, log.read_text(errors="replace")


@cache
def why_not() -> str:
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(["strace", "-qq", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "strace may not trace here"


@pytest.fixture(autouse=True)
def _real() -> None:
    if why_not() and os.environ.get("PHOTODUCT_REQUIRE_REAL") != "1":
        pytest.skip(why_not())


def set_up(root: Path, action: str) -> None:
    root.mkdir()
    if action.startswith("exchange"):
        (root / "a").write_bytes(ORIGINAL)
        (root / ".a.new").write_bytes(RENDITION)
    else:
        (root / "source").write_bytes(ORIGINAL)


def finish(root: Path, action: str) -> None:
    """Do the same again, as the next delivery would."""
    target = root / "05" / "a"
    match action.split("-")[0]:
        case "publish":
            publish(root / "source", target, size=len(ORIGINAL), sha256=SHA)
        case "move":
            move(root / "source", target, size=len(ORIGINAL), sha256=SHA)
        case _:
            exchange(
                root / "a",
                root / ".a.new",
                root / ".originals" / "a",
                original_sha256=SHA,
                rendition_sha256=RENDITION_SHA,
            )


def final(action: str) -> dict[str, bytes]:
    match action.split("-")[0]:
        case "publish":
            return {"source": ORIGINAL, "05/a": ORIGINAL}
        case "move":
            return {"05/a": ORIGINAL}
        case _:
            return {"a": RENDITION, ".originals/a": ORIGINAL}


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def check_after_kill(root: Path, action: str) -> None:
    """At any instant: the original is there, and no public name holds half a file."""
    held = files(root)
    assert ORIGINAL in held.values()
    for name, data in held.items():
        assert data in {ORIGINAL, RENDITION} or re.search(r"/\.photoduct-\w+\.part$", name), name
    if action.startswith("exchange"):
        assert "a" in held


@pytest.mark.parametrize(
    "action", ["publish", "publish-link", "move", "move-link", "exchange", "exchange-link"]
)
def test_a_kill_at_any_call_loses_nothing_and_is_finished_later(
    tmp_path: Path, action: str
) -> None:
    plain = tmp_path / "plain"
    set_up(plain, action)
    code, log = strace(plain, action, "-e", f"trace={','.join(CALLS)}")
    assert code == 0, log
    assert files(plain) == final(action)
    kills = 0
    for call in CALLS:
        total = len(re.findall(rf"^{call}\(", log, re.MULTILINE))
        for when in range(first_below(log, call, plain), total + 1):
            root = tmp_path / f"{call}-{when}"
            set_up(root, action)
            code, _ = strace(
                root, action, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={when}"
            )
            assert code in {-9, 137}, (call, when)
            check_after_kill(root, action)
            finish(root, action)
            sweep_tree(root, older=-60)
            assert files(root) == final(action), (call, when)
            kills += 1
    assert kills >= 5


def first_below(log: str, call: str, root: Path) -> int:
    """Return which use of `call` is the first on the test's own files (before: the interpreter, folders above)."""
    uses = re.findall(rf"^{call}\(.*$", log, re.MULTILINE)
    mine = (number for number, use in enumerate(uses, 1) if str(root) in use)
    return next(mine, len(uses) + 1)


def complaints(log: str) -> list[str]:
    """Say what a power cut could undo: a name given before its bytes were flushed, or never flushed itself."""
    lines = [line for line in log.splitlines() if line.startswith(("fsync", "renameat2", "linkat"))]
    named = next(
        i for i, line in enumerate(lines) if not line.startswith("fsync") and '/a"' in line
    )
    before, after = lines[:named], lines[named + 1 :]
    wrong = []
    if not any(re.match(r"fsync\(\d+<.*\.part>\) += 0", line) for line in before):
        wrong.append("bytes")
    if not any(re.match(r"fsync\(\d+<.*/05>\) += 0", line) for line in after):
        wrong.append("name")
    return wrong


@pytest.mark.parametrize(
    ("action", "wrong"),
    [
        ("publish", []),
        ("publish-link", []),
        ("publish-mutant-file", ["bytes"]),
        ("publish-mutant-folder", ["name"]),
    ],
)
def test_bytes_are_flushed_before_their_name_and_the_name_after(
    tmp_path: Path, action: str, wrong: list[str]
) -> None:
    """The mutants are the control: without a flush, this very check has to complain."""
    root = tmp_path / "root"
    set_up(root, action)
    code, log = strace(root, action, "-e", "trace=fsync,renameat2,linkat")
    assert code == 0
    assert complaints(log) == wrong


@pytest.mark.parametrize(
    ("action", "folder", "end"),
    [("exchange-link", ".originals", "rename"), ("move-link", "05", "unlink")],
)
def test_a_second_name_is_durable_before_the_first_one_goes(
    tmp_path: Path, action: str, folder: str, end: str
) -> None:
    root = tmp_path / "root"
    set_up(root, action)
    _, log = strace(root, action, "-e", f"trace=fsync,linkat,{end}")
    lines = log.splitlines()
    linked = next(i for i, line in enumerate(lines) if line.startswith("linkat"))
    gone = next(i for i, line in enumerate(lines) if line.startswith(end) and str(root) in line)
    assert any(f"/{folder}>" in line for line in lines[linked:gone])


def test_a_failed_fsync_is_never_repeated_on_the_same_file(tmp_path: Path) -> None:
    plain, root = tmp_path / "plain", tmp_path / "root"
    set_up(plain, "publish")
    set_up(root, "publish")
    _, log = strace(plain, "publish", "-e", "trace=fsync")
    nth = 1 + next(i for i, line in enumerate(log.splitlines()) if ".part>" in line)
    code, log = strace(
        root, "publish", "-e", "trace=fsync,renameat2", "-e", f"inject=fsync:error=EIO:when={nth}"
    )
    assert code == 0
    flushed = re.findall(r"fsync\(\d+<.*/(\.photoduct-\w+\.part)>\) += (-?\d)", log)
    (renamed,) = re.findall(r"renameat2\(.*/(\.photoduct-\w+\.part)\"", log)
    assert [result for _, result in flushed] == ["-1", "0"]
    assert flushed[0][0] != flushed[1][0] == renamed
    assert files(root) == final("publish")


@pytest.mark.parametrize("call", ["fsync:error=EIO", "write:error=ENOSPC", "renameat2:error=EIO"])
def test_a_disk_that_stays_broken_ends_in_an_error_and_no_file(tmp_path: Path, call: str) -> None:
    root = tmp_path / "root"
    set_up(root, "publish")
    (root / "05").mkdir()
    code, _ = strace(root, "publish", "-e", f"trace={call.split(':')[0]}", "-e", f"inject={call}")
    assert code == 1
    assert files(root) == {"source": ORIGINAL}
    finish(root, "publish")
    assert files(root) == final("publish")
