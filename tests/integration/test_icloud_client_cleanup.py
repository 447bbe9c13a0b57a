"""icloud_cleanup against the simulated iCloud: album, veto, permitted and refused deletions, answers that get lost."""

import asyncio
import hashlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.icloud_cleanup.deleting import DeleteHandler
from services.icloud_cleanup.handler import AlbumHandler
from services.icloud_cleanup.library import Library
from services.icloud_cleanup.settings import ICloudCleanupSettings
from shared.adapters.icloud_album import ICloudAlbum
from shared.adapters.icloud_album_keeping import ICloudKeptAlbums
from shared.adapters.icloud_albums import albums_named
from shared.adapters.icloud_delete import ICloudDelete
from shared.adapters.icloud_reading import ICloudRecords
from shared.adapters.icloud_session import ICloudSession, open_session
from shared.adapters.icloud_transport import CloudKit
from shared.domain.errors import Transient, Waiting
from shared.domain.events import AlbumAdded, Deleted, DeletionKept, Report
from shared.domain.icloud_records import change_tag, is_deleted, master_name
from shared.domain.ids import Area, Resource
from shared.domain.questions import ClaimDeletion, Claimed
from shared.domain.work_items import AssetWork, FileRef
from tests.integration.downloader_world import account
from tests.integration.icloud_setup import Bus, Cloud, FixedClock, cloud

PROTECTING = (" family ", "Nobody has this one")
BYTES = b"a photo, as far as moving it goes"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("icloud")) as running:
        yield running


class Parts:
    """icloud_cleanup's parts on one session."""

    def __init__(self, session: ICloudSession, place: Cloud) -> None:
        cloudkit = CloudKit(session)
        self.session = session
        self.place = place
        self.clock = FixedClock()
        self.bus = Bus()
        self.records = ICloudRecords(cloudkit)
        self.album = ICloudAlbum(cloudkit, self.records, "DeletePending")
        self.add = AlbumHandler(library=Library(place.root), album=self.album, clock=self.clock)
        self.delete = DeleteHandler(
            records=self.records,
            album=self.album,
            kept=ICloudKeptAlbums(cloudkit, self.records, PROTECTING),
            delete=ICloudDelete(cloudkit),
            ask=self.bus.ask,
            clock=self.clock,
            settings=ICloudCleanupSettings(enabled=True),
        )

    async def asset(self, filename: str) -> str:
        """Return the id of a photo of the library by its name there."""
        assets = self.place.simulator.truth()["assets"]
        return next(str(i) for i, a in assets.items() if a["filename"] == filename)

    async def work(self, asset: str, *, stage: str = "delete") -> AssetWork:
        whole = await self.records.whole(asset)
        assert whole.asset is not None
        return AssetWork(
            stage=stage,
            key=1,
            attempt=1,
            asset=asset,
            created=self.clock.now(),
            zone="PrimarySync",
            change_tag=change_tag(whole.asset, whole.master),
            files=(self.file(asset),),
        )

    def file(self, asset: str) -> FileRef:
        path = self.place.root / "backup" / f"{asset}.jpg"
        if not (self.place.root / "delete_pending" / path.name).exists():
            path.write_bytes(BYTES)
        return FileRef(
            media=7,
            resource=Resource.ORIGINAL,
            area=Area.BACKUP,
            path=path.name,
            sha256=hashlib.sha256(BYTES).hexdigest(),
            size=len(BYTES),
        )

    async def is_deleted(self, asset: str) -> bool:
        found = (await self.records.whole(asset)).asset
        assert found is not None
        return is_deleted(found)

    def permit(self, *, seconds: float = 60) -> None:
        self.bus.answers["claim_deletion"] = Claimed(
            permit="p1", deadline=self.clock.now() + timedelta(seconds=seconds)
        )


@asynccontextmanager
async def parts(place: Cloud) -> AsyncIterator[Parts]:
    async with open_session(place.settings) as session:
        yield Parts(session, place)


async def in_album(it: Parts, filename: str) -> str:
    asset = await it.asset(filename)
    reports = await it.add(await it.work(asset, stage="album"))
    assert [type(report) for report in reports] == [AlbumAdded]
    return asset


def only(reports: Any) -> Report:
    (report,) = reports
    assert isinstance(report, Report)
    return report


async def test_the_album_is_made_once_and_adding_again_is_no_error(signed: Cloud) -> None:
    async with parts(signed) as it:
        asset = await in_album(it, "one.jpg")
        assert await in_album(it, "one.jpg") == asset
        assert await it.album.holds(asset)
        assert (signed.root / "delete_pending" / f"{asset}.jpg").read_bytes() == BYTES
        assert not (signed.root / "backup" / f"{asset}.jpg").exists()
    async with parts(signed) as it:  # another process knows the album by its name alone
        await in_album(it, "two.jpg")
        assert len(await albums_named(CloudKit(it.session), "DeletePending")) == 1


async def test_without_a_permit_nothing_is_deleted_and_a_veto_is_told(signed: Cloud) -> None:
    async with parts(signed) as it:
        asset = await in_album(it, "two.jpg")
        signed.simulator.act("remove-from-album", id=asset, album="DeletePending")
        it.bus.answers["claim_deletion"] = Claimed(
            permit=None, deadline=None, veto=True, reasons=("it was taken out",)
        )
        report = only(await it.delete(await it.work(asset)))
        assert isinstance(report, DeletionKept)
        assert report.veto
        assert report.reasons == ("it was taken out",)
        claim = it.bus.asked[-1][1]
        assert isinstance(claim, ClaimDeletion)
        assert not claim.in_album
        assert not await it.is_deleted(asset)


async def test_the_claim_says_what_icloud_holds_now(signed: Cloud) -> None:
    async with parts(signed) as it:
        asset = await in_album(it, "one.jpg")
        it.permit(seconds=-1)
        work = await it.work(asset)
        report = only(await it.delete(work))
        assert isinstance(report, DeletionKept)
        assert report.permit == "p1"
        assert not await it.is_deleted(asset)
        claim = it.bus.asked[-1][1]
        assert (claim.change_tag, claim.zone) == (work.change_tag, "PrimarySync")
        assert claim.in_album
        assert not claim.deleted
        assert claim.problem is None
        assert [kind for kind, _ in claim.resources] == [Resource.ORIGINAL, Resource.LIVE]


async def test_an_album_that_protects_is_looked_up_at_the_deletion(signed: Cloud) -> None:
    async with parts(signed) as it:
        asset = await in_album(it, "two.jpg")
        it.bus.answers["claim_deletion"] = Claimed(permit=None, deadline=None)
        family = ICloudAlbum(CloudKit(it.session), it.records, "Family")
        await family.add(
            await it.asset("one.jpg")
        )  # the album is there, and another asset is in it
        await it.delete(await it.work(await it.asset("four.jpg")))
        assert it.bus.asked[-1][1].kept_by_albums == ()
        await family.add(asset)
        it.permit()
        report = only(await it.delete(await it.work(asset)))
        assert isinstance(report, DeletionKept)
        assert "family" in report.reasons[0]
        claim = it.bus.asked[-1][1]
        assert (claim.albums_asked, claim.kept_by_albums) == (PROTECTING, (" family ",))
        assert not await it.is_deleted(asset)
        await lose_lookups(it, asset)


async def lose_lookups(it: Parts, asset: str) -> None:
    """No answer about the albums ends the try before anything is claimed."""
    work, before = await it.work(asset), len(it.bus.asked)

    async def lose(request: httpx.Request) -> None:
        if request.url.path.endswith("records/query"):
            raise httpx.ReadTimeout("lost", request=request)

    it.session.client.event_hooks["request"] = [lose]
    with pytest.raises(Transient):
        await it.delete(work)
    assert len(it.bus.asked) == before


async def test_a_permitted_deletion_is_soft_and_confirmed(signed: Cloud) -> None:
    async with parts(signed) as it:
        asset = await in_album(it, "three.jpg")
        it.permit()
        work = await it.work(asset)
        report = only(await it.delete(work))
        assert isinstance(report, Deleted)
        assert report.permit == "p1"
        assert report.expunged is not None
        assert await it.is_deleted(asset)
        it.bus.answers["claim_deletion"] = Claimed(
            permit="p1", deadline=None, already_permitted=True
        )
        assert only(await it.delete(work)) == report


async def test_a_change_after_the_permit_is_refused_by_icloud_and_told(signed: Cloud) -> None:
    async with parts(signed) as it:
        asset = await in_album(it, "four.jpg")
        it.permit()
        claimed = it.bus.answers["claim_deletion"]

        def change_first(_question: object) -> Claimed:
            signed.simulator.act("favorite", id=asset, favorite=True)
            assert isinstance(claimed, Claimed)
            return claimed

        it.bus.answers["claim_deletion"] = change_first
        report = only(await it.delete(await it.work(asset)))
        assert isinstance(report, DeletionKept)
        assert report.permit == "p1"
        assert "CAS_OP_LOCK" in report.reasons[0]
        assert not await it.is_deleted(asset)


async def test_a_lost_answer_is_read_back_and_the_deletion_not_sent_again(signed: Cloud) -> None:
    async with parts(signed) as it:
        asset = await in_album(it, "five.jpg")
        work = await it.work(asset)
        it.permit()
        sent: list[str] = []

        async def lose_answer(response: httpx.Response) -> None:
            if response.request.url.path.endswith("records/modify"):
                sent.append("modify")
                raise httpx.ReadTimeout("lost", request=response.request)

        it.session.client.event_hooks["response"] = [lose_answer]
        report = only(await it.delete(work))
        assert isinstance(report, Deleted)
        assert sent == ["modify"]
        assert await it.is_deleted(asset)


async def test_a_request_that_got_lost_leaves_the_asset_and_says_so(signed: Cloud) -> None:
    async with parts(signed) as it:
        asset = await in_album(it, "six.jpg")
        work = await it.work(asset)
        it.permit()

        async def lose_request(request: httpx.Request) -> None:
            if request.url.path.endswith("records/modify"):
                raise httpx.WriteTimeout("lost", request=request)

        it.session.client.event_hooks["request"] = [lose_request]
        report = only(await it.delete(work))
        assert isinstance(report, DeletionKept)
        assert "read back: the asset is still there" in report.reasons[0]
        assert not await it.is_deleted(asset)


async def test_the_master_of_an_asset_is_read_with_it(signed: Cloud) -> None:
    async with parts(signed) as it:
        whole = await it.records.whole(await it.asset("one.jpg"))
        assert whole.asset is not None
        assert whole.master is not None
        assert whole.master["recordName"] == master_name(whole.asset)
        assert await it.records.whole("no-such-asset") == type(whole)(None, None)


class Permits:
    """The state service's permits: one for each attempt, and what was said of it."""

    def __init__(self, it: Parts) -> None:
        self.it = it
        self.given: dict[tuple[str, int], str] = {}

    def __call__(self, question: object) -> Claimed:
        assert isinstance(question, ClaimDeletion)
        key = (question.asset, question.attempt)
        before = self.given.get(key)
        permit = self.given.setdefault(key, f"permit {len(self.given)}")
        deadline = None if before else self.it.clock.now() + timedelta(seconds=60)
        return Claimed(permit=permit, deadline=deadline, already_permitted=before is not None)


class Sent:
    """What went to iCloud, and how it was answered."""

    def __init__(self, it: Parts) -> None:
        self.changes: list[tuple[str, int]] = []
        self.at: list[float] = []
        it.session.client.event_hooks["response"] = [self.note]

    async def note(self, response: httpx.Response) -> None:
        self.at.append(time.monotonic())
        if response.request.url.path.endswith("records/modify"):
            body = json.loads(response.request.content)
            name = body["operations"][0]["record"]["recordName"]
            self.changes.append((name, response.status_code))


async def until_deleted(it: Parts, work: AssetWork) -> list[Report]:
    """Do the work as lane and state service would: what waits comes again, what was kept is a new attempt."""
    said: list[Report] = []
    while True:
        try:
            said.extend(await it.delete(work))
        except (Waiting, Transient) as error:
            await asyncio.sleep(error.retry_after or 0.1)
            continue
        if isinstance(said[-1], Deleted):
            return said
        work = work.model_copy(update={"attempt": work.attempt + 1})


async def test_apples_limit_of_deletions_is_waited_for_and_each_photo_deleted_once(
    tmp_path: Path,
) -> None:
    """Apple answers 503 after about 240 deletions in a while; here after two, for three seconds."""
    with account(tmp_path, "photos=5,bytes=200,seed=9") as place:
        (place.root / "delete_pending").mkdir()
        cloud_of = Cloud(place.simulator, place.settings, place.root)
        async with parts(cloud_of) as it:
            assets = sorted(place.simulator.truth()["assets"])
            works = [await it.work(asset) for asset in assets]
            place.simulator.act("cloudkit", deletions=2, deletions_seconds=3)
            it.bus.answers["claim_deletion"] = Permits(it)
            sent, began = Sent(it), time.monotonic()
            said = [await until_deleted(it, work) for work in works]
            assert time.monotonic() - began >= 2 * 3 - 0.5  # five are three rounds of two
        done = [name for name, status in sent.changes if status == 200]
        refused = [name for name, status in sent.changes if status == 503]
        assert sorted(done) == assets
        assert 1 <= len(refused) <= 3  # nobody else is sent into the limit
        kept = [one for reports in said for one in reports if isinstance(one, DeletionKept)]
        assert len(kept) <= len(refused)
        truth = place.simulator.truth()["assets"]
        assert len(truth) == len(assets)  # in Recently Deleted, none expunged
        pauses = [after - before for before, after in itertools.pairwise(sent.at)]
        assert sum(pause > 0.8 for pause in pauses) >= len(refused)
