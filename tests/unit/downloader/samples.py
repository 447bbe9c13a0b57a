"""Records as iCloud sends them, for tests."""

import base64
from typing import Any

from shared.domain.icloud_checksum import StreamDigest

Json = dict[str, Any]


def checksum(data: bytes) -> str:
    digest = StreamDigest()
    digest.update(data)
    return digest.apple


def resource(data: bytes, url: str = "https://cloud.test/file") -> Json:
    return {"value": {"fileChecksum": checksum(data), "size": len(data), "downloadURL": url}}


def text(value: str) -> Json:
    return {"value": value, "type": "STRING"}


def encoded(value: str) -> Json:
    return {"value": base64.b64encode(value.encode()).decode(), "type": "ENCRYPTED_BYTES"}


def master(name: str = "M1", data: bytes = b"original", **fields: Json) -> Json:
    own = {
        "filenameEnc": encoded("IMG_0001.HEIC"),
        "resOriginalRes": resource(data),
        "resOriginalFileType": text("public.heic"),
    }
    return {
        "recordName": name,
        "recordType": "CPLMaster",
        "recordChangeTag": f"{name}t",
        "fields": own | fields,
    }


def asset(name: str = "A1", of: str = "M1", **fields: Json) -> Json:
    own = {
        "masterRef": {"value": {"recordName": of}, "type": "REFERENCE"},
        "assetDate": {"value": 1_700_000_000_000},
        "timeZoneOffset": {"value": 7200},
    }
    return {
        "recordName": name,
        "recordType": "CPLAsset",
        "recordChangeTag": f"{name}t",
        "fields": own | fields,
    }
