"""Sidecars say what the record says, in the words of other programs, and no field of a record can break one."""

from __future__ import annotations

import base64
import plistlib
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given, strategies as st

from shared.domain.xmp import sidecar

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
NAMES = {
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
}


def encoded(text: str) -> dict[str, str]:
    return {"value": base64.b64encode(text.encode()).decode(), "type": "ENCRYPTED_BYTES"}


def plist(value: Any) -> dict[str, str]:
    raw = plistlib.dumps(value, fmt=plistlib.FMT_BINARY)
    return {"value": base64.b64encode(raw).decode(), "type": "ENCRYPTED_BYTES"}


def record(**fields: Any) -> dict[str, Any]:
    wrapped = {k: v if isinstance(v, dict) else {"value": v} for k, v in fields.items()}
    return {"recordName": "A", "recordType": "CPLAsset", "fields": wrapped}


def read(made: bytes) -> dict[str, Any]:
    """Return the properties of a sidecar: a text, or the list of its words."""
    (about,) = Xml.fromstring(made).iter(f"{RDF}Description")  # noqa: S314 - our own bytes
    found: dict[str, Any] = {}
    for one in about:
        space, name = one.tag[1:].split("}")
        prefix = next(key for key, value in NAMES.items() if value == space)
        words = [item.text for item in one.iter(f"{RDF}li")]
        found[f"{prefix}:{name}"] = words or one.text
    return found


def test_a_sidecar_says_all_that_the_record_says() -> None:
    asset = record(
        isFavorite=1,
        isHidden=1,
        assetDate=1_775_652_701_312,
        timeZoneOffset=7200,
        adjustmentType="com.apple.photo",
        captionEnc=encoded("Zoë & the <sea>"),
        extendedDescEnc=encoded("l" * 5000),
        keywordsEnc=plist(["sea", "a|b", "sea"]),
        locationEnc=plist(
            {
                "lat": -33.856784,
                "lon": 151.215297,
                "alt": -4.5,
                "timestamp": datetime(2026, 4, 8, 12),  # noqa: DTZ001 - plists know no zone
            }
        ),
    )
    master = record(filenameEnc=encoded("IMG_1.HEIC"))
    assert read(sidecar(asset, master, ["Trips", "Best", "Trips"])) == {
        "xmp:Rating": "5",
        "xmp:CreateDate": "2026-04-08T14:51:41.312+02:00",
        "photoshop:DateCreated": "2026-04-08T14:51:41.312+02:00",
        "exif:DateTimeOriginal": "2026-04-08T14:51:41.312+02:00",
        "exif:GPSVersionID": "2.3.0.0",
        "exif:GPSLatitude": "33,51.407040S",
        "exif:GPSLongitude": "151,12.917820E",
        "exif:GPSAltitudeRef": "1",
        "exif:GPSAltitude": "450/100",
        "exif:GPSTimeStamp": "2026-04-08T12:00:00Z",
        "photoshop:Instructions": "Edited in iCloud Photos (com.apple.photo)",
        "xmpMM:PreservedFileName": "IMG_1.HEIC",
        "dc:title": ["Zoë & the <sea>"],
        "dc:description": ["l" * 5000],
        "dc:subject": ["a|b", "sea", "Best", "Trips", "Hidden"],
        "lr:hierarchicalSubject": ["a/b", "sea", "Albums|Best", "Albums|Trips", "iCloud|Hidden"],
    }


def test_what_the_record_does_not_say_is_left_out() -> None:
    assert read(sidecar(record(isFavorite=0), None, [])) == {}
    assert read(sidecar({}, None, [" "])) == {}


def test_order_of_albums_makes_no_difference() -> None:
    assert sidecar(record(), None, ["a", "b"]) == sidecar(record(), None, ["b", "a", "b"])


@pytest.mark.parametrize(
    "location",
    [
        {"lat": 91.0, "lon": 0.0},
        {"lat": -180.0, "lon": -180.0},  # what Apple writes for "nowhere"
        {"lat": float("nan"), "lon": 0.0},
        {"lat": float("inf"), "lon": 0.0},
        {"lat": True, "lon": 1.0},
        {"lat": "1", "lon": 1.0},
        {"lon": 1.0},
        [1.0, 2.0],
    ],
)
def test_a_place_that_cannot_be_is_none(location: object) -> None:
    assert read(sidecar(record(locationEnc=plist(location)), None, [])) == {}


def test_an_odd_zone_is_written_in_whole_minutes() -> None:
    made = read(sidecar(record(assetDate=0, timeZoneOffset=1172), None, []))
    assert made["xmp:CreateDate"] == "1970-01-01T00:19:00+00:19"


def _nested(depth: int) -> bytes:
    """A property list of 100 lists in lists, each twice the one before: a bomb for whoever prints it."""
    value: Any = []
    for _ in range(depth):
        value = [value, value]
    return plistlib.dumps(value, fmt=plistlib.FMT_BINARY)


def test_a_property_list_that_would_explode_counts_as_absent() -> None:
    bomb = {"value": base64.b64encode(_nested(100)).decode()}
    assert read(sidecar(record(keywordsEnc=bomb, locationEnc=bomb), None, [])) == {}


def test_a_property_list_too_deep_for_the_reader_counts_as_absent() -> None:
    deep = b"<plist>" + b"<array>" * 5000 + b"</array>" * 5000 + b"</plist>"
    for raw in (deep, b"bplist00" + b"\xff" * 60, b"<!DOCTYPE x [<!ENTITY a 'b'>]><plist/>"):
        field = {"value": base64.b64encode(raw).decode()}
        assert read(sidecar(record(keywordsEnc=field, locationEnc=field), None, [])) == {}


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.just("\ud800\x00\ufffe"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
plists = st.dictionaries(
    st.sampled_from(["lat", "lon", "alt", "timestamp"]),
    st.floats() | st.integers(-(2**63), 2**64 - 1) | st.booleans()
    | st.datetimes(),
) | st.lists(st.text())  # fmt: skip
fields = st.dictionaries(
    st.sampled_from(
        ["isFavorite", "isHidden", "assetDate", "timeZoneOffset", "adjustmentType", "captionEnc",
         "extendedDescEnc", "keywordsEnc", "locationEnc", "filenameEnc"]
    ),
    odd | odd.map(lambda one: {"value": one}) | st.binary().map(
        lambda raw: {"value": base64.b64encode(raw).decode()}) | plists.map(plist),
)  # fmt: skip


@given(fields, st.none() | fields, st.lists(st.text() | st.just("\x01\ud800")))
def test_whatever_the_fields_hold_the_sidecar_is_valid_and_the_same_twice(
    asset: dict[str, Any], master: dict[str, Any] | None, albums: list[str]
) -> None:
    whole = None if master is None else {"fields": master}
    made = sidecar({"fields": asset}, whole, albums)
    read(made)
    assert made == sidecar({"fields": asset}, whole, albums[::-1])
