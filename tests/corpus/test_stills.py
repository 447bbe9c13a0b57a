"""No still is lost, grown, turned, or robbed of a tag; one that means harm costs itself. `PHOTODUCT_CORPUS=all` tries every one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.corpus import exiftool, pictures, stills
from tests.corpus.cases import ALL, Case, End, Trial, trials
from tests.corpus.looking import check_look, upright
from tests.corpus.reading import check_kept
from tests.corpus.running import attempt, check_words

if TYPE_CHECKING:
    from pathlib import Path

CASES = stills.cases()
pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning:PIL"
)  # of damaged tags, which are compared all the same


def test_there_are_enough_and_no_two_of_one_name() -> None:
    assert len(CASES) >= 300
    assert not [name for name, n in Counter((c.group, c.name) for c in CASES).items() if n > 1]


@pytest.mark.parametrize("trial", trials(CASES), ids=lambda trial: trial.id)
async def test_a_still_is_made_smaller_without_loss_or_left(trial: Trial, tmp_path: Path) -> None:
    source, target = places(trial.case, tmp_path)
    found = await attempt(
        trial.case.group, source, target, trial.profile, trial.days, trial.case.limits
    )
    assert found.end in trial.case.ends, f"{found.end}: {found.reason}"
    if found.end is End.COMPRESSED:
        check_kept(source, target)
        check_look(upright(source), upright(target))
        if ALL and exiftool.is_there():
            exiftool.check_same(source, target)
    else:
        assert trial.case.reason in found.reason
        await check_service_goes_on(tmp_path)


def places(case: Case, folder: Path) -> tuple[Path, Path]:
    """Write the case's file, and return its place and a place for the rendition in a folder of its own."""
    (folder / "from").mkdir()
    (folder / "to").mkdir()
    source = folder / "from" / case.name
    case.make(source)
    return source, folder / "to" / case.name


async def check_service_goes_on(folder: Path) -> None:
    """Assert that the next file is compressed as if nothing had been."""
    (folder / "next").mkdir()
    source = folder / "next.jpg"
    source.write_bytes(GOOD)
    found = await attempt("the next file", source, folder / "next" / "next.jpg", "small", 10)
    assert found.end is End.COMPRESSED, found.reason


GOOD = pictures.jpeg(pictures.photo((96, 72)))


@pytest.mark.parametrize(
    "words",
    [
        "",
        "no",
        "KeyError: 'tier' was raised",
        "it has <class 'int'> for it",
        "a thing at 0x7f00aa11 is bad",
    ],
)
def test_what_is_no_sentence_for_people_is_seen(words: str) -> None:
    with pytest.raises(AssertionError):
        check_words(words)
