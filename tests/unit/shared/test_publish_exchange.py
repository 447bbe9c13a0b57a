"""The exchange of a rendition for its original, with and without swapping names: every half-done state is finished."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from shared.adapters import file_syscalls
from shared.adapters.exchanging import exchange, retire, supersede
from shared.domain.errors import PhotoductError
from shared.ports.files import Occupied, SourceMissing, WrongHash

if TYPE_CHECKING:
    from pathlib import Path

ORIGINAL, RENDITION = b"original" * 1000, b"rendition" * 100
HASHES = {
    "original_sha256": hashlib.sha256(ORIGINAL).hexdigest(),
    "rendition_sha256": hashlib.sha256(RENDITION).hexdigest(),
}


@dataclass
class Places:
    place: Path
    staged: Path
    retired: Path

    def put(self, place: bytes | None, staged: bytes | None, retired: bytes | None) -> None:
        for path, held in zip(self.paths, (place, staged, retired), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            if held is not None:
                path.write_bytes(held)

    @property
    def paths(self) -> tuple[Path, Path, Path]:
        return self.place, self.staged, self.retired

    def held(self) -> tuple[bytes | None, ...]:
        return tuple(path.read_bytes() if path.exists() else None for path in self.paths)

    def go(self) -> None:
        exchange(self.place, self.staged, self.retired, **HASHES)


@pytest.fixture(params=["swap", "link", "copy"])
def places(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Places:
    """swap: as on ext4; link: as on NFS; copy: as on exFAT."""

    def no_flags(one: Path, other: Path) -> None:
        raise OSError(errno.EINVAL, "no such flag")

    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "no links")

    if request.param != "swap":
        monkeypatch.setattr(file_syscalls, "exchange_names", no_flags)
    if request.param == "copy":
        monkeypatch.setattr(os, "link", no_links)
    if request.param == "link":
        monkeypatch.setattr(file_syscalls, "rename_new", no_flags)
    return Places(
        tmp_path / "05" / "a", tmp_path / "05" / ".a.new", tmp_path / ".originals" / "05" / "a"
    )


@pytest.mark.parametrize(
    "state",
    [
        (ORIGINAL, RENDITION, None),
        (ORIGINAL, RENDITION, ORIGINAL),
        (RENDITION, ORIGINAL, None),
        (RENDITION, ORIGINAL, ORIGINAL),
        (RENDITION, RENDITION, ORIGINAL),
        (RENDITION, None, ORIGINAL),
    ],
)
def test_every_state_on_the_way_is_finished(
    places: Places, state: tuple[bytes | None, bytes | None, bytes | None]
) -> None:
    places.put(*state)
    for _ in range(2):
        places.go()
        assert places.held() == (RENDITION, None, ORIGINAL)


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ((ORIGINAL, RENDITION, b"other"), Occupied),
        ((RENDITION, ORIGINAL, b"other"), Occupied),
        ((ORIGINAL, None, None), SourceMissing),
        ((ORIGINAL, b"torn", None), WrongHash),
        ((b"other", RENDITION, None), WrongHash),
        ((None, RENDITION, None), SourceMissing),
        ((RENDITION, None, None), SourceMissing),
        ((RENDITION, b"other", ORIGINAL), WrongHash),
        ((RENDITION, RENDITION, None), WrongHash),
    ],
)
def test_anything_else_is_left_as_it_is(
    places: Places,
    state: tuple[bytes | None, bytes | None, bytes | None],
    error: type[PhotoductError],
) -> None:
    places.put(*state)
    with pytest.raises(error):
        places.go()
    assert places.held() == state


def test_a_rendition_equal_to_its_original_is_refused(places: Places) -> None:
    places.put(ORIGINAL, ORIGINAL, None)
    sha = HASHES["original_sha256"]
    with pytest.raises(WrongHash):
        exchange(*places.paths, original_sha256=sha, rendition_sha256=sha)
    assert places.held() == (ORIGINAL, ORIGINAL, None)


@pytest.mark.parametrize("state", [(ORIGINAL, None), (ORIGINAL, ORIGINAL), (None, ORIGINAL)])
def test_an_original_leaves_from_every_state_on_the_way(
    places: Places, state: tuple[bytes | None, bytes | None]
) -> None:
    places.put(state[0], RENDITION, state[1])
    for _ in range(2):
        retire(places.place, places.retired, original_sha256=HASHES["original_sha256"])
        assert places.held() == (None, RENDITION, ORIGINAL)


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ((None, None), SourceMissing),
        ((b"other", None), WrongHash),
        ((b"other", ORIGINAL), WrongHash),
        ((ORIGINAL, b"other"), Occupied),
        ((None, b"other"), Occupied),
    ],
)
def test_nothing_but_the_original_leaves(
    places: Places, state: tuple[bytes | None, bytes | None], error: type[PhotoductError]
) -> None:
    places.put(state[0], RENDITION, state[1])
    with pytest.raises(error):
        retire(places.place, places.retired, original_sha256=HASHES["original_sha256"])
    assert places.held() == (state[0], RENDITION, state[1])


def test_nothing_is_replaced_before_its_second_name_is_proven(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An original that changes under way is never the one that is replaced."""
    places.put(ORIGINAL, RENDITION, None)
    real = os.link

    def edit_then_link(source: Path, target: Path, *, follow_symlinks: bool) -> None:
        places.place.write_bytes(b"edited by hand")
        real(source, target, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "link", edit_then_link)
    monkeypatch.setattr(file_syscalls, "exchange_names", _no_swap)
    with pytest.raises(PhotoductError):
        places.go()
    assert places.place.read_bytes() == b"edited by hand"


def _no_swap(one: Path, other: Path) -> None:
    raise OSError(errno.EINVAL, "no such flag")


@pytest.mark.parametrize("failing", range(1, 12))
def test_a_failing_flush_leaves_the_original_somewhere(
    places: Places, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    places.put(ORIGINAL, RENDITION, None)
    calls: list[int] = []
    armed = [True]

    def fsync(fd: int) -> None:
        calls.append(fd)
        if len(calls) == failing and armed:
            raise OSError(errno.EIO, "io")

    monkeypatch.setattr(file_syscalls, "fsync", fsync)
    try:
        places.go()
    except PhotoductError:
        assert ORIGINAL in places.held()
    armed.clear()
    places.go()
    assert places.held() == (RENDITION, None, ORIGINAL)


FORMER = b"former rendition" * 100
RENEWAL = (hashlib.sha256(FORMER).hexdigest(), HASHES["rendition_sha256"])


@pytest.mark.parametrize(
    "state",
    [
        (FORMER, RENDITION, ORIGINAL),
        (RENDITION, FORMER, ORIGINAL),
        (RENDITION, None, ORIGINAL),
    ],
)
def test_a_rendition_takes_a_former_ones_place_from_every_state_on_the_way(
    places: Places, state: tuple[bytes | None, bytes | None, bytes | None]
) -> None:
    places.put(*state)
    for _ in range(2):
        supersede(places.place, places.staged, *RENEWAL)
        assert places.held() == (RENDITION, None, ORIGINAL)


@pytest.mark.parametrize(
    "state",
    [
        (b"edited by hand", RENDITION, ORIGINAL),
        (FORMER, b"torn", ORIGINAL),
        (FORMER, None, ORIGINAL),
        (RENDITION, ORIGINAL, None),
        (ORIGINAL, RENDITION, None),
        (None, RENDITION, ORIGINAL),
    ],
)
def test_a_renewal_touches_nothing_but_renditions(
    places: Places, state: tuple[bytes | None, bytes | None, bytes | None]
) -> None:
    places.put(*state)
    with pytest.raises(PhotoductError):
        supersede(places.place, places.staged, *RENEWAL)
    assert places.held() == state


def test_an_edit_that_comes_during_a_renewal_keeps_its_place(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    places.put(FORMER, RENDITION, ORIGINAL)
    swap = file_syscalls.exchange_names

    def edit_then_swap(one: Path, other: Path) -> None:
        if one.read_bytes() == FORMER:
            one.unlink()
            one.write_bytes(b"edited by hand")
        swap(one, other)

    monkeypatch.setattr(file_syscalls, "exchange_names", edit_then_swap)
    with pytest.raises(PhotoductError, match="changed while"):
        supersede(places.place, places.staged, *RENEWAL)
    assert places.held() == (b"edited by hand", RENDITION, ORIGINAL)
