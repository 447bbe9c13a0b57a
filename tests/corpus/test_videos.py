"""No video is lost, grown, turned, or robbed of a tag, a frame or its sound. `PHOTODUCT_CORPUS=all` tries every one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.corpus import exiftool, videos
from tests.corpus.cases import ALL, End, Trial, trials
from tests.corpus.looking import check_look
from tests.corpus.running import attempt
from tests.corpus.test_stills import check_service_goes_on, places
from tests.corpus.watching import check_same, watch

if TYPE_CHECKING:
    from pathlib import Path

CASES = videos.cases()


def test_there_are_enough_and_no_two_of_one_name() -> None:
    assert len(CASES) >= 40
    assert not [name for name, n in Counter((c.group, c.name) for c in CASES).items() if n > 1]


@pytest.mark.parametrize("trial", trials(CASES), ids=lambda trial: trial.id)
async def test_a_video_is_made_smaller_without_loss_or_left(trial: Trial, tmp_path: Path) -> None:
    source, target = places(trial.case, tmp_path)
    found = await attempt(trial.case.group, source, target, trial.profile, trial.days)
    assert found.end in trial.case.ends, f"{found.end}: {found.reason}"
    if found.end is End.COMPRESSED:
        old, new = watch(source), watch(target)
        check_same(old, new)
        for one, other in ((old.first, new.first), (old.last, new.last)):
            check_look(one, other)
        if ALL and exiftool.is_there():
            exiftool.check_same(source, target)
    else:
        assert trial.case.reason in found.reason
        await check_service_goes_on(tmp_path)
