"""The demo library is what its manifest says: every kind of file, every plant, nothing by accident."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pillow_heif
import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base

from simulators.library import generate
from simulators.library.catalogue import shots
from simulators.library.shots import When

TODAY = date(2026, 11, 22)
PLANTS = {
    "vetoed", "edited_late", "refused_by_google", "deleted_on_phone", "unreadable", "truncated"
}  # fmt: skip


@dataclass(frozen=True)
class Library:
    folder: Path
    assets: list[dict[str, Any]]

    def planted(self, plant: str) -> dict[str, Any]:
        (asset,) = [asset for asset in self.assets if asset["plant"] == plant]
        return asset

    def named(self, suffix: str) -> list[Path]:
        return sorted((self.folder / "files").glob(f"*.{suffix}"))


def made(folder: Path, **options: Any) -> Library:
    manifest = generate(folder, today=TODAY, **options)
    return Library(folder, json.loads(manifest.read_text(encoding="utf-8"))["assets"])


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return made(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return made(tmp_path_factory.mktemp("small"), size="small")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ffmpeg(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def age_years(asset: dict[str, Any]) -> float:
    return (TODAY - datetime.fromisoformat(asset["created"]).date()).days / 365.25


def test_full_counts_and_size(full: Library) -> None:
    assert len(full.assets) >= 60
    assert sum(asset["expect"] == "deleted" for asset in full.assets) >= 50
    assert sum(path.stat().st_size for path in (full.folder / "files").iterdir()) < 40e6


def test_small_holds_one_of_each_kind(small: Library) -> None:
    suffixes = {Path(name).suffix for asset in small.assets for name in asset["resources"].values()}
    assert len(small.assets) == 12
    assert suffixes == {".jpg", ".heic", ".png", ".mov", ".tif"}
    assert {asset["plant"] for asset in small.assets} == {None, "vetoed", "refused_by_google"}
    assert sum("live" in asset["resources"] for asset in small.assets) == 1


def test_each_plant_stands_once_and_only_plants_are_kept(full: Library) -> None:
    planted = Counter(asset["plant"] for asset in full.assets if asset["plant"])
    assert planted == Counter(PLANTS)
    assert all((asset["expect"] == "kept") == bool(asset["plant"]) for asset in full.assets)
    assert full.planted("vetoed")["when_pending"] == "veto"
    assert full.planted("edited_late")["when_pending"] == "edit"
    assert full.planted("unreadable")["fault"] == "unreadable"
    assert full.planted("deleted_on_phone")["filename"] == "deleted-by-hand.JPG"
    assert full.planted("refused_by_google")["resources"]["original"].endswith(".tif")


def test_the_late_edit_waits_in_its_file(full: Library) -> None:
    asset = full.planted("edited_late")
    assert "edited" not in asset["resources"]
    assert digest(full.folder / asset["edit_file"]) != digest(
        full.folder / asset["resources"]["original"]
    )


def test_every_listed_file_is_there_and_none_besides(full: Library) -> None:
    listed = {name for asset in full.assets for name in asset["resources"].values()}
    listed |= {asset["edit_file"] for asset in full.assets if asset["edit_file"]}
    assert listed == {f"files/{path.name}" for path in (full.folder / "files").iterdir()}


def test_only_the_twins_share_their_content(full: Library) -> None:
    seen = Counter(digest(path) for path in (full.folder / "files").iterdir())
    (shared,) = [value for value, times in seen.items() if times > 1]
    twins = [a for a in full.assets if digest(full.folder / a["resources"]["original"]) == shared]
    assert len(twins) == seen[shared] == 2
    assert twins[0]["id"] != twins[1]["id"]
    assert twins[0]["created"] == twins[1]["created"]


def test_the_same_seed_makes_the_same_library(small: Library, tmp_path: Path) -> None:
    again = made(tmp_path, size="small")
    assert again.assets == small.assets
    for path in (small.folder / "files").iterdir():
        assert digest(path) == digest(again.folder / "files" / path.name), path.name


def test_another_seed_or_day_changes_ids_or_dates() -> None:
    row = shots("small")[0]
    assert row.asset_id(7) == row.asset_id(7) != row.asset_id(8)
    assert row.created(7, TODAY) != row.created(7, date(2027, 11, 22))


def test_keys_ids_and_plants_are_unique() -> None:
    rows = shots("full")
    assert len({row.key for row in rows}) == len({row.asset_id(7) for row in rows}) == len(rows)


@pytest.mark.parametrize("today", [date(2026, 1, 31), date(2028, 2, 29), date(2026, 12, 31)])
def test_dates_lie_before_any_today(today: date) -> None:
    days = [(today - row.when.before(today)).days for row in shots("full")]
    assert min(days) >= 1
    assert sum(gone <= 30 for gone in days) == 3


def test_months_are_counted_back_over_new_year() -> None:
    assert When(2, 28).before(date(2026, 1, 31)) == date(2025, 11, 28)
    assert When(13, 5).before(date(2026, 12, 31)) == date(2025, 11, 5)
    assert When(0, 9).before(date(2026, 1, 3)) == date(2025, 12, 25)


def test_every_age_tier_is_met(full: Library) -> None:
    ages = [age_years(asset) for asset in full.assets if asset["expect"] == "deleted"]
    assert sum(age < 1 for age in ages) >= 10
    assert sum(1 <= age < 3 for age in ages) >= 10
    assert sum(age >= 3 for age in ages) >= 10


def test_ten_assets_have_one_name_and_two_of_them_one_month(full: Library) -> None:
    same = [asset for asset in full.assets if asset["filename"] == "IMG_0001.JPG"]
    months = Counter(asset["created"][:7] for asset in same)
    assert len(same) == 10
    assert max(months.values()) >= 2
    assert len(months) >= 5


def test_unicode_twins_differ_only_in_their_form_and_share_a_month(full: Library) -> None:
    by_name: dict[tuple[str, str], set[str]] = {}
    for asset in full.assets:
        place = unicodedata.normalize("NFC", asset["filename"]), asset["created"][:7]
        by_name.setdefault(place, set()).add(asset["filename"])
    twins = {name for (name, _), forms in by_name.items() if len(forms) == 2}
    assert twins == {"Zoë.JPG", "Å.JPG"}


@pytest.mark.parametrize("sign", ["/", "\\", ":", "\0", "日本"])
def test_a_name_carries_each_awkward_sign(full: Library, sign: str) -> None:
    assert any(sign in asset["filename"] for asset in full.assets)


def test_flags_albums_and_edits_are_there(full: Library) -> None:
    assert sum(asset["favorite"] for asset in full.assets) == 1
    assert sum(asset["hidden"] for asset in full.assets) == 2
    assert any("Kids" in asset["albums"] for asset in full.assets)
    edited = [asset for asset in full.assets if "edited" in asset["resources"]]
    assert [asset["expect"] for asset in edited] == ["deleted"]


def test_every_still_decodes_but_the_truncated_one(full: Library) -> None:
    broken = []
    for path in [*full.named("jpg"), *full.named("png"), *full.named("tif"), *full.named("dng")]:
        try:
            with Image.open(path) as picture:
                picture.load()
        except OSError:
            broken.append(f"files/{path.name}")
    assert broken == [full.planted("truncated")["resources"]["original"]]


def test_every_heic_decodes(full: Library) -> None:
    assert len(full.named("heic")) == 10
    for path in full.named("heic"):
        assert pillow_heif.open_heif(path).to_pillow().size == (1024, 768)


def test_the_raw_mosaic_decodes_in_ffmpeg(full: Library) -> None:
    for path in full.named("dng"):
        shown = ffmpeg("-xerror", "-i", str(path), "-f", "null", "-")
        assert shown.returncode == 0
        assert re.search(r"Input #0.*?bayer_rggb16le.*?480x360", shown.stderr, re.DOTALL)


def test_every_film_decodes_and_both_codecs_are_met(full: Library) -> None:
    codecs: Counter[str] = Counter()
    for path in full.named("mov"):
        shown = ffmpeg("-v", "info", "-xerror", "-i", str(path), "-f", "null", "-")
        assert shown.returncode == 0, shown.stderr
        codecs.update(re.findall(r"Stream #0:0.*?Video: (\w+)", shown.stderr)[:1])
    assert codecs["h264"] >= 4
    assert codecs["hevc"] >= 3


def test_both_halves_of_a_live_photo_carry_one_content_identifier(full: Library) -> None:
    pairs = [asset["resources"] for asset in full.assets if "live" in asset["resources"]]
    assert len(pairs) == 4
    for pair in pairs:
        shown = ffmpeg("-i", str(full.folder / pair["live"])).stderr
        (film_id,) = re.findall(r"content\.identifier\s*: (\S+)", shown)
        still = pillow_heif.open_heif(full.folder / pair["original"])
        exif = Image.Exif()
        exif.load(still.info["exif"])
        note = exif.get_ifd(IFD.Exif)[Base.MakerNote]
        assert note.startswith(b"Apple iOS\0")
        assert film_id.encode() in note


def test_jpeg_metadata_agrees_with_the_manifest(full: Library) -> None:
    orientations, profiles = set(), 0
    for asset in full.assets:
        path = full.folder / asset["resources"]["original"]
        if path.suffix != ".jpg":
            continue
        with Image.open(path) as picture:
            exif = picture.getexif()
            profiles += "icc_profile" in picture.info
        camera = exif.get_ifd(IFD.Exif)
        taken = datetime.strptime(
            f"{camera[Base.DateTimeOriginal]} {camera[Base.OffsetTimeOriginal]}",
            "%Y:%m:%d %H:%M:%S %z",
        )
        assert taken == datetime.fromisoformat(asset["created"])
        assert exif.get_ifd(IFD.GPSInfo)
        assert camera[Base.MakerNote].startswith(b"Apple iOS\0")
        orientations.add(exif[Base.Orientation])
    assert orientations == {1, 6, 8}
    assert profiles >= 5


def test_recompression_of_a_photo_saves_something_real(full: Library) -> None:
    before = after = 0
    for path in full.named("jpg")[:12]:
        with Image.open(path) as picture:
            target = BytesIO()
            picture.save(target, "JPEG", quality=80)
        before, after = before + path.stat().st_size, after + len(target.getvalue())
    assert after < 0.7 * before


def test_photos_have_the_sizes_of_photos(full: Library) -> None:
    sizes = []
    for path in full.named("jpg"):
        with Image.open(path) as picture:
            sizes.append(picture.width * picture.height)
    assert min(sizes) >= 440_000
    assert 1 <= sum(size > 12_000_000 for size in sizes) <= 5


def test_a_library_is_never_written_over(small: Library) -> None:
    with pytest.raises(FileExistsError):
        generate(small.folder)
