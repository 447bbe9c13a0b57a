"""The settings become rules: what is written counts, what is left out errs towards keeping, what is wrong is named."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from services.state.settings import StateSettings, Switch, load_policy
from shared.runtime.settings import CONFIG, SettingsError, load_common

if TYPE_CHECKING:
    from pathlib import Path

    from services.state.policy.rules import Policy

WRITTEN = """
library: {folders: "{created:%Y}/{created:%m-%d}", xmp_sidecars: true}
deletion: {never_delete: [videos, raw], never_delete_albums: [Family], without_google: true}
google:
  send: [original]
  kinds: [photo]
  albums: [Best of]
  except_albums: [Work]
  favorites_only: true
  hidden: true
compressor:
  reencode_renditions: true
  tiers:
  - {name: receipts, max_age_days: null, where: {albums: [Receipts, Bills]}}
  - {name: rest, max_age_days: null}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CONFIG, str(tmp_path / "config.yaml"))
    return tmp_path / "config.yaml"


def read(file: Path, text: str) -> Policy:
    file.write_text(text)
    switch = Switch(album="Waiting")
    return load_policy(StateSettings(), switch, load_common().library)


def test_what_is_written_counts(file: Path) -> None:
    rules = read(file, WRITTEN)
    assert (rules.folders, rules.sidecars) == ("{created:%Y}/{created:%m-%d}", True)
    assert (rules.never_delete, rules.pending_album) == (("videos", "raw"), "Waiting")
    assert rules.deletion.never_delete_albums == ("Family",)
    assert rules.deletion.without_google
    assert rules.albums_named()["compressor.tiers"] == rules.tier_albums == ("Receipts", "Bills")
    assert rules.reencode
    google = rules.google
    assert (google.send, google.kinds) == (("original",), ("photo",))
    assert (google.albums, google.except_albums) == (("Best of",), ("Work",))
    assert (google.favorites_only, google.hidden) == (True, True)


def test_what_is_not_written_errs_towards_keeping(file: Path) -> None:
    rules = read(file, "")
    assert not rules.deletion.enabled
    assert not rules.deletion.without_google
    assert not rules.google.hidden, "what was sent cannot be taken back"
    assert not rules.google.needs_look
    assert rules.tier_albums == ()
    assert not rules.reencode
    assert rules.keeping.after_deletion is None
    assert read(file, "google: {hidden: true}").fingerprint != rules.fingerprint
    assert read(file, "").fingerprint == rules.fingerprint


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('library: {folders: "../{created:%Y}"}', "library.folders"),
        ("library: {folders: photos}", "library.folders"),
        ("deletion: {never_delete_albums: [' ']}", "deletion.never_delete_albums"),
        ("deletion: {never_delete: [screenshots]}", "deletion.never_delete"),
        ("google: {albums: ['']}", "google.albums"),
        ("google: {send: [record]}", "google.send"),
        ("google: {only_favorites: true}", "google.only_favorites"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(file: Path, text: str, place: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(file, text)
    (line,) = caught.value.lines
    assert place in line
    assert "\n" not in line


def test_all_settings_can_be_read_where_no_database_library_is_installed() -> None:
    code = "import sys; sys.modules['sqlalchemy'] = None; import services.sections"
    subprocess.run([sys.executable, "-c", code], check=True)
