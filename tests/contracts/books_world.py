"""Plays every worker against the truth, without a bus: each due task is answered at once."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from services.state.claims import Claims
from services.state.policy.rules import Policy
from services.state.store import Store
from services.state.truth import Due, Received, Truth
from shared.domain import events, questions, work_items
from shared.domain.gate import Rules
from shared.domain.ids import GoogleLevel, Kind, Resource
from shared.domain.pipeline import STAGE
from shared.domain.seen import AssetSeen, ResourceSeen

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

START = datetime(2026, 1, 1, tzinfo=UTC)


EXTENSIONS = {"live": ".MOV", "alternate": ".DNG"}


class SteppedClock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def pass_by(self, span: timedelta) -> None:
        self.time += span


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def seen(asset: str, filename: str = "IMG_0001.JPG", tag: str = "t1", **fields: Any) -> AssetSeen:
    resources = fields.pop("resources", (("original", f"c-{asset}"),))
    return AssetSeen(
        asset=asset,
        zone=fields.pop("zone", "PrimarySync"),
        change_tag=tag,
        filename=filename,
        created=fields.pop("created", datetime(2020, 5, 1, 12, tzinfo=UTC)),
        resources=(
            *(
                ResourceSeen(
                    resource=Resource(kind),
                    checksum=checksum,
                    size=100,
                    file_type="public.jpeg",
                    extension=EXTENSIONS.get(kind, ".JPG"),
                    kind=Kind.VIDEO if kind == "live" else Kind.PHOTO,
                )
                for kind, checksum in resources
            ),
            ResourceSeen(
                resource=Resource.RECORD,
                checksum=tag,
                size=0,
                file_type="public.json",
                extension=".json",
                kind=Kind.PHOTO,
            ),
        ),
        **fields,
    )


class World:
    def __init__(self, engine: Engine, rules: Rules | None = None, **policy: Any) -> None:
        self.clock = SteppedClock()
        self.rules = rules or Rules(
            enabled=True, max_percent_day=100, google_level=GoogleLevel.FREED
        )
        self.policy = Policy(deletion=self.rules, **policy)
        self.store = Store(engine, Path("/media"), self.policy)
        self.may_delete = True
        """Whether it is the time of day for deletions."""
        self.truth = Truth(self.store, self.policy, self.clock, lambda _: self.may_delete)
        self.claims = Claims(self.store, self.policy, self.clock, self.truth.situations)
        self.engine = engine
        self.due: list[Due] = []
        self.archive, self.file_system = "archive-1", "fs-1"
        self.in_album: set[str] = set()
        self.deleted: set[str] = set()
        self.removed: set[int] = set()
        self.released: set[int] = set()
        self.changed_tags: dict[str, str] = {}
        self.pages = 0
        self.done: list[str] = []
        self.works: list[work_items.Work] = []
        self.kept: list[tuple[str, tuple[str, ...]]] = []
        self.renew_at: datetime | None = None
        """When the compressor says that a file has grown out of its tier."""
        self.placed: dict[int, str] = {}
        """By media, the hash of the rendition that lies in the archive."""
        self.copies_lost: set[int] = set()
        """Media of whose originals the archive has no copy any more, and nobody told that."""

    def say(self, *reports: events.Report) -> None:
        self.due += self.truth.apply([Received("evt.test.x", report) for report in reports])

    def look(self, *assets: AssetSeen, **page: Any) -> None:
        self.pages += 1
        fields = {"zone": "PrimarySync", "token": f"token-{self.pages}", "final": True, **page}
        self.say(
            events.PageSeen(id=f"page:{self.pages}", at=self.clock.now(), assets=assets, **fields)
        )

    def tick(self) -> None:
        """Do what the state service does by itself from time to time."""
        self.due += self.truth.plan_again()
        self.due += self.truth.due_again()

    def work_off(self, *, without: tuple[str, ...] = ()) -> None:
        """Answer due tasks until none is left but those of the stages named."""
        while True:
            now, self.due = self.due, []
            left = [due for due in now if due.task.stage in without]
            for due in now:
                if due.task.stage not in without:
                    self.answer(due)
            self.due = [*left, *self.due]
            if len(left) == len(self.due):
                return

    def answer(self, due: Due) -> None:
        self.done.append(due.message_id)
        work = STAGE[due.task.stage].work.model_validate_json(due.body)
        self.works.append(work)
        self.say(getattr(self, f"_{due.task.stage}")(work))

    def wake(self) -> None:
        self.look()
        self.tick()

    def google(self, level: GoogleLevel) -> None:
        with self.engine.connect() as connection:
            from sqlalchemy import select

            from services.state import schema

            query = select(schema.media.c.id, schema.media.c.icloud_id)
            ids = [(row.id, row.icloud_id) for row in connection.execute(query)]
        self.say(
            *(
                events.GoogleEvidence(
                    id=f"google:{key}:{level}",
                    at=self.clock.now(),
                    media=key,
                    asset=name,
                    level=level,
                )
                for key, name in ids
            )
        )

    def _download(self, work: work_items.DownloadWork) -> events.Report:
        return work.outcome(
            events.Downloaded,
            self.clock.now(),
            sha256=sha(work.checksum),
            size=100,
            area="backup",
            path=work.path,
        )

    def _pixel(self, work: work_items.FileWork) -> events.Report:
        return work.outcome(events.Staged, self.clock.now(), path=work.file.path, mtime_ns=1)

    def _nas(self, work: work_items.FileWork) -> events.Report:
        behind, gone = work.key in self.placed, {*self.released, *self.copies_lost}
        if work.stage == "verify" and work.key in gone:
            return work.outcome(
                events.NasMismatch,
                self.clock.now(),
                path=work.nas_path or work.file.path,
                reason="The archive has no copy",
                archive=self.archive,
                file_system=self.file_system,
            )
        if work.stage == "nas" and behind and work.nas_path is work.present_path is None:
            why = f"{work.file.path} exists with other bytes"
            return work.outcome(events.Failed, self.clock.now(), lasting="permanent", reason=why)
        if work.stage == "nas" and work.key in gone:
            self.released.discard(work.key)
            self.copies_lost.discard(work.key)
        return work.outcome(
            events.NasVerified,
            self.clock.now(),
            path=f".originals/{work.file.path}" if behind else work.file.path,
            sha256=work.file.sha256,
            size=work.file.size,
            grade="cold",
            archive=self.archive,
            file_system=self.file_system,
        )

    _verify = _nas

    def _compress(self, work: work_items.FileWork) -> events.Report:
        smaller = 40 if work.present_size is None else work.present_size - 10
        return work.outcome(
            events.Compressed,
            self.clock.now(),
            path=f"{work.key}/{work.attempt}{PurePosixPath(work.file.path).suffix}",
            sha256=sha(f"small {smaller}"),
            size=smaller,
            encoder="test",
            settings="q1",
            tier="heavy" if smaller == 40 else "heavier",
            score=81.5,
            renew_at=self.renew_at,
        )

    def _rendition(self, work: work_items.RenditionWork) -> events.Report:
        late = work.rendition_sha256  # an order that was taken back may be carried out all the same
        assert self.placed.get(work.key) in {work.former_sha256, late}
        assert work.alone or work.key not in self.released
        self.placed[work.key] = work.rendition_sha256
        if work.alone:
            where = {"archive": self.archive, "file_system": self.file_system}
            now, held = self.clock.now(), work.rendition_sha256
            return work.outcome(events.RenditionRenewed, now, sha256=held, **where)
        return work.outcome(
            events.RenditionArchived,
            self.clock.now(),
            rendition_path=work.file.path,
            original_path=f".originals/{work.file.path}",
            original_sha256=work.file.sha256,
            grade="cold",
            archive=self.archive,
            file_system=self.file_system,
        )

    def _release(self, work: work_items.RenditionWork) -> events.Report:
        assert work.rendition_sha256 == self.placed[work.key]
        claimed = self.claims.release(
            questions.ClaimRelease(asset=work.asset, media=work.key, attempt=work.attempt)
        )
        if claimed.deadline is None:
            return work.outcome(events.ReleaseKept, self.clock.now(), reasons=claimed.reasons)
        self.released.add(work.key)
        return work.outcome(
            events.OriginalReleased,
            self.clock.now(),
            path=work.file.path,
            archive=self.archive,
            file_system=self.file_system,
        )

    def _album(self, work: work_items.AssetWork) -> events.Report:
        if work.was_pending and work.asset not in self.in_album:
            return work.outcome(events.AlbumVetoed, self.clock.now())
        self.in_album.add(work.asset)
        return work.outcome(events.AlbumAdded, self.clock.now())

    def _return(self, work: work_items.AssetWork) -> events.Report:
        return work.outcome(events.AlbumReturned, self.clock.now())

    def claim(self, work: work_items.AssetWork, **changes: Any) -> questions.Claimed:
        fields: dict[str, Any] = {
            "asset": work.asset,
            "attempt": work.attempt,
            "zone": work.zone,
            "change_tag": self.changed_tags.get(work.asset, work.change_tag),
            "fetched_at": self.clock.now(),
            "in_album": work.asset in self.in_album,
            "deleted": work.asset in self.deleted,
            "problem": None,
            "resources": ((Resource.ORIGINAL, f"c-{work.asset}"),),
            "albums_asked": self.rules.never_delete_albums,
        }
        asked = questions.ClaimDeletion.model_validate({**fields, **changes})
        (found,) = self.claims.deletion([asked])
        if isinstance(found, Exception):
            raise found
        return found

    def _delete(self, work: work_items.AssetWork) -> events.Report:
        claimed = self.claim(work)
        if claimed.permit is None:
            self.kept.append((work.asset, claimed.reasons))
            return work.outcome(
                events.DeletionKept,
                self.clock.now(),
                permit=None,
                veto=claimed.veto,
                reasons=claimed.reasons,
            )
        self.deleted.add(work.asset)
        return work.outcome(events.Deleted, self.clock.now(), permit=claimed.permit, expunged=None)

    def _purge(self, work: work_items.AssetWork) -> events.Report:
        asked = questions.ClaimPurge(asset=work.asset, attempt=work.attempt)
        claimed = self.claims.purge(asked)
        if claimed.deadline is None:
            return work.outcome(events.PurgeKept, self.clock.now(), reasons=claimed.reasons)
        self.removed.update(claimed.media)
        return work.outcome(events.Purged, self.clock.now(), media=claimed.media)
