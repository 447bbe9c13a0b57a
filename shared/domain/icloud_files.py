"""Says what a file of an iCloud record is: its resource kind, its extension, photo or video; it touches no file."""

from __future__ import annotations

import re

from shared.domain.ids import Kind, Resource

MASTER, ASSET = "CPLMaster", "CPLAsset"

ROLES: dict[tuple[str, str], Resource] = {
    (MASTER, "resOriginalRes"): Resource.ORIGINAL,
    (MASTER, "resOriginalAltRes"): Resource.ALTERNATE,
    (MASTER, "resOriginalVidComplRes"): Resource.LIVE,
    (ASSET, "resJPEGFullRes"): Resource.EDITED,
    (ASSET, "resVidFullRes"): Resource.EDITED,
}
"""Fields that hold something of the person's; an edited Live Photo has two edited files."""

_DERIVED = frozenset(
    {
        *(
            (record, f"res{kind}Res")
            for record in (MASTER, ASSET)
            for kind in ("JPEGThumb", "JPEGMed", "JPEGLarge", "VidSmall", "VidMed", "VidLarge")
        ),
        (MASTER, "resJPEGFullRes"),
        (MASTER, "resVidFullRes"),
    }
)
"""Renderings that iCloud or the phone makes of the files above."""

_EXTENSIONS: dict[str, tuple[str, ...]] = {
    "public.heic": (".HEIC", ".HEIF"),
    "public.heif": (".HEIF", ".HEIC", ".HIF"),
    "public.jpeg": (".JPG", ".JPEG", ".JPE"),
    "public.png": (".PNG",),
    "public.tiff": (".TIF", ".TIFF"),
    "public.avif": (".AVIF",),
    "public.webp": (".WEBP",),
    "org.webmproject.webp": (".WEBP",),
    "public.jpeg-2000": (".JP2",),
    "public.jpeg-xl": (".JXL",),
    "com.compuserve.gif": (".GIF",),
    "com.microsoft.bmp": (".BMP",),
    "com.adobe.photoshop-image": (".PSD",),
    "com.adobe.raw-image": (".DNG",),
    "com.canon.cr2-raw-image": (".CR2",),
    "com.canon.cr3-raw-image": (".CR3",),
    "com.canon.crw-raw-image": (".CRW",),
    "com.nikon.raw-image": (".NEF",),
    "com.nikon.nrw-raw-image": (".NRW",),
    "com.sony.arw-raw-image": (".ARW",),
    "com.fuji.raw-image": (".RAF",),
    "com.olympus.or-raw-image": (".ORF",),
    "com.olympus.raw-image": (".ORF",),
    "com.panasonic.raw-image": (".RAW",),
    "com.panasonic.rw2-raw-image": (".RW2",),
    "com.pentax.raw-image": (".PEF",),
    "com.apple.quicktime-movie": (".MOV", ".QT"),
    "com.apple.m4v-video": (".M4V",),
    "public.mpeg-4": (".MP4", ".M4V"),
    "public.mpeg": (".MPG", ".MPEG"),
    "public.avi": (".AVI",),
    "public.3gpp": (".3GP",),
    "public.3gpp2": (".3G2",),
    "org.webmproject.webm": (".WEBM",),
}
_VIDEOS = frozenset(
    {".MOV", ".QT", ".M4V", ".MP4", ".MPG", ".MPEG", ".AVI", ".3GP", ".3G2", ".WEBM"}
)
_PLAIN = re.compile(r"\.[A-Za-z0-9]{1,5}")
_RESOURCE = re.compile(r"res[A-Za-z0-9]+Res")


def is_resource(field: str) -> bool:
    """Say whether a record's field holds a file."""
    return _RESOURCE.fullmatch(field) is not None


def is_unknown(record_type: str, field: str) -> bool:
    """Say whether a field holds a file of which nobody can say that it is not the person's."""
    place = (record_type, field)
    return is_resource(field) and place not in ROLES and place not in _DERIVED


def extension(file_type: str, filename: str) -> str:
    """Return the extension with its dot: the given name's where it fits the type, else the type's own, else `.bin`."""
    given = f".{filename.rsplit('.', 1)[1]}" if "." in filename else ""
    plain = given if _PLAIN.fullmatch(given) else ""
    known = _EXTENSIONS.get(file_type, ())
    if known:
        return plain if plain.upper() in known else known[0]
    return plain or ".bin"


def kind(suffix: str) -> Kind:
    """Return the lane for a file with this extension."""
    return Kind.VIDEO if suffix.upper() in _VIDEOS else Kind.PHOTO
