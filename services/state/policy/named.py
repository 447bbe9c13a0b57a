"""What a report names: which rows of the books have to be loaded before it is applied."""

from __future__ import annotations

from services.state.policy.facts import ASSET_STAGES
from shared.domain import events
from shared.domain.ids import record_of


def keys_of(report: events.Report) -> tuple[str, int | str] | None:
    """Return what has to be loaded for a report: ("media", id), ("asset", id), or None (see `icloud_ids`)."""
    if isinstance(report, events.Outcome):
        return ("asset" if report.stage in ASSET_STAGES else "media", report.key)
    if isinstance(report, events.GoogleEvidence | events.GoogleSuspect | events.Unstaged):
        return ("media", report.media)
    return None


def icloud_ids(report: events.Report) -> tuple[str, ...]:
    """Return the iCloud ids that a listing names."""
    if isinstance(report, events.PageSeen):
        members = (one.asset for one in (*report.joined, *report.parted))
        return (*(seen.asset for seen in report.assets), *report.gone, *members)
    if isinstance(report, events.AssetRefreshed):
        return (report.seen.asset,)
    return ()


def album_ids(report: events.Report) -> tuple[str, ...]:
    """Return the ids that a listing names and that may be albums'."""
    if isinstance(report, events.PageSeen):
        return (
            *(seen.album for seen in report.albums),
            *(one.album for one in (*report.joined, *report.parted)),
            *(record_of(name) for name in report.gone),
        )
    return ()
