"""The books, the real compressor and a real archive together: compressed, renewed from the archive's original, and that released."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from typing_extensions import override

from services.compressor.handler import Compress
from services.compressor.pool.turns import Turns
from services.compressor.tiers.tier import Still, Tier
from services.nas_sync.handler import Archive
from services.nas_sync.nas import Nas, init_archive
from services.nas_sync.releasing import Release
from services.state import schema
from services.state.answers import Answers
from services.state.database import open_database
from services.state.orders import Orders
from services.state.restoring import distrust
from shared.domain import events, ids, questions, work_items
from shared.domain.errors import Permanent
from shared.domain.ids import GoogleLevel
from shared.domain.release import Keeping
from tests.contracts.books_world import START, World, seen
from tests.unit.compressor.samples import jpeg

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Engine

DAY = timedelta(days=1)
NAME = "2025/03/IMG_0001.JPG"
TAKEN = START - 300 * DAY
TIERS = (
    Tier("young", 365, jpeg=Still("jpegli", 90, 0)),
    Tier("old", None, jpeg=Still("jpegli", 50, 0)),
)


class Real(World):
    """What concerns the photo's bytes is done by the real services; its record is played as ever."""

    def __init__(self, engine: Engine, root: Path, **policy: Any) -> None:
        super().__init__(engine, **policy)
        for area in ("library/backup", "library/delete_pending", "library/compress", "nas"):
            (root / area).mkdir(parents=True)
        self.library, self.root = root / "library", root / "nas"
        init_archive(self.root)
        nas = Nas(self.root)
        limits = {ids.Kind.PHOTO: 60.0}
        self.compressor = Compress(self.library, TIERS, limits, self.clock, Turns(1), archive=self.root)  # fmt: skip
        self.nas = Archive(self.library, nas, self.clock)
        self.releaser = Release(nas, self.claim_release, self.clock)
        self.photo = b""
        self.held_up: tuple[str, ...] = ()
        """Stages whose orders nobody answers for now."""

    async def claim_release(
        self, name: str, question: questions.ClaimRelease, answer: type[questions.ClaimedRelease]
    ) -> questions.ClaimedRelease:
        assert (name, answer) == ("claim_release", questions.ClaimedRelease)
        return self.claims.release(question)

    def play(self, work: work_items.Work, handled: Any) -> events.Report:
        try:
            (report,) = asyncio.run(handled)
        except Permanent as error:
            return work.outcome(
                events.Failed, self.clock.now(), lasting="permanent", reason=str(error)
            )
        found: events.Report = report
        return found

    @override
    def _download(self, work: work_items.DownloadWork) -> events.Report:
        path = self.library / "backup" / work.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if work.resource == "original" and not self.photo:
            jpeg(path)
            self.photo = path.read_bytes()
        data = self.photo if work.resource == "original" else b"{}"
        path.write_bytes(data)
        found = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        return work.outcome(
            events.Downloaded, self.clock.now(), area="backup", path=work.path, **found
        )

    @override
    def _nas(self, work: work_items.FileWork) -> events.Report:
        stage = self.nas.store if work.stage == "nas" else self.nas.verify
        return self.play(work, stage(work))

    _verify = _nas

    @override
    def _compress(self, work: work_items.FileWork) -> events.Report:
        return self.play(work, self.compressor(work))

    @override
    def _rendition(self, work: work_items.RenditionWork) -> events.Report:
        return self.play(work, self.nas.place_rendition(work))

    @override
    def _release(self, work: work_items.RenditionWork) -> events.Report:
        return self.play(work, self.releaser(work))

    @override
    def _purge(self, work: work_items.AssetWork) -> events.Report:
        for file in work.files:
            (self.library / "backup" / file.path).unlink(missing_ok=True)
        return super()._purge(work)

    def pass_by(self, days: int) -> Any:
        self.clock.pass_by(days * DAY)
        self.wake()
        self.work_off(without=self.held_up)
        with self.engine.connect() as connection:
            return connection.execute(select(schema.media).where(schema.media.c.id == 1)).one()

    def held(self) -> dict[str, str]:
        """By path, the hash of each photo in the archive."""
        files = (path for path in self.root.rglob("*.JPG") if path.is_file())
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }


def look_at(world: Real, **changes: Any) -> None:
    """Show the photo in iCloud, whose size nobody knows before it is made."""
    photo = seen("A", created=TAKEN)
    sizeless = [one.model_copy(update={"size": 0}) for one in photo.resources]
    world.look(photo.model_copy(update={"resources": tuple(sizeless), **changes}))
    world.work_off(without=world.held_up)


def test_a_photos_life_in_the_archive(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/media.db")
    world = Real(engine, tmp_path, keeping=Keeping(90 * DAY))
    look_at(world)
    for level in (GoogleLevel.FREED, GoogleLevel.CONFIRMED):
        world.google(level)
    world.work_off()
    young = world.pass_by(0)
    original = {f".originals/{NAME}": young.sha256}
    assert (young.compression, young.tier, young.renew_at) == ("archived", "young", TAKEN + 365 * DAY)  # fmt: skip
    assert world.held() == {NAME: young.rendition_sha256, **original}
    world.pass_by(15)
    purged = world.pass_by(8)
    assert (purged.local, list(world.library.rglob("*.JPG"))) == ("purged", [])
    old = world.pass_by(43)
    assert (old.compression, old.tier, old.renew_at) == ("archived", "old", None)
    assert old.rendition_size < young.rendition_size
    assert world.held() == {NAME: old.rendition_sha256, **original}
    gone = world.pass_by(50)
    assert gone.nas == "released"
    assert world.held() == {NAME: old.rendition_sha256}
    told = Answers(world.store, world.truth, world.policy, world.clock)
    totals = told.status(questions.AskStatus()).totals
    assert totals["bytes_saved"] == old.initial_size - old.rendition_size
    assert totals["bytes_reclaimable"] == 0
    look_at(world, change_tag="t9")
    back = world.pass_by(0)
    assert (back.local, back.nas, back.nas_path) == ("backup", "verified", f".originals/{NAME}")
    assert world.held() == {NAME: old.rendition_sha256, **original}
    engine.dispose()


def test_a_copy_that_differs_is_left_and_the_original_archived_once_a_person_moved_it(
    tmp_path: Path,
) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/media.db")
    world = Real(engine, tmp_path)
    look_at(world)
    copy = world.root / NAME
    copy.write_bytes(b"rotten")
    with engine.begin() as connection:
        distrust(connection, world.clock.now())
    row = world.pass_by(0)
    assert (row.local, row.nas, copy.read_bytes()) == ("backup", "none", b"rotten")
    ask = Answers(world.store, world.truth, world.policy, world.clock)
    (failed,) = ask.failures(questions.AskRows()).rows
    assert (failed["stage"], NAME in failed["reason"]) == ("nas", True)
    told = {one["key"] for one in ask.status(questions.AskStatus()).attention}
    assert "deletion-frozen" in told
    copy.rename(copy.with_suffix(".rotten"))
    Orders(world.store, world.clock).retry(questions.Order(everything=True))
    row = world.pass_by(0)
    assert (row.nas, row.nas_path, copy.read_bytes()) == ("verified", NAME, world.photo)
    engine.dispose()


def test_what_comes_back_while_a_worker_renews_its_rendition_alone_is_archived_behind_that(
    tmp_path: Path,
) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/media.db")
    world = Real(engine, tmp_path, keeping=Keeping(40 * DAY), reencode=True)
    look_at(world)
    for level in (GoogleLevel.FREED, GoogleLevel.CONFIRMED):
        world.google(level)
    world.work_off()
    world.pass_by(15)
    world.pass_by(8)
    world.held_up = ("rendition", "nas")
    assert world.pass_by(41).nas == "released"
    assert world.pass_by(2).compression == "renewing"
    (order,) = (due for due in world.due if due.task.stage == "rendition")
    world.due = []
    look_at(world, change_tag="t9")
    (store,) = (due for due in world.due if due.task.stage == "nas" and due.task.key == 1)
    world.due = []
    world.answer(order)
    world.answer(store)
    world.held_up = ()
    row = world.pass_by(1)
    assert (row.nas, row.nas_path) == ("verified", f".originals/{NAME}")
    assert world.held() == {NAME: row.rendition_sha256, f".originals/{NAME}": row.sha256}
    assert (row.compression, row.tier) == ("archived", "old")
    engine.dispose()
