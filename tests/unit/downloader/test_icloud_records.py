"""iCloud's records, ordinary and hostile."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from shared.domain.icloud_checksum import StreamDigest
from shared.domain.icloud_fields import encoded_text
from shared.domain.icloud_files import extension, kind
from shared.domain.icloud_records import asset_seen, record_json, sort_page
from shared.domain.ids import Kind, Resource
from shared.domain.seen import AssetSeen
from tests.unit.downloader.samples import asset, encoded, master, resource, text

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(codec=None, categories=None))
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "masterRef",
    "assetDate",
    "addedDate",
    "timeZoneOffset",
    "isFavorite",
    "isDeleted",
    "filenameEnc",
    "resOriginalRes",
    "resOriginalFileType",
    "resOriginalVidComplRes",
    "resJPEGFullRes",
    "resStrangeRes",
)
fields = st.dictionaries(
    st.sampled_from(FIELDS),
    anything
    | anything.map(lambda v: {"value": v})
    | anything.map(lambda v: {"value": {"size": v}}),
)
records = st.fixed_dictionaries(
    {},
    optional={
        "recordName": anything | st.just("A1"),
        "recordType": st.sampled_from(["CPLAsset", "CPLMaster", "CPLAlbum", None]),
        "recordChangeTag": anything,
        "deleted": anything | st.just(True),
        "created": anything,
        "fields": fields | anything,
    },
)


def seen(one: dict[str, Any], two: dict[str, Any] | None) -> AssetSeen:
    return asset_seen(one, two, "PrimarySync")


def test_apple_checksum_is_the_salted_sha1_of_the_recordings() -> None:
    digest = StreamDigest()
    for chunk in (b"hello ", b"world"):
        digest.update(chunk)
    assert digest.apple == "AfmD7UtOGIItmXHUm5CO1yik4vxv"  # sha1sum of the salt and the text
    assert digest.size == 11


@settings(max_examples=300)
@given(st.lists(records | anything, max_size=6))
def test_no_record_however_hostile_costs_its_page(page: list[object]) -> None:
    sorted_page = sort_page([asset("GOOD", "M9"), *page, master("M9")], "PrimarySync")
    for name, record in sorted_page.assets.items():
        described = seen(record, sorted_page.masters.get("M9"))
        assert described.asset == name
        assert AssetSeen.model_validate_json(described.model_dump_json()) == described
        json.loads(record_json(record, sorted_page.masters.get("M9")))
    assert "GOOD" in sorted_page.assets or any(
        isinstance(r, dict) and r.get("recordName") == "GOOD" for r in page
    )


def test_a_live_photo_with_edits_has_every_file() -> None:
    full = master(
        resOriginalVidComplRes=resource(b"movie"),
        resOriginalVidComplFileType=text("com.apple.quicktime-movie"),
        resOriginalAltRes=resource(b"raw"),
        resOriginalAltFileType=text("com.adobe.raw-image"),
        resJPEGThumbRes=resource(b"thumb"),
    )
    edited = asset(
        resJPEGFullRes=resource(b"edited"),
        resJPEGFullFileType=text("public.jpeg"),
        resVidFullRes=resource(b"edited movie"),
        resVidFullFileType=text("com.apple.quicktime-movie"),
    )
    found = seen(edited, full)
    assert found.problem is None
    assert found.filename == "IMG_0001.HEIC"
    assert found.change_tag == "A1t/M1t"
    assert found.created == datetime(2023, 11, 15, 0, 13, 20, tzinfo=found.created.tzinfo)
    assert found.created.utcoffset() == timedelta(hours=2)
    assert [(r.resource, r.extension, r.kind) for r in found.resources] == [
        (Resource.ALTERNATE, ".DNG", Kind.PHOTO),
        (Resource.ORIGINAL, ".HEIC", Kind.PHOTO),
        (Resource.LIVE, ".MOV", Kind.VIDEO),
        (Resource.EDITED, ".JPG", Kind.PHOTO),
        (Resource.EDITED, ".MOV", Kind.VIDEO),
        (Resource.RECORD, ".json", Kind.PHOTO),
    ]
    assert found.resources[-1].checksum == found.change_tag


@pytest.mark.parametrize(
    ("one", "two", "problem"),
    [
        (asset(), None, "did not show the record of its original"),
        (asset(), master(resOriginalRes={"value": None}), "no size or checksum for its original"),
        (asset(), master(resOriginalRes={"value": {"size": 0}}), "no original"),
        (asset(), master(resSidecarRes=resource(b"x")), r"unknown kind \(resSidecarRes\)"),
        (asset(resOriginalRes=resource(b"x")), master(), "unknown kind"),
        (asset(assetDate={"value": "soon"}), master(), "no date"),
        (asset(adjustmentType=text("com.apple.photo")), master(), "an edit whose picture"),
    ],
)
def test_what_is_not_understood_keeps_the_asset_in_icloud(one: Any, two: Any, problem: str) -> None:
    assert re.search(problem, str(seen(one, two).problem))


@pytest.mark.parametrize(
    "fields",
    [
        {"adjustmentType": text("com.apple.video.slomo")},
        {"adjustmentType": text("com.apple.photo"), "resJPEGFullRes": resource(b"edited")},
        {"adjustmentType": text("com.apple.video"), "resVidFullRes": resource(b"edited")},
    ],
)
def test_slow_motion_and_an_edit_with_its_picture_are_no_problem(fields: dict[str, Any]) -> None:
    assert seen(asset(**fields), master()).problem is None


def test_whatever_else_is_true_an_asset_of_another_zone_is_kept() -> None:
    found = asset_seen(asset(), master(), "SharedSync-1")
    assert found.problem == "it belongs to a shared library, from which photoduct never deletes"


def test_derivatives_and_flags_are_no_problem() -> None:
    found = seen(asset(isFavorite={"value": 1}, isDeleted={"value": 1}), master())
    assert (found.favorite, found.hidden, found.deleted) == (True, False, True)
    assert found.problem is None
    assert not seen(asset(), master()).deleted


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (encoded("Früh/ling:1.jpg"), "Früh/ling:1.jpg"),
        (text("aGVsbG8="), "aGVsbG8="),
        ({"value": "IMG 1.jpg"}, "IMG 1.jpg"),
        ({"value": "aGVsbG8="}, "hello"),
        ({"value": "/w=="}, "/w=="),
        (encoded("a\0b.jpg"), "a\ufffdb.jpg"),
        ({"value": 7}, ""),
        ({}, ""),
    ],
)
def test_names_are_read_in_either_encoding(field: Any, name: str) -> None:
    assert encoded_text(master(filenameEnc=field), "filenameEnc") == name


def test_a_missing_name_is_told_as_unnamed() -> None:
    assert seen(asset(), master(filenameEnc={})).filename == "unnamed"


@pytest.mark.parametrize(
    ("file_type", "name", "suffix"),
    [
        ("public.jpeg", "a.jpeg", ".jpeg"),
        ("public.jpeg", "a.HEIC", ".JPG"),
        ("public.jpeg", "a", ".JPG"),
        ("com.strange.raw", "a.x3f", ".x3f"),
        ("com.strange.raw", "a.b/../c", ".bin"),
        ("", "", ".bin"),
    ],
)
def test_extensions_follow_the_type_and_the_name_where_it_agrees(
    file_type: str, name: str, suffix: str
) -> None:
    assert extension(file_type, name) == suffix


def test_movies_take_the_video_lane() -> None:
    assert (kind(".mov"), kind(".HEIC")) == (Kind.VIDEO, Kind.PHOTO)


def test_the_archived_record_has_no_addresses_and_does_not_depend_on_how_it_was_fetched() -> None:
    listed = asset() | {"zoneID": {"zoneName": "PrimarySync"}, "deleted": False}
    moved = master(resOriginalRes=resource(b"original", url="https://elsewhere.test"))
    assert record_json(listed, moved) == record_json(asset(), master())
    assert b"downloadURL" not in record_json(listed, moved)
    assert b"filenameEnc" in record_json(listed, moved)


def test_tombstones_are_told_and_memberships_are_left_out() -> None:
    gone = [{"recordName": n, "deleted": True} for n in ("A1", "A1-IN-B")]
    assert sort_page([*gone, asset("A2")], "PrimarySync").gone == ("A1",)


def test_times_of_impossible_years_fall_back() -> None:
    far = asset(assetDate={"value": 10**18}, addedDate={"value": 0})
    assert seen(far, master()).created == datetime(1970, 1, 1, tzinfo=UTC)
    assert seen(far, master()).problem is None
