"""Whatever a file is called in iCloud, its name here is harmless, its own, and fits every disk."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, strategies as st

from shared.domain import naming
from shared.domain.ids import Resource

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=300)
"""Lone surrogates and controls included."""
NASTY = st.lists(
    st.sampled_from(
        ["..", ".", "/", "\\", "\x00", "\n", " ", "~", "-", "con", "NUL", "com1", "a", "é", "e\u0301",
         "\u202e", "\ud800", "👨‍👩‍👧", "한", "\u1112\u1161", ":", "*", "_", ".jpg", "x" * 200, "ß", "İ"]
    ),
    max_size=12,
).map("".join)  # fmt: skip
NAMES = st.one_of(ANY_TEXT, NASTY)
RESOURCES = st.sampled_from(Resource)
FORBIDDEN = frozenset('/\\:*?"<>|\x7f') | {chr(n) for n in range(32)}


def all_names(filename: str, extension: str, version: int) -> list[str]:
    return [
        naming.media_name(stem, resource, extension, version)
        for stem in naming.stems(filename, "asset id")
        for resource in Resource
    ]


@given(NAMES, NAMES, st.integers(1, 10**6))
@example("../../etc/passwd", "/../x", 1)
@example("", "", 1)
@example(".", ".", 1)
@example("..", "..", 1)
@example("\ud800", "\ud800", 1)
@example("👨‍👩‍👧" * 60, ".JPEGJPEGJPEG", 99)
@example("_" * 300, ".j", 10)
def test_a_remote_name_is_never_more_than_a_harmless_name(
    filename: str, extension: str, version: int
) -> None:
    for name in all_names(filename, extension, version):
        assert not FORBIDDEN & set(name)
        assert not name.startswith((".", " "))
        assert name.strip(" ._")
        assert len(name.encode()) <= 255
        assert unicodedata.is_normalized("NFC", name)


@given(NAMES)
def test_a_stem_is_never_empty_hidden_or_too_long(filename: str) -> None:
    stem = naming.safe_stem(filename)
    assert stem.strip(" ._")
    assert not stem.startswith((".", " "))
    assert len(stem.encode()) <= naming.MAX_STEM_BYTES + len("file_")


@pytest.mark.parametrize(
    "device", ["con", "CON.jpg", "Nul.HEIC", "com0", "LPT9.png", "aux.", "prn "]
)
def test_a_device_of_windows_is_no_stem(device: str) -> None:
    assert naming.safe_stem(device).startswith("file_")


@pytest.mark.parametrize(
    ("filename", "stem"),
    [
        ("IMG_0001.HEIC", "IMG_0001"),
        ("archive.tar.gz", "archive.tar"),
        (".jpg", "jpg"),
        ("no extension", "no extension"),
        ("a/b.jpg", "a_b"),
        ("Cafe\u0301.jpg", "Caf\u00e9"),
        ("  spaces .jpg", "spaces"),
        ("-rf.jpg", "-rf"),
        ("🎂.mov", "🎂"),
        ("", "file_"),
    ],
)
def test_an_honest_name_stays_as_it_is(filename: str, stem: str) -> None:
    assert naming.safe_stem(filename) == stem


@given(NAMES)
def test_the_plain_stem_is_tried_first_and_the_last_is_the_assets_own(filename: str) -> None:
    ours = list(naming.stems(filename, "one"))
    theirs = list(naming.stems(filename, "another"))
    assert ours[0] == theirs[0] == naming.safe_stem(filename)
    assert len(set(ours)) == len(ours)
    assert not set(ours[1:]) & set(theirs[1:])


def test_the_halves_of_a_live_photo_share_the_stem_and_versions_are_numbered() -> None:
    name = naming.media_name
    assert name("IMG_1", Resource.ORIGINAL, ".HEIC", 1) == "IMG_1.HEIC"
    assert name("IMG_1", Resource.LIVE, ".MOV", 1) == "IMG_1.MOV"
    assert name("IMG_1", Resource.EDITED, ".JPG", 1) == "IMG_1_edited.JPG"
    assert name("IMG_1", Resource.EDITED, ".JPG", 3) == "IMG_1_edited_v3.JPG"
    assert name("IMG_1", Resource.RECORD, ".json", 2) == "IMG_1.record_v2.json"


@pytest.mark.parametrize(
    ("extension", "safe"),
    [(".HEIC", ".HEIC"), ("jpg", ".jpg"), ("", ""), ("./../x", ".x"), (".abcdefghij", ".abcdefgh")],
)
def test_an_extension_is_letters_and_digits(extension: str, safe: str) -> None:
    assert naming.safe_extension(extension) == safe


@given(st.text(st.characters(max_codepoint=0x24F), min_size=1, max_size=20))
def test_names_that_a_disk_could_take_for_one_share_a_key(text: str) -> None:
    for twin in (unicodedata.normalize("NFD", text), unicodedata.normalize("NFC", text)):
        assert naming.path_key(twin) == naming.path_key(text)
        assert naming.stem_key("2020/05", twin) == naming.stem_key("2020/05", text)


@pytest.mark.parametrize(
    ("one", "other"), [("IMG.jpg", "img.JPG"), ("É", "e\u0301"), ("STRASSE", "straße"), ("Σ", "ς")]
)
def test_case_and_form_make_no_difference(one: str, other: str) -> None:
    assert naming.path_key(one) == naming.path_key(other)
    assert naming.stem_key("d", one) == naming.stem_key("d", other)
    assert naming.stem_key("d", one) != naming.stem_key("e", one)


@given(NAMES)
def test_a_path_key_is_never_a_stem_key(text: str) -> None:
    assert naming.path_key(text).startswith("file:")
    assert not naming.stem_key("2020/05", text).startswith("file:")


def test_the_folder_is_the_month_where_the_photo_was_taken() -> None:
    here = timezone(timedelta(hours=-8))
    assert naming.folder(datetime(2019, 12, 31, 23, tzinfo=here)) == "2019/12"
    assert naming.folder(datetime(870, 1, 1, tzinfo=UTC)) == "0870/01"


@pytest.mark.parametrize(
    ("path", "suffix"),
    [
        ("2020/05/IMG_1.JPG", ".JPG"),
        ("IMG_1.JPG.jxl", ".jxl"),
        ("20.20/IMG", ""),
        ("2020/.hidden", ""),
        ("a.", ""),
        ("", ""),
    ],
)
def test_a_path_ends_with_its_last_extension(path: str, suffix: str) -> None:
    assert naming.suffix_of(path) == suffix
