"""Encodes a HEIC by libheif's x265 where nothing is lost by it; never changes the source.

libheif turns the picture upright when it decodes, and pillow-heif sets the EXIF orientation to match: saved as they
are, the two agree and the picture is turned once. Gain maps, depth and sequences are not written by it at all.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pillow_heif

from services.compressor.stills.heic_items import odd_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

PRESET = "ultrafast"
VERSION = f"libheif {pillow_heif.libheif_version()} x265"
_HDR_TRANSFERS = {16, 18}  # PQ and HLG, ITU-T H.273
_SHADES = {"L": "it is grey", "RGBA": "it is transparent", "LA": "it is grey and transparent"}
_LOST = (b"urn:com:apple:photo:2020:aux:hdrgainmap", b"tmap", b"auxid:hdrgainmap")


def register() -> None:
    """Teach Pillow to open HEIC; harmless when done twice."""
    pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)


def encode(image: Image.Image, quality: int) -> bytes:
    """Return the rendition of an upright picture with its EXIF, XMP and ICC; `obstacle` has to be asked before."""
    out = io.BytesIO()
    kept = {
        name: image.info[name] for name in ("exif", "xmp", "icc_profile") if image.info.get(name)
    }
    image.save(out, "HEIF", quality=quality, enc_params={"preset": PRESET}, **kept)
    return out.getvalue()


def obstacle(data: bytes, image: Image.Image) -> str | None:
    """Return why a rendition would lose something, None when all can be kept."""
    info = image.info
    transfer = (info.get("nclx_profile") or {}).get("transfer_characteristics")
    if info.get("bit_depth", 8) != 8:
        return f"it has {info['bit_depth']} bits a sample"
    if transfer in _HDR_TRANSFERS:
        return "it has HDR colours"
    if any(name in data[: 1 << 20] for name in _LOST):
        return "its HDR gain map would be lost"
    if info.get("depth_images"):
        return "its depth map would be lost"
    if info.get("aux"):
        return f"its auxiliary images would be lost ({', '.join(map(str, info['aux']))})"
    if image.mode != "RGB":
        return _SHADES.get(image.mode, f"its colours are {image.mode}")
    if info.get("chroma", 420) != 420:
        return f"its colours are stored finer than a rendition's would be (chroma {info['chroma']})"
    return _behind_metadata(info, data) or odd_parts(data)


def _behind_metadata(info: Mapping[Any, Any], data: bytes) -> str | None:
    """Metadata blocks that pillow-heif hands out but does not write, and a motion photo's video box."""
    if info.get("metadata"):
        return "a metadata block that is neither EXIF nor XMP would be lost"
    if b"mpvd" in data or b"MotionPhoto" in data[: 1 << 20]:
        return "it is a motion photo: its video would be lost"
    return None
