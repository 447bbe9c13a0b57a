"""The page about what must not go wrong: copies, the evidence for them, and what was deleted on its strength."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.grafana.building import (
    DAY,
    FILES,
    FILES_A_SECOND,
    ORANGE,
    RED,
    THIRD,
    bars,
    lines,
    number,
    page,
    per_second,
)

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Dashboard, Panel


def safety() -> Dashboard:
    """Make the page."""
    rows = {
        "Now": _now(),
        "Copies and their evidence": _copies(),
        "Deletions in iCloud": _deleting(),
        "What needs you": _needs(),
    }
    return page("safety", "Copies, the evidence for them, and what was deleted by it.", rows)


def frozen() -> Builder[Panel]:
    """Make the number that tells whether deletions are frozen."""
    return number(
        "Deletion",
        "Whether all deletions in iCloud are frozen because something did not fit.",
        ('max(photoduct_open_attention{key="deletion-frozen"})', "frozen"),
        "none",
        steps={1: RED},
        words={0: "not frozen", 1: "FROZEN"},
    )


def _now() -> list[Builder[Panel]]:
    """Make the numbers that are green while nothing is in danger."""
    return [
        frozen(),
        number(
            "Copies that differ",
            "Copies on the NAS that are not what was archived; one freezes all deletions.",
            ('sum(photoduct_files{machine="nas", state="mismatch"})', "files"),
            "none",
            steps={1: RED},
        ),
        number(
            "Vanished from the phone",
            "Files that vanished from the phone in a way that proves nothing; they stay in iCloud.",
            ('sum(photoduct_files{machine="google", state="suspect"})', "files"),
            "none",
            steps={1: ORANGE},
        ),
        number(
            "Last backup",
            "Since the newest backup of the books was made.",
            ("time() - max(photoduct_backup_last_success_timestamp_seconds)", "ago"),
            "s",
            steps={2 * DAY: RED},
        ),
    ]


def _copies() -> list[Builder[Panel]]:
    """Make how many files are held, and how sure that is."""
    return [
        bars(
            "Evidence of Google Photos",
            "Files by their strongest evidence: staged, arrived, settled and freed are told by the phone, confirmed by you, takeout is proof of bytes.",
            ('sum by (level) (photoduct_evidence{copy="google"})', "{{level}}"),
            FILES,
        ),
        bars(
            "Evidence of the NAS",
            "Files that were read back from the NAS; cold: from its disk, weak: its own cache may have answered.",
            ('sum by (level) (photoduct_evidence{copy="nas"})', "{{level}}"),
            FILES,
        ),
        lines(
            "Evidence over time",
            "Files by copy and level.",
            [("sum by (copy, level) (photoduct_evidence)", "{{copy}}: {{level}}")],
            FILES,
        ),
        lines(
            "Copies on the NAS",
            "verified counts; void: seen on another archive; mismatch: other bytes than were archived.",
            [('sum by (state) (photoduct_files{machine="nas"})', "{{state}}")],
            FILES,
            stacked=True,
        ),
    ]


def _deleting() -> list[Builder[Panel]]:
    """Make what became of assets, permits and tries to delete."""
    return [
        bars(
            "Assets by removal",
            "pending: in the album DeletePending; intent: under a permit; vetoed: you took it out; purged: local files are gone, too.",
            ('sum by (state) (photoduct_files{machine="removal"})', "{{state}}"),
            "suffix: assets",
            span=THIRD,
        ),
        bars(
            "Permits by their end",
            "deleted: used; kept: given back unused, with the reason; lapsed: never used; void: the books were restored.",
            ("sum by (outcome) (photoduct_deletions_total)", "{{outcome}}"),
            "suffix: permits",
            span=THIRD,
        ),
        lines(
            "Deletions a day",
            "Permits that ended within a day, by their end.",
            [("sum by (outcome) (increase(photoduct_deletions_total[1d]))", "{{outcome}}")],
            "suffix: permits",
            span=THIRD,
        ),
        lines(
            "What deletion answered",
            "deleted, or kept because the gate, the record or iCloud objected; `photoduct pending` says why.",
            [(per_second('photoduct_jobs_total{stage="delete"}', "outcome"), "{{outcome}}")],
            FILES_A_SECOND,
        ),
        lines(
            "Open permits",
            "Permits that can still be used, for a minute each, or of which nothing was heard.",
            [("max(photoduct_open_permits)", "open")],
            "suffix: permits",
        ),
    ]


def _needs() -> list[Builder[Panel]]:
    """Make what waits for the person."""
    return [
        lines(
            "What needs a person",
            "1 while it does; `photoduct status` says it in a sentence.",
            [("max by (key) (photoduct_open_attention)", "{{key}}")],
            "none",
        ),
        lines(
            "Given up",
            "Tasks in quarantine, by stage.",
            [('sum by (stage) (photoduct_work{state="quarantined"})', "{{stage}}")],
            FILES,
            stacked=True,
        ),
    ]
