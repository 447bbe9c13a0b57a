"""Paths below a root: hostile names and links never lead out of it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, strategies as st

from shared.adapters.local_files import hardlink, resolve_beneath
from shared.adapters.publishing import publish
from shared.domain.errors import PhotoductError
from shared.ports.files import CrossDevice, Occupied, SourceMissing, UnsafePath

NASTY = ["", ".", "..", "/", "\x00", "\n", "~", "a", "out", "é", "e\u0301", "\u202f", "\\", "-rf", "\ud800"]  # fmt: skip
HOSTILE = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(NASTY) | st.text(max_size=5), max_size=6).map("/".join),
)


@given(relative=HOSTILE)
@example(relative="../escaped")
@example(relative="/etc/passwd")
@example(relative="out/x")
@example(relative="a/../../x")
@example(relative="a//b")
def test_no_name_leads_out_of_the_root(relative: str) -> None:
    with TemporaryDirectory() as folder:
        root, outside = Path(folder) / "root", Path(folder) / "outside"
        root.mkdir()
        outside.mkdir()
        (root / "out").symlink_to(outside)
        try:
            landed = publish([b"x"], resolve_beneath(root, relative)).path
        except PhotoductError:
            landed = None
        assert list(outside.iterdir()) == []
        assert sorted(path.name for path in Path(folder).iterdir()) == ["outside", "root"]
        assert landed is None or landed.resolve().is_relative_to(root.resolve())


@pytest.mark.parametrize(
    "relative", ["2024/05/IMG 1.HEIC", "a", "..a/b..", "2024/10.00\u202fAM.png"]
)
def test_plain_names_are_taken(tmp_path: Path, relative: str) -> None:
    assert resolve_beneath(tmp_path, relative) == tmp_path / relative


@pytest.mark.parametrize(
    "relative", ["", ".", "..", "../x", "/x", "a/./b", "a//b", "a/", "a\0b", "a\nb"]
)
def test_other_names_are_refused(tmp_path: Path, relative: str) -> None:
    with pytest.raises(UnsafePath):
        resolve_beneath(tmp_path, relative)


@pytest.mark.parametrize("relative", ["link", "link/x", "dir/link", "dir/link/x", "file/x"])
def test_links_and_files_on_the_way_are_refused(tmp_path: Path, relative: str) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("dir")
    (tmp_path / "dir" / "link").symlink_to("/etc")
    with pytest.raises(UnsafePath):
        resolve_beneath(tmp_path, relative)


def test_a_missing_root_is_no_wrong_path(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        resolve_beneath(tmp_path / "unmounted", "a")


def test_a_hard_link_is_made_once_and_never_replaces(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "pixel" / "a"
    source.write_bytes(b"photo")
    for _ in range(2):
        hardlink(source, target)
        assert target.samefile(source)
    other = tmp_path / "other"
    other.write_bytes(b"photo")
    with pytest.raises(Occupied):
        hardlink(other, target)
    assert target.samefile(source)


def test_a_hard_link_across_file_systems_is_fatal(tmp_path: Path) -> None:
    memory = Path("/dev/shm")  # noqa: S108
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system here")
    (tmp_path / "a").write_bytes(b"photo")
    with (
        TemporaryDirectory(dir=memory) as folder,
        pytest.raises(CrossDevice, match="same file system"),
    ):
        hardlink(tmp_path / "a", Path(folder) / "a")


def test_a_link_to_nothing_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        hardlink(tmp_path / "none", tmp_path / "a")
