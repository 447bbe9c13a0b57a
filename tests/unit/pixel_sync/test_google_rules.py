"""The simulated Google judges bytes, not names, so that it can contradict photoduct."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from simulators.phone.google_photos import GooglePhotos
from simulators.phone.google_rules import refusal
from simulators.phone.google_store import GoogleStore, append_line, read_lines
from simulators.phone.persona import Persona, load_persona

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("ending", ["JPEG", "PNG", "GIF", "WEBP", "HEIF"])
def test_pictures_are_known_by_their_bytes(tmp_path: Path, ending: str) -> None:
    file = tmp_path / "misnamed.txt"
    Image.new("RGB", (256, 300)).save(file, ending)
    assert refusal(file) is None
    Image.new("RGB", (255, 300)).save(file, ending)
    assert refusal(file) == "too small: 255x300"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.jpg", b"II*\0 and so on", "unsupported content: TIFF"),
        ("a.dng", b"II*\0 and so on", None),
        ("a.jpg", b"", "unsupported content: neither photo nor video"),
        ("a.jpg", b"\xff\xd8\xff broken", "unreadable picture"),
        ("a.mov", b"\0\0\0\x14ftypqt  \0\0\0\0", None),
        ("a.cr3", b"\0\0\0\x14ftypcrx \0\0\0\0", None),
        ("a.aae", b"<?xml version='1.0'?>", "unsupported content: neither photo nor video"),
    ],
)
def test_other_files(tmp_path: Path, name: str, content: bytes, reason: str | None) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert refusal(file) == reason


def test_limits_of_size(tmp_path: Path) -> None:
    file = tmp_path / "huge"
    file.write_bytes(b"\xff\xd8\xff")
    with file.open("r+b") as stream:
        stream.truncate(200_000_001)
    assert refusal(file) == "photo over 200 MB"
    file.write_bytes(b"\0\0\0\x14ftypqt  ")
    with file.open("r+b") as stream:
        stream.truncate(10_000_000_001)
    assert refusal(file) == "video over 10 GB"


def app_on(root: Path, persona: Persona, free_after: float | None = None) -> GooglePhotos:
    phone = root / "run" / "phone"
    phone.mkdir(parents=True, exist_ok=True)
    return GooglePhotos(phone, GoogleStore(root / "google"), persona, free_after=free_after)


def test_the_app_uploads_once_over_restarts_and_frees_only_what_it_uploaded(tmp_path: Path) -> None:
    app = app_on(tmp_path, Persona(never_upload=("private*",)))
    folder = tmp_path / "run" / "phone"
    (folder / "2024").mkdir()
    for name in ("2024/a.jpg", "private.jpg", ".syncthing.b.jpg.tmp"):
        Image.new("L", (300, 300)).save(folder / name, "JPEG")
    (folder / "note.txt").write_text("hello")
    assert not app.tick()
    assert not app_on(tmp_path, Persona(never_upload=("private*",))).tick()
    assert [row["name"] for row in read_lines(tmp_path / "google/uploads.jsonl")] == ["2024/a.jpg"]
    assert [row["name"] for row in read_lines(tmp_path / "google/refused.jsonl")] == ["note.txt"]

    later = app_on(tmp_path, Persona(never_upload=("private*",)), free_after=0.0)
    assert later.tick()
    assert not (folder / "2024/a.jpg").exists()
    assert (folder / "private.jpg").exists()
    assert (folder / "note.txt").exists()
    assert [(row["name"], row["why"]) for row in later.removed()] == [("2024/a.jpg", "freed")]


def test_a_torn_line_spoils_no_other(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    append_line(log, {"n": 1})
    with log.open("ab") as stream:
        stream.write(b'{"n": 2')
    append_line(log, {"n": 3})
    assert read_lines(log) == [{"n": 1}, {"n": 3}]


def test_a_persona_with_an_unknown_wish_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "persona.json"
    file.write_text(json.dumps({"delete_by_hand": ["*.png"], "never_upload": []}))
    assert load_persona(file).deletes("2024/x.png")
    assert not load_persona(None).deletes("2024/x.png")
    file.write_text(json.dumps({"deletes": []}))
    with pytest.raises(ValueError, match="unknown keys"):
        load_persona(file)
