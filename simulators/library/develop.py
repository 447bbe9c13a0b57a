"""Turns one shot into its files; it writes only into the library's own `files/` folder."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import pillow_heif
from PIL import Image, ImageEnhance

from simulators.library.dng import dng_bytes
from simulators.library.exif import exif_bytes, icc_profile
from simulators.library.pictures import screenshot

if TYPE_CHECKING:
    from concurrent.futures import Future
    from datetime import date
    from pathlib import Path

    from simulators.library.films import Reel
    from simulators.library.pictures import Studio
    from simulators.library.shots import Codec, Shot

_SUFFIX = {"jpeg": "jpg", "heic": "heic", "png": "png", "tiff": "tif"}
_SIZES = (
    (800, 600),
    (768, 576),
    (880, 660),
    (704, 704),
)  # small: the compressor judges every pixel of them
_LARGE = (4032, 3024)


@dataclass(frozen=True)
class Darkroom:
    """Everything that the making of any shot's files needs."""

    folder: Path
    seed: int
    today: date
    studio: Studio
    reel: Future[Reel]

    def develop(self, shot: Shot) -> dict[str, str]:
        """Writes the shot's files; answers resource name -> path relative to the library."""
        made = {"original": self._original(shot)}
        if shot.live:
            made["live"] = self._film(shot, "live")
        if shot.raw:
            made["alternate"] = self._raw(shot)
        if shot.edited:
            made["edited"] = self.edit(shot, "edit")
        return made

    def edit(self, shot: Shot, purpose: str) -> str:
        """Writes a brighter rendering of the shot's picture, as an edit in the phone would."""
        brighter = ImageEnhance.Brightness(self._picture(shot)).enhance(1.15)
        data = self._jpeg(shot, ImageEnhance.Color(brighter).enhance(1.3))
        return self._write(f"{shot.key}_{purpose}.jpg", data)

    def _original(self, shot: Shot) -> str:
        if shot.kind in ("h264", "hevc"):
            return self._film(shot, shot.kind)
        name = f"{shot.key}.{_SUFFIX[shot.kind]}"
        data = self._still(shot)
        return self._write(name, data[: len(data) * 3 // 5] if shot.plant == "truncated" else data)

    def _still(self, shot: Shot) -> bytes:
        match shot.kind:
            case "png":
                return _saved(screenshot(shot.rng(self.seed, "picture")), "PNG", compress_level=1)
            case "tiff":
                small = self._picture(shot).resize((960, 720))
                return _saved(small, "TIFF", exif=self._exif(shot))
            case "heic":
                return self._heic(shot)
            case _:
                return self._jpeg(shot, self._picture(shot))

    def _picture(self, shot: Shot) -> Image.Image:
        rng = shot.rng(self.seed, "picture")
        size = rng.choice(_SIZES)
        return self.studio.picture(rng, _LARGE, 4) if shot.large else self.studio.picture(rng, size)

    def _jpeg(self, shot: Shot, picture: Image.Image) -> bytes:
        rng = shot.rng(self.seed, "quality")
        profile = {"icc_profile": icc_profile()} if rng.random() < 0.4 else {}
        quality = rng.randrange(92, 97)
        return _saved(picture, "JPEG", quality=quality, exif=self._exif(shot), **profile)

    def _heic(self, shot: Shot) -> bytes:
        picture = self.studio.picture(shot.rng(self.seed, "picture"), (1024, 768), 8)
        target = BytesIO()
        pillow_heif.from_pillow(picture).save(
            target, quality=82, exif=self._exif(shot), enc_params={"preset": "ultrafast"}
        )
        return target.getvalue()

    def _raw(self, shot: Shot) -> str:
        small = self._picture(shot).resize((480, 360))
        return self._write(f"{shot.key}.dng", dng_bytes(small, shot.created(self.seed, self.today)))

    def _film(self, shot: Shot, codec: Codec) -> str:
        name = f"{shot.key}.mov"
        created = shot.created(self.seed, self.today)
        self.reel.result().develop(
            codec, self.folder / "files" / name, created, self._content_id(shot)
        )
        return f"files/{name}"

    def _exif(self, shot: Shot) -> bytes:
        return exif_bytes(
            shot.created(self.seed, self.today),
            shot.rng(self.seed, "exif"),
            orientation=shot.orientation,
            content_id=self._content_id(shot) if shot.live else None,
        )

    def _content_id(self, shot: Shot) -> str:
        bits = shot.rng(self.seed, "content").getrandbits(128)
        return str(uuid.UUID(int=bits, version=4)).upper()

    def _write(self, name: str, data: bytes) -> str:
        (self.folder / "files" / name).write_bytes(data)
        return f"files/{name}"


def _saved(picture: Image.Image, form: str, **options: object) -> bytes:
    target = BytesIO()
    picture.save(target, form, **options)
    return target.getvalue()
