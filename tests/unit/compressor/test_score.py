"""The score falls with quality, and an estimate from crops stays within the margin that it admits."""

import importlib.util
import io

import numpy as np
import pytest
from PIL import Image
from ssimulacra2 import compute_ssimulacra2  # type: ignore[import-untyped]

from services.compressor.stills import score
from services.compressor.stills.score import Score, TooSmall
from tests.unit.compressor import samples


def again(image: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    with Image.open(io.BytesIO(out.getvalue())) as made:
        made.load()
        return made


def as_file(image: Image.Image) -> io.BytesIO:
    out = io.BytesIO()
    image.save(out, "PPM")
    out.seek(0)
    return out


def test_the_same_picture_scores_a_hundred_and_worse_ones_less() -> None:
    old = samples.picture()
    found = [score.score(old, again(old, quality)).value for quality in (95, 80, 60, 30)]
    assert score.score(old, old).value == 100
    assert found == sorted(found, reverse=True)
    assert found[0] < 100


@pytest.mark.parametrize("size", [(1100, 1000), (800, 1400)])
def test_an_estimate_is_no_more_too_high_than_it_admits(size: tuple[int, int]) -> None:
    old = samples.picture(size)
    new = again(old, 75)
    whole = compute_ssimulacra2(as_file(old), as_file(new))
    found = score.score(old, new)
    assert found.margin > 0
    assert whole - 4 < found.value <= whole + found.margin


def test_it_is_the_librarys_own_score() -> None:
    spec = importlib.util.find_spec("ssimulacra2.ssimulacra2")
    assert spec
    assert spec.loader
    untouched = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(untouched)
    old = samples.picture((400, 300))
    new = again(old, 75)
    found = untouched.compute_ssimulacra2(as_file(old), as_file(new))
    ours = score.score(old, new)
    assert ours.margin == 0.0
    assert ours.value == pytest.approx(found, abs=1e-9)
    every = np.arange(256)
    assert (untouched.srgb_to_linear(every) == score._look_up_linear(every)).all()


def test_a_small_picture_is_scored_whole() -> None:
    old = samples.picture((400, 300))
    new = again(old, 75)
    assert score.score(old, new) == Score(compute_ssimulacra2(as_file(old), as_file(new)), 0.0)


def test_damage_in_one_corner_of_a_large_picture_is_seen() -> None:
    old = samples.picture((1200, 1000))
    new = old.copy()
    new.paste((0, 0, 0), (0, 0, 240, 200))
    assert score.score(old, new).value < 70 < score.score(old, again(old, 95)).value


def test_an_estimate_has_to_clear_the_floor_by_its_margin() -> None:
    assert Score(81.5, 1.5).clears(80)
    assert not Score(81.4, 1.5).clears(80)
    assert Score(80.0, 0.0).clears(80)


@pytest.mark.parametrize("size", [(63, 500), (500, 63), (60_000, 100)])
def test_what_cannot_be_judged_is_said_so(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size)
    with pytest.raises(TooSmall):
        score.score(image, image)


def test_a_damaged_profile_is_no_accident() -> None:
    old = samples.picture()
    old.info["icc_profile"] = b"no profile"
    assert score.score(old, old).value == 100


def test_grey_pictures_are_scored() -> None:
    old = samples.picture(mode="L")
    assert 50 < score.score(old, again(old, 85)).value < 100
