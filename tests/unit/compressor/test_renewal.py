"""When a file has to be compressed anew, from where, and that a new rendition has to save something against the present one."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st
from prometheus_client import CollectorRegistry

from services.compressor.handler import Compress
from services.compressor.pool.figures import Figures
from services.compressor.pool.following import Following
from services.compressor.pool.turns import Turns
from services.compressor.tiers.policy import Encode, Kind, plan, settled_until
from services.compressor.tiers.profiles import BALANCED, CAREFUL
from services.compressor.tiers.tier import Lossless, Still, Tier, checked_tiers, tiers_for
from services.compressor.tiers.where import File, Where
from shared.domain import events, ids, work_items
from shared.ports.files import SourceMissing, WrongHash
from tests.unit.compressor.test_handler import library, work
from tests.unit.downloader.fakes import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["library"]
DAY = timedelta(days=1)
MOST = 40
own = st.lists(
    st.builds(
        Tier,
        st.just("x"),
        st.none() | st.integers(1, MOST),
        where=st.sampled_from([None, Where(names=("*.jpg",)), Where(smallest=10)]),
        jpeg=st.sampled_from([None, Still("jpegli", 80, 70), Still("jpegli", 60, 50)]),
    ),
    max_size=4,
)


@given(own, st.integers(0, MOST + 5), st.integers(0, 20))
def test_the_date_is_the_first_day_on_which_another_setting_counts(
    tiers: list[Tier], age: int, size: int
) -> None:
    every = (*tiers, Tier("last", None))

    def setting(days: int) -> object:
        order = plan(Kind.JPEG, tiers_for(File(days * DAY, "a.jpg", size), every)[0])
        return order.setting if isinstance(order, Encode) else None

    now = setting(age)
    others = [day for day in range(age + 1, MOST + 7) if setting(day) not in (None, now)]
    found = settled_until(Kind.JPEG, tiers_for(File(age * DAY, "a.jpg", size), every))
    assert found == (others[0] if others else None)


def test_a_kind_that_every_tier_treats_alike_is_never_due() -> None:
    checked_tiers(BALANCED)
    assert settled_until(Kind.PNG, BALANCED) is None
    assert settled_until(Kind.RAW, BALANCED) is None
    assert settled_until(Kind.JPEG, BALANCED) == 365
    assert settled_until(Kind.HEIC, CAREFUL) == 3 * 365, "left until then"
    packed = Tier("old", None, png=Lossless(level=6))
    assert settled_until(Kind.PNG, (Tier("young", 30, png=Lossless()), packed)) == 30


def compressor(
    library: Path, archive: Path | None = None, figures: Figures | None = None
) -> Compress:
    limits, following = {ids.Kind.PHOTO: 60.0}, Following(figures)
    return Compress(library, BALANCED, limits, FakeClock(), Turns(1), archive, following)


async def test_the_report_says_when_the_photo_grows_out_of_its_tier(library: Path) -> None:
    taken = FakeClock().now() - 400 * DAY
    (report,) = await compressor(library)(work(library).model_copy(update={"created": taken}))
    assert isinstance(report, events.Compressed)
    assert (report.tier, report.renew_at) == ("medium", taken + 3 * 365 * DAY)
    (last,) = await compressor(library)(work(library))
    assert isinstance(last, events.Compressed)
    assert (last.tier, last.renew_at) == ("heavy", None)


@pytest.mark.parametrize(
    ("more_than_now", "suffix", "why"),
    [(0, ".jpg", "rendition of before is no larger"), (9, ".jxl", "is of another form")],
)
async def test_a_rendition_that_cannot_take_the_present_ones_place_or_saves_nothing_is_dropped(
    library: Path, more_than_now: int, suffix: str, why: str
) -> None:
    (first,) = await compressor(library)(work(library))
    assert isinstance(first, events.Compressed)
    (library / "compress" / first.path).unlink()
    present = {"present_size": first.size + more_than_now, "present_path": f"7/1-a{suffix}"}
    registry = CollectorRegistry()
    renewing = compressor(library, figures=Figures(registry))
    (left,) = await renewing(work(library).model_copy(update=present))
    assert isinstance(left, events.Left)
    assert left.readable
    assert why in left.reason
    assert not list((library / "compress").rglob("*.jp*"))
    counted = {"kind": "photo", "outcome": "left"}
    assert registry.get_sample_value("photoduct_compressor_file_duration_seconds_count", counted)


@pytest.fixture
def archive(tmp_path: Path, library: Path) -> Path:
    """The archive holds the original, and the library no longer does."""
    retreat = tmp_path / "nas/.originals/2015/05/a.jpg"
    retreat.parent.mkdir(parents=True)
    (library / "backup/2015/05/a.jpg").rename(retreat)
    return tmp_path / "nas"


def purged(archive: Path) -> work_items.FileWork:
    (archive / "backup/2015/05").mkdir(parents=True)
    original = (archive / ".originals/2015/05/a.jpg").read_bytes()
    (archive / "backup/2015/05/a.jpg").write_bytes(original)
    task = work(archive)
    assert task.file.sha256 == hashlib.sha256(original).hexdigest()
    return task.model_copy(update={"local": False, "nas_path": ".originals/2015/05/a.jpg"})


async def test_what_was_purged_locally_is_compressed_from_the_archives_original(
    library: Path, archive: Path
) -> None:
    task = purged(archive)
    kept = (archive / ".originals/2015/05/a.jpg").read_bytes()
    (report,) = await compressor(library, archive)(task)
    assert isinstance(report, events.Compressed)
    assert (library / "compress" / report.path).stat().st_size == report.size
    assert (archive / ".originals/2015/05/a.jpg").read_bytes() == kept


async def test_what_is_made_from_a_rendition_has_no_score_and_says_why(
    library: Path, archive: Path
) -> None:
    place = archive / "2015/05/a.jpg"
    place.parent.mkdir(parents=True)
    (archive / ".originals/2015/05/a.jpg").rename(place)
    held = hashlib.sha256(place.read_bytes()).hexdigest()
    gone = {"local": False, "nas_path": None, "from_rendition": held, "present_path": "7/1.jpg"}
    task = work(archive, place).model_copy(update={**gone, "present_size": place.stat().st_size})
    (report,) = await compressor(library, archive)(task)
    assert isinstance(report, events.Compressed)
    assert report.score is None
    assert report.settings.endswith("its loss against that is unmeasured")
    assert hashlib.sha256(place.read_bytes()).hexdigest() == held
    with pytest.raises(WrongHash):
        await compressor(library, archive)(task.model_copy(update={"from_rendition": "0" * 64}))


async def test_other_bytes_of_the_same_length_in_the_library_are_not_taken_for_the_original(
    library: Path,
) -> None:
    task = work(library)
    path = library / "backup" / task.file.path
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(WrongHash, match="does not hold what was archived"):
        await compressor(library)(task)


async def test_other_bytes_in_the_archive_are_not_taken_for_the_original(
    library: Path, archive: Path
) -> None:
    task = purged(archive)
    (archive / ".originals/2015/05/a.jpg").write_bytes(b"rotten" * 500)
    with pytest.raises(WrongHash, match="does not hold what was archived"):
        await compressor(library, archive)(task)


async def test_an_archive_that_is_not_mounted_is_told(library: Path, archive: Path) -> None:
    task = purged(archive)
    with pytest.raises(SourceMissing, match="mounted for the compressor"):
        await compressor(library, library / "elsewhere")(task)
    with pytest.raises(SourceMissing, match="Neither the library"):
        await compressor(library)(task)
