"""Deleting in iCloud: every way in which it must not happen, and the one in which it may."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.icloud_cleanup.deleting import DeleteHandler
from services.icloud_cleanup.settings import ICloudCleanupSettings
from shared.domain.errors import PhotoductError, Transient, Waiting
from shared.domain.events import AssetRefreshed, Deleted, DeletionKept
from shared.domain.questions import ClaimDeletion, Claimed
from shared.domain.work_items import AssetWork
from shared.ports.icloud import Declined, DeletedRecord, Json, Unanswered, WholeAsset

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=60)
EXPUNGED = NOW + timedelta(days=30)
PERMIT = Claimed(permit="p1", deadline=LATER)
WORK = AssetWork(
    stage="delete",
    key=1,
    attempt=3,
    asset="A1",
    created=NOW,
    zone="PrimarySync",
    change_tag="7/4",
    files=(),
)


def record(*, tag: str = "7", deleted: bool = False) -> Json:
    fields: Json = {"masterRef": {"value": {"recordName": "M1"}}, "assetDate": {"value": 0}}
    if deleted:
        fields["isDeleted"] = {"value": 1}
        fields["dateExpunged"] = {"value": EXPUNGED.timestamp() * 1000}
    return {
        "recordName": "A1",
        "recordType": "CPLAsset",
        "recordChangeTag": tag,
        "fields": fields,
        "zoneID": {"zoneName": "PrimarySync"},
    }


MASTER: Json = {
    "recordName": "M1",
    "recordType": "CPLMaster",
    "recordChangeTag": "4",
    "fields": {"resOriginalRes": {"value": {"fileChecksum": "C", "size": 3}}},
}


@dataclass
class World:
    """iCloud, the state service and the clock at once."""

    record: Json | None = field(default_factory=lambda: record())
    in_album: bool | PhotoductError = True
    names: tuple[str, ...] = ()
    kept_by: tuple[str, ...] | PhotoductError = ()
    claimed: Claimed = PERMIT
    answer: DeletedRecord | PhotoductError = field(default_factory=lambda: DeletedRecord(EXPUNGED))
    carried_out: bool = False
    """Whether the deletion happens in spite of an error."""
    time: datetime = NOW
    claims: list[ClaimDeletion] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    master: Json | None = field(default_factory=lambda: MASTER)
    news: list[AssetRefreshed] = field(default_factory=list)

    def now(self) -> datetime:
        return self.time

    async def whole(self, name: str) -> WholeAsset:
        return WholeAsset(self.record, self.master if self.record else None)

    async def holds(self, name: str) -> bool:
        if isinstance(self.in_album, PhotoductError):
            raise self.in_album
        return self.in_album

    async def holding(self, name: str) -> tuple[str, ...]:
        if isinstance(self.kept_by, PhotoductError):
            raise self.kept_by
        return self.kept_by

    async def ask(self, name: str, question: Any, answer: type[Any]) -> Any:
        assert (name, answer) == ("claim_deletion", Claimed)
        self.claims.append(question)
        return self.claimed

    async def delete(self, asset: str, tag: str) -> DeletedRecord:
        self.calls.append((asset, tag))
        if self.carried_out:
            self.record = record(tag="8", deleted=True)
        if isinstance(self.answer, PhotoductError):
            raise self.answer
        return self.answer

    async def run(self, *, enabled: bool = True) -> Deleted | DeletionKept:
        handler = DeleteHandler(
            records=self,  # type: ignore[arg-type]
            album=self,  # type: ignore[arg-type]
            kept=self,
            delete=self.delete,
            ask=self.ask,
            clock=self,
            settings=ICloudCleanupSettings(enabled=enabled),
        )
        *news, report = await handler(WORK)
        self.news = [one for one in news if isinstance(one, AssetRefreshed)]
        assert isinstance(report, Deleted | DeletionKept)
        return report


def kept(report: Deleted | DeletionKept) -> DeletionKept:
    assert isinstance(report, DeletionKept)
    return report


async def test_a_permitted_deletion_carries_the_assets_own_tag_and_is_reported() -> None:
    world = World()
    report = await world.run()
    assert world.calls == [("A1", "7")]
    assert report == WORK.outcome(Deleted, at=NOW, permit="p1", expunged=EXPUNGED)
    (claim,) = world.claims
    assert (claim.change_tag, claim.attempt, claim.fetched_at) == ("7/4", 3, NOW)
    assert claim.resources == (("original", "C"),)
    assert claim.in_album
    assert claim.problem is None


async def test_turned_off_it_does_not_even_ask() -> None:
    world = World()
    assert "turned off" in kept(await world.run(enabled=False)).reasons[0]
    assert (world.claims, world.calls) == ([], [])


async def test_without_a_permit_nothing_is_sent() -> None:
    world = World(claimed=Claimed(permit=None, deadline=None, veto=True, reasons=("a", "b")))
    report = kept(await world.run())
    assert (report.permit, report.veto, report.reasons) == (None, True, ("a", "b"))
    assert world.calls == []


@pytest.mark.parametrize("deadline", [None, NOW, NOW - timedelta(seconds=1)])
async def test_a_permit_that_ran_out_is_not_used(deadline: datetime | None) -> None:
    world = World(claimed=Claimed(permit="p1", deadline=deadline))
    report = kept(await world.run())
    assert report.permit == "p1"
    assert world.calls == []


async def test_a_record_without_a_tag_is_not_deleted() -> None:
    world = World(record=record(tag=""))
    assert kept(await world.run()).permit == "p1"
    assert world.calls == []


async def test_an_earlier_deletion_is_reported_and_not_repeated() -> None:
    again = Claimed(permit="p0", deadline=None, already_permitted=True)
    world = World(record=record(deleted=True), claimed=again)
    assert await world.run() == WORK.outcome(Deleted, at=NOW, permit="p0", expunged=EXPUNGED)
    assert world.calls == []


async def test_already_permitted_is_not_believed_while_the_asset_is_there() -> None:
    world = World(claimed=Claimed(permit="p0", deadline=None, already_permitted=True))
    assert kept(await world.run()).permit == "p0"
    assert world.calls == []


async def test_a_refused_record_is_kept_with_icloud_s_reason() -> None:
    world = World(answer=Declined("iCloud declined the change (CAS_OP_LOCK)", code="CAS_OP_LOCK"))
    report = kept(await world.run())
    assert (report.permit, report.reasons) == ("p1", ("iCloud declined the change (CAS_OP_LOCK)",))


@pytest.mark.parametrize(
    "doubt", [Unanswered("time-out"), Waiting("slow", attention="icloud-slow")]
)
async def test_an_unclear_answer_is_read_back_and_never_sent_again(doubt: PhotoductError) -> None:
    done = World(answer=doubt, carried_out=True)
    assert await done.run() == WORK.outcome(Deleted, at=NOW, permit="p1", expunged=EXPUNGED)
    assert len(done.calls) == 1
    lost = World(answer=doubt)
    assert "still there" in kept(await lost.run()).reasons[0]
    assert len(lost.calls) == 1


async def test_what_cannot_be_read_back_is_left_open() -> None:
    world = World(answer=Unanswered("time-out"))
    original = world.whole
    answers = iter([original])

    async def once(name: str) -> WholeAsset:
        try:
            return await next(answers)(name)
        except StopIteration:
            raise Unanswered("still nothing") from None

    world.whole = once  # type: ignore[method-assign]
    with pytest.raises(Transient, match="still nothing"):
        await world.run()
    assert len(world.calls) == 1


async def test_an_error_about_the_album_is_no_veto() -> None:
    world = World(in_album=Declined("INTERNAL_ERROR", code="LOOKUP"))
    with pytest.raises(Declined):
        await world.run()
    assert (world.claims, world.calls) == ([], [])


async def test_an_error_about_an_album_that_protects_is_no_answer() -> None:
    world = World(names=("Family",), kept_by=Declined("INTERNAL_ERROR", code="LOOKUP"))
    with pytest.raises(Declined):
        await world.run()
    assert (world.claims, world.calls) == ([], [])


async def test_the_claim_says_which_albums_were_asked_and_which_hold_it() -> None:
    world = World(names=("Family", "Best"), kept_by=("Family",), claimed=REFUSED)
    await world.run()
    (claim,) = world.claims
    assert (claim.albums_asked, claim.kept_by_albums) == (("Family", "Best"), ("Family",))


async def test_a_permit_for_what_an_album_protects_is_not_used() -> None:
    world = World(names=("Family",), kept_by=("Family",))
    report = kept(await world.run())
    assert "album 'Family'" in report.reasons[0]
    assert (report.permit, world.calls) == ("p1", [])


async def test_a_deletion_is_read_back_even_when_albums_cannot_be_asked() -> None:
    done = World(answer=Unanswered("time-out"), carried_out=True)
    original = done.delete

    async def delete(asset: str, tag: str) -> DeletedRecord:
        done.in_album = done.kept_by = Declined("INTERNAL_ERROR", code="LOOKUP")
        return await original(asset, tag)

    done.delete = delete  # type: ignore[method-assign]
    assert await done.run() == WORK.outcome(Deleted, at=NOW, permit="p1", expunged=EXPUNGED)


REFUSED = Claimed(permit=None, deadline=None, reasons=("changed in iCloud",))


async def test_a_change_of_the_original_s_record_alone_is_told() -> None:
    world = World(claimed=REFUSED, master=MASTER | {"recordChangeTag": "5"})
    kept(await world.run())
    (news,) = world.news
    assert (news.id, news.at, news.seen.change_tag) == ("refreshed:A1:7/5", NOW, "7/5")
    assert [part.checksum for part in news.seen.resources] == ["C", "7/5"]


@pytest.mark.parametrize(
    ("asset", "master"),
    [
        (record(), MASTER),
        (record(tag="8"), MASTER | {"recordChangeTag": "5"}),
        (record(tag=""), MASTER | {"recordChangeTag": "5"}),
        (record(), None),
        (None, None),
    ],
)
async def test_what_the_change_feed_brings_or_nobody_knows_is_not_told(
    asset: Json | None, master: Json | None
) -> None:
    world = World(claimed=REFUSED, record=asset, master=master)
    kept(await world.run())
    assert world.news == []


async def test_what_is_gone_is_claimed_as_gone() -> None:
    world = World(record=None, claimed=Claimed(permit=None, deadline=None, reasons=("gone",)))
    await world.run()
    (claim,) = world.claims
    assert (claim.asset, claim.deleted, claim.in_album) == ("A1", True, False)
    assert claim.problem == "iCloud no longer has its record"
    assert claim.resources == ()
