"""What a look at iCloud means for the books: new assets get names and wanted files; a vanished one loses no copy.

A listing can only add, supersede or mark as no longer listed; it can never remove a file or a row.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from services.state.policy.albums import albums_seen
from services.state.policy.facts import Asset
from services.state.policy.files import add_media
from services.state.policy.returning import doubt_after_release
from shared.domain import naming
from shared.domain.ids import OWN_ZONE

if TYPE_CHECKING:
    from services.state.policy.facts import Books
    from shared.domain.events import AssetRefreshed, PageSeen
    from shared.domain.seen import AssetSeen

SHRUNK_AT_LEAST = 20
SHRUNK_SHARE = 0.2
"""So many assets, and such a share of the library, gone from iCloud within a day freeze deletion."""


def page_seen(books: Books, page: PageSeen) -> None:
    """Record a page of iCloud's change feed together with its sync token."""
    for seen in page.assets:
        known = books.by_icloud_id.get(seen.asset)
        if known is None:
            _new_asset(books, seen)
        else:
            _known_asset(books, known, seen)
    for gone in page.gone:
        known = books.by_icloud_id.get(gone)
        if known is not None:
            _left_icloud(books, known)
    albums_seen(books, page)
    books.tokens[page.zone] = (page.token, page.final)
    if page.final and page.zone not in books.zones_looked:
        books.zones_looked.add(page.zone)
        books.first_looks.add(page.zone)
    if (
        page.final and page.zone == OWN_ZONE
    ):  # a look at a shared library says nothing of the own one
        books.settings["looked_at"] = books.now.isoformat()


def asset_refreshed(books: Books, report: AssetRefreshed) -> None:
    """Take over a known asset's record as a look at it alone showed it."""
    known = books.by_icloud_id.get(report.seen.asset)
    if known is not None:
        _known_asset(books, known, report.seen)


def _new_asset(books: Books, seen: AssetSeen) -> None:
    if seen.deleted:
        return  # the person has thrown it away before photoduct ever saw it
    directory = naming.folder(seen.created, books.folders)
    stem = next(
        stem
        for stem in naming.stems(seen.filename, seen.asset)
        if not books.name_is_taken(naming.stem_key(directory, stem))
    )
    asset = Asset(
        id=books.next_asset,
        icloud_id=seen.asset,
        zone=seen.zone,
        change_tag=seen.change_tag,
        filename=seen.filename.replace("\x00", "\N{SYMBOL FOR NULL}"),
        created_date=seen.created.isoformat(),
        stem_key=naming.stem_key(directory, stem),
        stem=stem,
        favorite=seen.favorite,
        hidden=seen.hidden,
        problem=seen.problem,
    )
    books.next_asset += 1
    books.new_names.add(asset.stem_key)
    books.add(asset)
    books.began(asset, ("removal",))
    for resource in {(one.resource, one.checksum): one for one in seen.resources}.values():
        if not resource.resource.is_metadata:
            add_media(books, asset, resource)


def _known_asset(books: Books, asset: Asset, seen: AssetSeen) -> None:
    if seen.deleted:
        _left_icloud(books, asset)
        return
    if asset.removal in {"deleted", "purged"}:
        if asset.change_tag == seen.change_tag:
            return  # a page from before the deletion, read again
        _restored(books, asset)
    if asset.listed and asset.change_tag == seen.change_tag:
        return
    changed = asset.change_tag != seen.change_tag
    asset.listed, asset.change_tag, asset.problem = True, seen.change_tag, seen.problem
    asset.favorite, asset.hidden = seen.favorite, seen.hidden
    asset.approved = False  # the person approved what it was before
    books.touched.add(asset.id)
    _end_quarantine(books, asset)
    edited = _take_over_resources(books, asset, seen) or changed
    if asset.removal == "intent" and edited:
        asset.pending_since = books.now  # the dwell is the person's time for a veto: it begins anew
    if asset.removal == "pending" and edited:
        asset.pending_since = None
        books.move(asset, "removal", "none", "edited while it waited; it goes through again")


def _restored(books: Books, asset: Asset) -> None:
    """The person took it out of Recently Deleted: it stays in iCloud for good; what is lacking here, planning fetches again."""
    asset.deleted_at = asset.pending_since = None
    books.move(asset, "removal", "restored", "the person restored it in iCloud")
    doubt_after_release(books, asset)


def _end_quarantine(books: Books, asset: Asset) -> None:
    """Let tasks that had failed for good be planned again: what they failed on has changed."""
    for task in books.by_asset.get(asset.id, ()):
        if task.state == "quarantined":
            task.state, task.due_at = "cancelled", None
            task.failures, task.rings, task.reason = 0, 0, None


def _take_over_resources(books: Books, asset: Asset, seen: AssetSeen) -> bool:
    """Make the asset's current media those that iCloud lists now; return whether any is new. Its record follows in planning."""
    wanted = {
        (one.resource.value, one.checksum): one
        for one in seen.resources
        if not one.resource.is_metadata
    }
    for media in [media for media in asset.media if not media.is_metadata]:
        media.current = (media.resource, media.checksum) in wanted
        if media.current and media.local == "superseded":
            books.move(media, "local", "wanted")
        if not media.current and media.local == "wanted":
            books.move(media, "local", "superseded", "a newer version replaced it in iCloud")
    have = {(media.resource, media.checksum) for media in asset.media}
    new = [resource for key, resource in wanted.items() if key not in have]
    for resource in new:
        add_media(books, asset, resource)
    return bool(new)


def _left_icloud(books: Books, asset: Asset) -> None:
    """Note that iCloud no longer lists it; every copy stays, and a mass disappearance freezes deletion."""
    if not asset.listed:
        return
    asset.listed = False
    books.touched.add(asset.id)
    if asset.removal in {"deleted", "purged", "intent"}:
        return
    count, since = _gone_lately(books)
    books.settings["gone_lately"] = f"{count + 1} {since.isoformat()}"
    if count + 1 >= max(SHRUNK_AT_LEAST, (books.next_asset - 1) * SHRUNK_SHARE):
        freeze(books, f"{count + 1} assets vanished from iCloud within a day")


def _gone_lately(books: Books) -> tuple[int, datetime]:
    """Return how many assets vanished since when; the count begins anew after a day."""
    stored = (books.settings.get("gone_lately") or "").split()
    if len(stored) == 2:
        since = datetime.fromisoformat(stored[1])
        if abs(books.now - since) <= timedelta(days=1):
            return int(stored[0]), since
    return 0, books.now


def freeze(books: Books, why: str) -> None:
    """Freeze every deletion until a person looks."""
    if books.settings.get("frozen") is None:
        books.settings["frozen"] = why
    books.attention["deletion-frozen"] = (f"Deletion is frozen: {why}", True)
