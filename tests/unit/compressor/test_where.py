"""Which files a tier is for: the first that fits counts, whatever else it asks besides age."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, strategies as st
from PIL import Image
from pydantic import ValidationError

from services.compressor.encode import Job, compress, tier_of
from services.compressor.kind import kind_of
from services.compressor.settings import CompressorSettings
from services.compressor.tiers.camera import cameras_of
from services.compressor.tiers.profiles import BALANCED
from services.compressor.tiers.tier import Tier, checked_tiers, of_camera, read_tier, tiers_for
from services.compressor.tiers.where import File, Where
from services.compressor.verdict import Left
from tests.unit.compressor import samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = timedelta(days=1)
IPHONE = ("iPhone 12", "Apple iPhone 12")
words = st.sampled_from(["a.jpg", "IMG_1.HEIC", "Family", "b.png"])
lists = st.lists(st.sampled_from(["*.jpg", "IMG*", "family", "?.png"]), max_size=2).map(tuple)
wheres = st.builds(
    Where,
    albums=lists,
    cameras=st.sampled_from([(), ("iphone*",), ("apple*", "canon*")]),
    names=lists,
    smallest=st.none() | st.integers(0, 50),
    largest=st.integers(50, 99),
)
tiers = st.builds(
    Tier, words, st.none() | st.integers(1, 2000), where=st.none() | wheres
)  # fmt: skip
files = st.builds(
    File, st.timedeltas(-DAY, 3000 * DAY), words, st.integers(0, 99), st.lists(words).map(tuple)
)


@given(files, st.lists(tiers, max_size=5), st.sampled_from([(), IPHONE]))
def test_every_file_has_a_tier_and_it_is_the_first_that_fits(
    file: File, own: list[Tier], camera: tuple[str, ...]
) -> None:
    every = (*own, Tier("last", None))
    first, *later = of_camera(tiers_for(file, every), camera)
    for tier in (first, *later):
        assert tier.max_age_days is None or file.age < tier.max_age_days * DAY
        assert tier.where is None or (tier.where.fits(file) and tier.where.fits_camera(camera))
    for before in every[: every.index(first)]:
        old = before.max_age_days is not None and file.age >= before.max_age_days * DAY
        assert old or not (before.where and before.where.fits(file) and before.where.fits_camera(camera))  # fmt: skip


@given(st.lists(tiers, max_size=4))
def test_tiers_that_pass_the_check_are_each_reached_by_some_age_or_are_narrower(
    own: list[Tier],
) -> None:
    named = [replace(tier, name=str(n)) for n, tier in enumerate(own)]
    every = (*named, Tier("last", None))
    try:
        checked_tiers(every)
    except ValueError:
        return  # said in which sentence: below
    plain = [tier for tier in every if tier.where is None]
    for tier in plain:
        just_before = File((tier.max_age_days or 9999) * DAY - timedelta(seconds=1))
        assert tiers_for(just_before, tuple(plain))[0] is tier


@pytest.mark.parametrize(
    ("where", "fits"),
    [
        (Where(albums=("FAMILY ",)), True),
        (Where(albums=("Work",)), False),
        (Where(names=("img_*.jp?g",)), True),
        (Where(names=("*.png", "*.jpeg")), True),
        (Where(names=("IMG",)), False),
        (Where(smallest=100, largest=100), True),
        (Where(smallest=101), False),
        (Where(largest=99), False),
        (Where(albums=("Family",), largest=99), False),
    ],
)
def test_all_conditions_have_to_be_met_and_of_a_list_one(where: Where, fits: bool) -> None:
    assert where.fits(File(DAY, "IMG_1.JPEG", 100, ("Family", "Best of"))) is fits


def test_a_camera_is_named_with_or_without_its_maker_and_a_file_without_one_is_not_meant() -> None:
    for pattern in ("iphone 1*", "Apple*", "apple iphone ??"):
        assert Where(cameras=(pattern,)).fits_camera(IPHONE)
    assert not Where(cameras=("iPhone",)).fits_camera(IPHONE)
    assert not Where(cameras=("*",)).fits_camera(())


@given(wheres)
def test_conditions_reach_the_worker_as_they_were(where: Where) -> None:
    tier = Tier("t", 5, where=where)
    assert read_tier(json.loads(json.dumps(asdict(tier)))) == tier


OWN = """
- {name: some, max_age_days: null, where: {albums: [Family], smallest: 5MB, largest: 20 MiB}, png: {}}
- {name: rest, max_age_days: null}
"""


def own(text: str) -> tuple[Tier, ...]:
    return CompressorSettings.model_validate({"tiers": yaml.safe_load(text)}).chosen


def test_conditions_are_read_from_yaml() -> None:
    assert own(OWN)[0].where == Where(albums=("Family",), smallest=5_000_000, largest=20 << 20)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("albums: [Family]", "album: [Family]", "tier some: where: there is no such setting as album"),
        ("albums: [Family]", "albums: ['']", "where has an empty name"),
        ("smallest: 5MB", "smallest: 5 apples", "tier some: where: smallest is a number of bytes such as 500kB"),
        ("smallest: 5MB", "smallest: 50MB", "largest not below it"),
        ("albums: [Family], smallest: 5MB, largest: 20 MiB", "", "where names no condition"),
        ("{albums: [Family], smallest: 5MB, largest: 20 MiB}", "Family", "tier some: where is conditions in braces"),
        ("where: {albums: [Family], smallest: 5MB, largest: 20 MiB}, ", "", "tier rest: no file can fall into it, as the tier some"),
        ("{name: rest, max_age_days: null}", "{name: rest, max_age_days: null, where: {names: [a]}}", "the last tier must have neither"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_conditions_is_one_sentence(old: str, new: str, sentence: str) -> None:
    assert old in OWN
    with pytest.raises(ValidationError) as refused:
        own(OWN.replace(old, new))
    (error,) = refused.value.errors()
    assert sentence in error["msg"]


def test_a_second_tier_for_the_same_files_has_to_be_for_older_ones() -> None:
    young = Tier("young", 30, where=Where(names=("*.png",)))
    old = replace(young, name="old", max_age_days=90)
    rest = Tier("rest", None)
    assert checked_tiers((young, old, rest))
    with pytest.raises(ValueError, match="tier young: no file can fall into it"):
        checked_tiers((old, young, rest))


def photo(path: Path, make: str | None, model: str | None, form: str = "JPEG") -> Path:
    exif = Image.Exif()
    for tag, value in ((271, make), (272, model)):
        if value is not None:
            exif[tag] = value
    samples.picture((64, 64)).save(path, form, exif=exif)
    return path


@pytest.mark.parametrize(
    ("make", "model", "names"),
    [
        ("Apple", "iPhone 12", IPHONE),
        ("Canon", "Canon EOS 5D\0\0", ("Canon EOS 5D", "Canon Canon EOS 5D")),
        ("NIKON ", None, ("NIKON",)),
        (None, None, ()),
    ],
)
def test_a_photo_tells_its_camera(
    tmp_path: Path, make: str | None, model: str | None, names: tuple[str, ...]
) -> None:
    source = photo(tmp_path / "a.jpg", make, model)
    assert cameras_of(source, kind_of(source)) == names


def test_a_png_a_heic_and_a_video_tell_theirs_too(tmp_path: Path) -> None:
    from services.compressor.stills import heic

    heic.register()
    for name, form in (("a.png", "PNG"), ("a.heic", "HEIF")):
        source = photo(tmp_path / name, "Apple", "iPhone 12", form)
        assert cameras_of(source, kind_of(source)) == IPHONE
    keys = [f"com.apple.quicktime.{key}" for key in ("make=Apple", "model=iPhone 12")]
    film = samples.video(
        tmp_path / "a.mov", *(word for key in keys for word in ("-metadata", key)), seconds=0.2
    )
    assert cameras_of(film, kind_of(film)) == IPHONE


@pytest.mark.parametrize("cut", [2, 10, 40, 200])
def test_a_damaged_file_tells_no_camera_and_breaks_nothing(tmp_path: Path, cut: int) -> None:
    whole = photo(tmp_path / "a.jpg", "Apple", "iPhone 12").read_bytes()
    bad = tmp_path / "b.jpg"
    bad.write_bytes(whole[:cut] + b"\xff" * 50)
    assert cameras_of(bad, kind_of(bad)) in {(), IPHONE}


async def test_the_worker_chooses_by_all_of_it(tmp_path: Path, job: Callable[..., Job]) -> None:
    by: dict[str, Any] = {
        "big": Where(smallest=1_000_000),
        "family": Where(albums=("Family",)),
        "phone": Where(cameras=("apple iphone*",)),
        "cats": Where(names=("cat*",)),
    }
    own = (*(Tier(name, 9000, where=where) for name, where in by.items()), *BALANCED)
    plain = photo(tmp_path / "a.jpg", None, None)
    phone = photo(tmp_path / "cat.jpg", "Apple", "iPhone 12")
    cat = photo(tmp_path / "CATS.jpg", "Canon", "EOS")
    assert await tier_of(job(plain, tiers=own)) == "heavy"
    assert await tier_of(job(plain, tiers=own, albums=("family", "x"))) == "family"
    assert await tier_of(job(phone, tiers=own)) == "phone"
    assert await tier_of(job(cat, tiers=own)) == "cats"
    left = await compress(job(phone, tiers=own))
    assert isinstance(left, Left)
    assert (left.tier, left.reason) == ("phone", "the tier phone leaves JPEG as it is")
