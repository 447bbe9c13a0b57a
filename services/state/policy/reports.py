"""What each report means for the books: one function a report; an impossible one raises and changes nothing durable."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from services.state.policy import renditions
from services.state.policy.endings import ask_anew, fail, finish, try_again
from services.state.policy.facts import Proof
from services.state.policy.listing import asset_refreshed, freeze, page_seen
from shared.domain import events
from shared.domain.errors import IllegalMove
from shared.domain.ids import GoogleLevel
from shared.domain.pipeline import STAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.state.policy.facts import Asset, Books, Media

FACTS = (events.Deleted, events.Purged, events.OriginalReleased)
"""What has happened to files whatever became of the task: it is recorded even when the answer comes late."""
LOOK_FAILED = "downloader:icloud-look"
"""The downloader's attention record about a look at iCloud that failed."""
NAS_MISSING = "nas_sync:nas_missing"
"""nas_sync's attention record about an archive that is not mounted."""
KEPT_FOR = timedelta(minutes=10)
"""How long a kept asset is left alone before its deletion is considered again."""


def apply(books: Books, report: events.Report) -> None:
    """Apply one report to the books; raises IllegalMove for what cannot have happened."""
    books.report_id = report.id
    if isinstance(report, events.Outcome):
        if type(report) not in STAGE[report.stage].emits:
            raise IllegalMove(f"{report.stage} cannot end with {type(report).__name__}")
        task = books.task_of(report.stage, report.key)
        if task is None:
            raise IllegalMove(f"nobody asked for {report.stage} of {report.key}")
        if isinstance(report, events.Failed):
            fail(books, task, report)
            return
        _check_asset(books.assets[task.asset_id], report.asset)
        ended = finish(task, report)
        if not ended and not isinstance(report, FACTS):
            return
        books.touched.add(task.asset_id)
    elif isinstance(report, events.GoogleEvidence | events.GoogleSuspect | events.Unstaged):
        media = books.media.get(report.media)
        if media is not None:
            _check_asset(books.asset_of(media), report.asset)
    _APPLY[type(report)](books, report)


def _check_asset(asset: Asset, named: str) -> None:
    """Refuse a report about another asset: row numbers are allotted anew after a database was restored."""
    if asset.icloud_id != named:
        raise IllegalMove(f"the report is about {named}, and this row is {asset.icloud_id}")


def _media(books: Books, report: events.Outcome) -> Media:
    return books.media[report.key]


def _asset(books: Books, report: events.Outcome) -> Asset:
    return books.assets[report.key]


def _downloaded(books: Books, report: events.Downloaded) -> None:
    media = _media(books, report)
    if media.local != "wanted":
        return
    if report.path != media.path or (media.listed_size and report.size != media.listed_size):
        raise IllegalMove(f"media {media.id} should be {media.listed_size} bytes at {media.path}")
    media.sha256, media.initial_size = report.sha256, report.size
    books.move(media, "local", "backup")


def _staged(books: Books, report: events.Staged) -> None:
    media = _media(books, report)
    if media.google != "none":
        return
    media.staged_path, media.staged_mtime_ns = report.path, report.mtime_ns
    media.google_since, media.google_objection = books.now, None
    books.move(media, "google", "staged")


def _google_refused(books: Books, report: events.GoogleRefused) -> None:
    media = _media(books, report)
    media.google_objection = report.reason
    books.move(media, "google", "refused", report.reason)


def _google_evidence(books: Books, report: events.GoogleEvidence) -> None:
    media = books.media.get(report.media)
    if media is None or media.google in {"refused", "suspect", "none", "exempt"}:
        return
    order = list(GoogleLevel)
    for level in order[GoogleLevel(media.google).rank + 1 : report.level.rank + 1]:
        if level is GoogleLevel.TAKEOUT and report.level is not GoogleLevel.TAKEOUT:
            return
        books.move(media, "google", level.value)
        books.proofs.append(
            Proof(media.id, "google", level, media.sha256, media.staged_path, None, None, report.id)
        )
    media.google_since = books.now
    books.touched.add(media.asset_id)


def _google_suspect(books: Books, report: events.GoogleSuspect) -> None:
    media = books.media.get(report.media)
    if media is None or media.google not in {"staged", "arrived", "settled"}:
        return
    media.google_objection = report.reason
    books.move(media, "google", "suspect", report.reason)


def _unstaged(books: Books, report: events.Unstaged) -> None:
    media = books.media.get(report.media)
    if media is not None:
        media.staged_path = media.staged_mtime_ns = None
        books.touched.add(media.asset_id)


def _nas_verified(books: Books, report: events.NasVerified) -> None:
    media = _media(books, report)
    if report.sha256 != media.sha256:
        _mismatch(books, media, report.path, "other bytes than were downloaded")
        return
    _note_archive(books, report.archive, report.file_system)
    if media.nas != "verified":
        books.move(media, "nas", "verified")
    _take_nas_evidence(books, media, report, report.path)


def _take_nas_evidence(
    books: Books, media: Media, report: events.NasVerified | events.RenditionArchived, path: str
) -> None:
    media.nas_path, media.nas_grade = path, report.grade
    media.nas_verified_at = min(report.at, books.now)  # a worker's clock may be ahead
    media.nas_archive, media.nas_file_system = report.archive, report.file_system
    books.touched.add(media.asset_id)
    books.proofs.append(
        Proof(
            media.id, "nas", report.grade, media.sha256, path, report.archive, report.file_system, report.id
        )
    )  # fmt: skip


def _note_archive(books: Books, archive: str, file_system: str) -> None:
    """Bind evidence to the archive that is there; another one voids all that was seen on the old."""
    books.settings["nas_missing"] = None
    before = (books.settings.get("archive"), books.settings.get("file_system"))
    if before == (archive, file_system):
        return
    books.settings["archive"], books.settings["file_system"] = archive, file_system
    if before != (None, None):
        books.void_archive = (archive, file_system)
        books.attention["archive-changed"] = (
            "The NAS archive is another one than before: it is being filled again from local files",
            True,
        )


def _nas_mismatch(books: Books, report: events.NasMismatch) -> None:
    """Another archive is there: what was seen on the old one is void. The same one: its bytes have changed."""
    media = _media(books, report)
    there = (report.archive, report.file_system)
    if media.nas == "verified" and there != (media.nas_archive, media.nas_file_system):
        _note_archive(books, *there)
        books.move(media, "nas", "void", "another archive or disk is there")
        return
    if media.nas == "void" and media.local == "purged" and report.archive != media.nas_archive:
        _note_archive(books, *there)  # it was asked while no archive was there
        return
    _mismatch(books, media, report.path, report.reason)


def _mismatch(books: Books, media: Media, path: str, why: str) -> None:
    """A hash mismatch anywhere freezes deletion until a person looks."""
    books.move(media, "nas", "mismatch", why)
    freeze(books, f"the NAS copy {path} is not what was archived ({why})")


def _compressed(books: Books, report: events.Compressed) -> None:
    renditions.compressed(books, _media(books, report), report)


def _left(books: Books, report: events.Left) -> None:
    renditions.left(books, _media(books, report), report)


def _rendition_archived(books: Books, report: events.RenditionArchived) -> None:
    media = _media(books, report)
    if report.original_sha256 != media.sha256:
        _mismatch(books, media, report.original_path, "the retired original has other bytes")
        return
    _note_archive(books, report.archive, report.file_system)
    renditions.archived(books, media)
    if media.nas != "verified":
        books.move(media, "nas", "verified")
    _take_nas_evidence(books, media, report, report.original_path)


def _album_added(books: Books, report: events.AlbumAdded) -> None:
    asset = _asset(books, report)
    if asset.removal not in {"none", "pending"}:
        return
    if asset.removal == "none":
        asset.pending_since, asset.hold_until, asset.kept_because = books.now, None, None
        asset.was_pending = True
        books.move(asset, "removal", "pending")
    for media in asset.media:
        if media.local == "backup":
            books.move(media, "local", "delete_pending")


def _album_vetoed(books: Books, report: events.AlbumVetoed) -> None:
    asset = _asset(books, report)
    if asset.removal in {"none", "pending"}:
        books.move(asset, "removal", "vetoed", "the person took it out of the album")


def _album_returned(books: Books, report: events.AlbumReturned) -> None:
    for media in _asset(books, report).media:
        if media.local == "delete_pending":
            books.move(media, "local", "backup")


def _deletion_kept(books: Books, report: events.DeletionKept) -> None:
    asset = _asset(books, report)
    asset.kept_because = "; ".join(report.reasons)
    asset.hold_until = books.now + KEPT_FOR
    if report.permit is not None:
        books.closed_permits[report.permit] = f"kept: {asset.kept_because}"
        asset.permit = None
    if report.veto:
        asset.approved = False
        if asset.removal in {"pending", "intent"}:
            books.move(asset, "removal", "vetoed", asset.kept_because)
    elif asset.removal == "intent":
        books.move(asset, "removal", "pending", asset.kept_because)


def _deleted(books: Books, report: events.Deleted) -> None:
    """Record a deletion as the fact that it is; one without an open permit of this asset freezes all others."""
    asset = _asset(books, report)
    whose, outcome = books.permits.get(report.permit, (None, ""))
    if whose != asset.id:
        freeze(books, f"{asset.filename} was reported deleted without a permit")
        return
    if outcome == "deleted":
        return
    asset.deleted_at, asset.listed = report.at, False
    books.touched.add(asset.id)
    known = outcome in {"open", "void"}  # void: the books were restored while it was out
    if not known or asset.permit != report.permit or asset.removal != "intent":
        freeze(books, f"{asset.filename} was deleted under a permit that had ended ({outcome})")
        return
    asset.pending_since = asset.hold_until = asset.kept_because = None
    books.closed_permits[report.permit] = "deleted"
    books.move(asset, "removal", "deleted")


def _purged(books: Books, report: events.Purged) -> None:
    """Record which local files are gone, whatever the task was."""
    asset = _asset(books, report)
    for media in asset.media:
        if media.id in report.media and media.local == "delete_pending":
            books.move(media, "local", "purged")
    if asset.removal == "deleted" and not any(m.local == "delete_pending" for m in asset.media):
        books.move(asset, "removal", "purged")


def _purge_kept(books: Books, report: events.PurgeKept) -> None:
    _asset(books, report).hold_until = books.now + KEPT_FOR


def _rendition_renewed(books: Books, report: events.RenditionRenewed) -> None:
    """The new rendition lies in its place; there was no original, so no evidence of one is taken."""
    media = _media(books, report)
    if report.sha256 != renditions.candidate_of(media).get("rendition_sha256"):
        raise IllegalMove(f"media {media.id} has no such rendition to come")
    renditions.archived(books, media)


def _rendition_lost(books: Books, report: events.RenditionLost) -> None:
    """Count it as a failure of what made it, however well that had ended."""
    media = _media(books, report)
    task = books.task_of("compress", media.id)
    if renditions.lost(books, media, report.reason) and task is not None:
        why = f"its rendition was lost before it was archived: {report.reason}"
        try_again(books, task, why, renditions.LOST)


def _original_released(books: Books, report: events.OriginalReleased) -> None:
    """Record that the original is gone, whatever the task was; what Google Photos and the rendition hold is left."""
    media = _media(books, report)
    books.released.add(media.id)
    if media.nas != "released":
        books.move(media, "nas", "released", "its time was over, and its rendition whole")
        media.nas_path = media.nas_verified_at = None
        ask_anew(books.task_of("rendition", media.id))


def _release_kept(books: Books, report: events.ReleaseKept) -> None:
    asset = books.asset_of(_media(books, report))
    asset.hold_until = books.now + KEPT_FOR
    books.touched.add(asset.id)


def _attention(books: Books, report: events.Attention) -> None:
    """Record it; while a look at iCloud fails, its listing means nothing and the gate keeps everything."""
    books.attention[report.key] = (report.text, report.raised)
    if report.key == LOOK_FAILED:
        books.settings["listing"] = "failed" if report.raised else None
    if report.key == NAS_MISSING:
        books.settings["nas_missing"] = "yes" if report.raised else None


_APPLY: dict[type[events.Report], Callable[[Books, Any], None]] = {
    events.PageSeen: page_seen,
    events.Downloaded: _downloaded,
    events.Staged: _staged,
    events.GoogleRefused: _google_refused,
    events.GoogleEvidence: _google_evidence,
    events.GoogleSuspect: _google_suspect,
    events.Unstaged: _unstaged,
    events.NasVerified: _nas_verified,
    events.NasMismatch: _nas_mismatch,
    events.Compressed: _compressed,
    events.Left: _left,
    events.RenditionArchived: _rendition_archived,
    events.AlbumAdded: _album_added,
    events.AlbumReturned: _album_returned,
    events.DeletionKept: _deletion_kept,
    events.Deleted: _deleted,
    events.Purged: _purged,
    events.PurgeKept: _purge_kept,
    events.RenditionRenewed: _rendition_renewed,
    events.RenditionLost: _rendition_lost,
    events.OriginalReleased: _original_released,
    events.ReleaseKept: _release_kept,
    events.AlbumVetoed: _album_vetoed,
    events.AssetRefreshed: asset_refreshed,
    events.Attention: _attention,
}
