"""An original leaves the archive only when it and its rendition were read back, and under a permit of that moment."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from services.nas_sync.nas import MARKER, Nas
from services.nas_sync.ports import NasMissing
from services.nas_sync.releasing import Release
from shared.domain.errors import Permanent, Transient
from shared.domain.events import NasMismatch, OriginalReleased, ReleaseKept
from shared.domain.questions import ClaimedRelease, ClaimRelease
from shared.ports.files import DiskTrouble
from tests.unit.downloader.fakes import FakeClock
from tests.unit.nas_sync.test_archive import NAME, PHOTO, RETREAT, SMALL, nas, put, rendition_work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.domain.work_items import RenditionWork

__all__ = ["nas"]
NOW = FakeClock().now()


@dataclass
class State:
    """The state service's answer to `claim_release`, what it was asked, and what happens meanwhile."""

    answer: ClaimedRelease = field(
        default_factory=lambda: ClaimedRelease(deadline=NOW + timedelta(seconds=60))
    )
    meanwhile: Callable[[], object] = lambda: None
    asked: list[ClaimRelease] = field(default_factory=list)

    async def __call__(self, name: str, question: ClaimRelease, answer: type[Any]) -> Any:
        assert (name, answer) == ("claim_release", ClaimedRelease)
        self.asked.append(question)
        self.meanwhile()
        return self.answer


def work() -> RenditionWork:
    return rendition_work().model_copy(update={"stage": "release", "nas_path": RETREAT})


@pytest.fixture
def both(nas: Path) -> Path:
    put(nas / NAME, SMALL)
    put(nas / RETREAT, PHOTO)
    return nas


def release(root: Path, state: State) -> Release:
    return Release(Nas(root), state, FakeClock())


async def test_a_permitted_original_goes_and_twice_is_once(both: Path) -> None:
    state = State()
    for _ in range(2):
        (report,) = await release(both, state)(work())
        assert isinstance(report, OriginalReleased)
        assert not (both / RETREAT).exists()
        assert (both / NAME).read_bytes() == SMALL
    assert state.asked == [ClaimRelease(asset="A1", media=1, attempt=1)]


async def test_an_original_that_was_removed_but_not_reported_is_recorded_without_a_permit(
    both: Path,
) -> None:
    (both / RETREAT).unlink()
    (report,) = await release(both, State(ClaimedRelease(deadline=None, reasons=("frozen",))))(
        work()
    )
    assert isinstance(report, OriginalReleased)


async def test_a_rendition_of_another_form_is_read_back_where_it_lies(both: Path) -> None:
    (both / NAME).rename(both / f"{NAME}.jxl")
    packed = work().model_copy(update={"rendition_path": "1/1-x.HEIC.jxl"})
    (report,) = await release(both, State())(packed)
    assert isinstance(report, OriginalReleased)
    assert not (both / RETREAT).exists()
    assert (both / f"{NAME}.jxl").read_bytes() == SMALL


async def test_without_a_permit_it_stays(both: Path) -> None:
    state = State(ClaimedRelease(deadline=None, reasons=("kept for ever",)))
    (report,) = await release(both, state)(work())
    assert isinstance(report, ReleaseKept)
    assert report.reasons == ("kept for ever",)
    with pytest.raises(Transient, match="too late"):
        await release(both, State(ClaimedRelease(deadline=NOW)))(work())
    assert (both / RETREAT).read_bytes() == PHOTO


@pytest.mark.parametrize("damage", [None, SMALL[::-1], SMALL[1:], b""])
async def test_it_stays_while_its_rendition_is_not_whole(both: Path, damage: bytes | None) -> None:
    (both / NAME).unlink()
    if damage is not None:
        put(both / NAME, damage)
    state = State()
    with pytest.raises(Permanent, match="original stays"):
        await release(both, state)(work())
    assert (both / RETREAT).read_bytes() == PHOTO
    assert state.asked == []


async def test_other_bytes_of_the_same_length_are_no_original_and_stay(both: Path) -> None:
    put(both / RETREAT, PHOTO[::-1])
    state = State()
    (report,) = await release(both, state)(work())
    assert isinstance(report, NasMismatch)
    assert (both / RETREAT).read_bytes() == PHOTO[::-1]
    assert state.asked == []
    assert hashlib.sha256(PHOTO[::-1]).hexdigest() != work().file.sha256


async def test_what_changes_between_its_reading_and_the_permit_stays(both: Path) -> None:
    def edit() -> None:
        (both / RETREAT).unlink()
        put(both / RETREAT, PHOTO[::-1])

    with pytest.raises(DiskTrouble, match="touched since"):
        await release(both, State(meanwhile=edit))(work())
    assert (both / RETREAT).read_bytes() == PHOTO[::-1]


async def test_nothing_is_told_of_an_archive_that_went_meanwhile(both: Path) -> None:
    state = State(meanwhile=lambda: (both / MARKER).rename(both / "gone"))
    with pytest.raises(NasMissing):
        await release(both, state)(work())
