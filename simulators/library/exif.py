"""The metadata of a phone's picture: dates, place, camera, Apple's MakerNote; builds bytes, reads none."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from PIL import Image, ImageCms
from PIL.ExifTags import GPS, IFD, Base

if TYPE_CHECKING:
    import random
    from datetime import datetime

_PLACES = ((48.8584, 2.2945), (47.3769, 8.5417), (35.6762, 139.6503), (-33.8568, 151.2153))


def exif_bytes(
    created: datetime, rng: random.Random, *, orientation: int, content_id: str | None
) -> bytes:
    """An EXIF block (with its `Exif\\0\\0` head); `content_id` ties a Live Photo's still to its film."""
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Model] = (
        "Apple",
        rng.choice(("iPhone 8", "iPhone 12", "iPhone 15 Pro")),
    )
    exif[Base.Orientation], exif[Base.Software] = orientation, "17.4.1"
    exif[Base.DateTime] = created.strftime("%Y:%m:%d %H:%M:%S")
    exif.get_ifd(IFD.Exif).update(_camera(created, rng, content_id))
    exif.get_ifd(IFD.GPSInfo).update(_place(rng))
    return exif.tobytes()


def _camera(
    created: datetime, rng: random.Random, content_id: str | None
) -> dict[int, str | bytes | int | float]:
    offset = created.isoformat()[-6:]
    return {
        Base.DateTimeOriginal: created.strftime("%Y:%m:%d %H:%M:%S"),
        Base.DateTimeDigitized: created.strftime("%Y:%m:%d %H:%M:%S"),
        Base.OffsetTime: offset,
        Base.OffsetTimeOriginal: offset,
        Base.SubsecTimeOriginal: f"{rng.randrange(1000):03}",
        Base.ISOSpeedRatings: rng.choice((25, 64, 200, 800)),
        Base.FNumber: 1.8,
        Base.ExposureTime: 1 / rng.choice((30, 120, 1000)),
        Base.MakerNote: maker_note(content_id),
    }


def maker_note(content_id: str | None) -> bytes:
    """Apple's note: a small big-endian directory; tag 0x11 is the Live Photo's content identifier."""
    count = 1 if content_id is None else 2
    head = b"Apple iOS\0\0\1MM" + struct.pack(">H", count) + struct.pack(">HHIi", 1, 9, 1, 14)
    if content_id is None:
        return head + bytes(4)
    text = content_id.encode("ascii") + b"\0"
    value_at = len(head) + 12 + 4
    return head + struct.pack(">HHII", 0x11, 2, len(text), value_at) + bytes(4) + text


def _place(rng: random.Random) -> dict[int, str | bytes | tuple[float, float, float]]:
    latitude, longitude = rng.choice(_PLACES)
    latitude, longitude = latitude + rng.uniform(-0.05, 0.05), longitude + rng.uniform(-0.05, 0.05)
    return {
        GPS.GPSVersionID: b"\2\3\0\0",
        GPS.GPSLatitudeRef: "N" if latitude >= 0 else "S",
        GPS.GPSLatitude: _degrees(latitude),
        GPS.GPSLongitudeRef: "E" if longitude >= 0 else "W",
        GPS.GPSLongitude: _degrees(longitude),
    }


def _degrees(angle: float) -> tuple[float, float, float]:
    minutes = abs(angle) * 60
    return float(minutes // 60), float(minutes % 60 // 1), round(minutes % 1 * 60, 2)


def icc_profile() -> bytes:
    """An sRGB profile whose own date is fixed, so that the same library has the same bytes."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + profile[36:]
