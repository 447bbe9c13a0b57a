"""Writes an asset's rarer properties as Apple's fields: bursts, slow motion, words and places; pure."""

import base64
import plistlib
from typing import Any

from simulators.icloud.library import NO_DETAILS, Details
from simulators.icloud.records import Field, encrypted, int64, string

SLOW_MOTION = "com.apple.video.slomo"


def encode_text(text: str) -> str:
    """Put text into the base64 of an ...Enc field; NUL, slashes and lone surrogates pass."""
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def detail_fields(details: Details) -> dict[str, Field]:
    """The fields that a CPLAsset has besides the usual ones; none for an ordinary asset."""
    if details is NO_DETAILS:
        return {}
    return {**_burst(details), **_slow_motion(details), **_words(details)}


def _burst(details: Details) -> dict[str, Field]:
    if details.burst is None:
        return {}
    flags = int64(7 if details.burst_pick else 3)
    return {"burstId": string(details.burst), "burstFlags": flags, "burstFlagsExt": flags}


def _slow_motion(details: Details) -> dict[str, Field]:
    """Slow motion has an adjustment and never a rendered resource."""
    if not details.slow_motion:
        return {}
    plan = _plist({"slowMotion": {"rate": 0.25, "regions": [{"start": 1.0, "duration": 2.0}]}})
    return {
        "adjustmentType": string(SLOW_MOTION),
        "adjustmentRenderType": int64(2),
        "adjustmentSimpleDataEnc": encrypted(plan),
    }


def _words(details: Details) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    if details.keywords:
        fields["keywordsEnc"] = encrypted(_plist(list(details.keywords)))
    if details.caption:
        fields["captionEnc"] = encrypted(encode_text(details.caption))
    if details.description:
        fields["extendedDescEnc"] = encrypted(encode_text(details.description))
    if details.location:
        latitude, longitude = details.location
        place = {"lat": latitude, "lon": longitude, "alt": 160.0, "horzAcc": 5.0}
        fields["locationEnc"] = encrypted(_plist(place))
    return fields


def _plist(value: Any) -> str:
    return base64.b64encode(plistlib.dumps(value, fmt=plistlib.FMT_BINARY)).decode()
