"""Settings: every wrong field is named with its place, the environment wins, secrets stay secret."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, Field

from services.sections import problems
from shared.runtime.rhythm import checked_cron, checked_rhythm, is_open, next_due
from shared.runtime.settings import CONFIG, SettingsError, load_common, load_section, read_secret

if TYPE_CHECKING:
    from pathlib import Path


class Part(BaseModel):
    slots: int = Field(default=2, ge=1)
    api_key: str | None = None


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_defaults_file_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "library: {root: /a}\ncompressor: {slots: 3}\n")
    assert load_common(path).nats.url == "nats://127.0.0.1:4222"
    assert str(load_common(path).library.root) == "/a"
    assert load_section("compressor", Part, path).slots == 3
    assert load_section("nas_sync", Part, path).slots == 2
    monkeypatch.setenv("PHOTODUCT_LIBRARY__ROOT", "/b")
    monkeypatch.setenv("PHOTODUCT_COMPRESSOR__SLOTS", "9")
    assert str(load_common(path).library.root) == "/b"
    assert load_section("compressor", Part, path).slots == 9


def test_every_wrong_field_is_named_with_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, "compressor: {slots: x, slotz: 1}\n")
    with pytest.raises(SettingsError) as wrong:
        load_section("compressor", Part, path)
    assert wrong.value.lines == [
        "config.yaml: compressor.slots: expected an integer, got 'x'",
        "config.yaml: compressor.slotz: there is no such setting",
    ]


def test_bounds_unknown_sections_and_the_environment_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "compresor: {}\nrhythm: {downloader: now and then}\n")
    with pytest.raises(SettingsError) as wrong:
        load_common(path)
    text = "\n".join(wrong.value.lines)
    assert "config.yaml: compresor: there is no such setting" in text
    assert "config.yaml: rhythm.downloader: 'now and then' is neither an interval" in text
    monkeypatch.setenv("PHOTODUCT_COMPRESSOR__SLOTS", "0")
    with pytest.raises(SettingsError) as wrong:
        load_section("compressor", Part, write(tmp_path, ""))
    assert wrong.value.lines == [
        "PHOTODUCT_COMPRESSOR__SLOTS: expected a number of at least 1, got '0'"
    ]


def test_a_secret_is_never_shown_and_can_come_from_a_file(tmp_path: Path) -> None:
    path = write(tmp_path, "compressor: {api_key: [hunter2]}\n")
    with pytest.raises(SettingsError) as wrong:
        load_section("compressor", Part, path)
    assert "hunter2" not in str(wrong.value)
    (tmp_path / "key").write_text("abc\n")
    assert read_secret(None, tmp_path / "key", "p.api_key") == "abc"
    with pytest.raises(SettingsError, match=r"p\.api_key: is missing"):
        read_secret(None, None, "p.api_key")


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load_common(tmp_path / "other.yaml")


def test_broken_yaml_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as wrong:
        load_common(write(tmp_path, "a: [\n"))
    assert len(wrong.value.lines) == 1


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("icloud: {session_days: .inf}", "icloud.session_days: expected a number of at most 3650"),
        ("icloud: {session_days: 30d}", "icloud.session_days: expected a number, got '30d'"),
        ("icloud: {timeout: -5}", "icloud.timeout: expected a number above 0"),
        ("icloud: {server: 'http://a.test'}", "icloud.server: expected nothing or an address such as https://host"),
        ("icloud: {server: icloud.com}", "icloud.server: expected nothing or an address such as https://host"),
        ("icloud: {zone: ''}", "icloud.zone: expected a text, got ''"),
        ("icloud: {shared_library: perhaps}", "icloud.shared_library: expected true or false, got 'perhaps'"),
        ("downloader: {concurrency: 100}", "downloader.concurrency: expected a number of at most 32, got 100"),
        ("downloader: {icloudpd: 5}", "downloader.icloudpd: expected settings of its own"),
        ("downloader: {icloudpd: {arguments: [--auto-delete]}}", "downloader.icloudpd.arguments: '--auto-delete' is no argument"),
        ("google: {albums: Family}", "google.albums: expected a list such as [one, two], got 'Family'"),
        ("google: {send: [everything]}", "google.send.0: expected 'original', 'edited'"),
        ("deletion: {never_delete_albums: Family}", "deletion.never_delete_albums: expected a list"),
        ("deletion: {never_delete_albums: ['']}", "deletion.never_delete_albums: expected names of albums"),
        ("icloud_cleanup: {album: ' '}", "icloud_cleanup.album: expected "),
        ("library: {folders: '../{created:%Y}'}", "library.folders: expected a pattern of folders"),
        ("library: {xmp_sidecars: maybe}", "library.xmp_sidecars: expected true or false"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_plain_sentence(
    setting: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONFIG, str(write(tmp_path, setting)))
    found = problems()
    assert len(found) == 1
    assert found[0].startswith(f"config.yaml: {says}")
    assert not {"tuple", "boolean", "dictionary", "instance"} & set(found[0].split())


NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


def test_rhythms() -> None:
    assert next_due("15m", NOW) - NOW == timedelta(minutes=15)
    assert next_due("0 3 * * *", NOW) > NOW
    for wrong in ("15", "0m", "x y", "* * * *", "61 * * * *"):
        with pytest.raises(ValueError, match="neither an interval"):
            checked_rhythm(wrong)
    with pytest.raises(ValueError, match="neither"):
        checked_cron("15m")


def test_windows_are_cron_patterns_of_minutes() -> None:
    local = NOW.astimezone()
    assert is_open(None, NOW)
    assert is_open(f"* {local.hour} * * *", NOW)
    assert not is_open(f"* {(local.hour + 1) % 24} * * *", NOW)
