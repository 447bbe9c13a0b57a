"""The score falls with quality, and an estimate from crops stays within the margin that it admits."""

import io
import tracemalloc

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image
from ssimulacra2 import compute_ssimulacra2  # type: ignore[import-untyped]

from services.compressor.stills import score
from services.compressor.stills.metric import ssimulacra2
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


sides = st.one_of(st.integers(64, 300), st.sampled_from([127, 128, 129, 133, 134, 255, 257]))


@settings(max_examples=12)
@given(sides, sides, st.integers(5, 95))
def test_it_is_the_librarys_own_score_wherever_its_strips_end(
    width: int, height: int, quality: int
) -> None:
    old = samples.picture((width, height))
    new = again(old, quality)
    found = score.score(old, new)
    assert found.margin == 0.0
    wanted = compute_ssimulacra2(as_file(old), as_file(new))
    assert found.value == pytest.approx(wanted, abs=1e-8)


def test_it_takes_no_array_of_the_whole_picture() -> None:
    """The package's own loop takes 590 MB for this."""
    old = Image.new("RGB", (1024, 1024))
    small = old.crop((0, 0, 1024, 256))
    ssimulacra2(small, small)
    tracemalloc.start()
    ssimulacra2(old, old)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 80 << 20


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
