"""The page to look at first: does photoduct need me, how far is it, is it moving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.grafana.building import (
    DAY,
    DONE,
    FILES,
    FILES_A_SECOND,
    NOT_DONE,
    ORANGE,
    RED,
    THIRD,
    bars,
    lines,
    number,
    page,
    per_second,
    quantile,
)
from deploy.grafana.safety import frozen

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Dashboard, Panel


def overview() -> Dashboard:
    """Make the page."""
    rows = {
        "Is all well?": _well(),
        "How far": _far(),
        "Is it moving?": _moving(),
        "What it depends on": _outside(),
    }
    return page("overview", "Does photoduct need me, how far is it, and is it moving?", rows)


def _well() -> list[Builder[Panel]]:
    """Make the numbers that are green while nobody is needed."""
    return [
        number(
            "Alerts",
            "Alerts that fire now; docs/monitoring.md says what to do for each.",
            ('count(ALERTS{alertname=~"Photoduct.+", alertstate="firing"}) or vector(0)', "alerts"),
            "none",
            steps={1: RED},
        ),
        number(
            "Waits for you",
            "Matters for which a person is needed: `photoduct status` says each in one sentence.",
            ("sum(max by (key) (photoduct_open_attention))", "matters"),
            "none",
            steps={1: ORANGE},
        ),
        frozen(),
        number(
            "Given up",
            "Tasks in quarantine: `photoduct failures` lists them, `photoduct retry` tries again.",
            ('sum(photoduct_work{state="quarantined"})', "tasks"),
            "none",
            steps={1: ORANGE},
        ),
        number(
            "Services",
            "Processes that have what they cannot work without; six services, the compressor as often as you like.",
            ("sum(photoduct_ready)", "ready"),
            "none",
        ),
        number(
            "iCloud session",
            "Until iCloud is expected to ask for the next sign-in.",
            ("max(photoduct_icloud_session_expiry_timestamp_seconds) - time()", "left"),
            "s",
        ),
        number(
            "Phone",
            "Since the phone was last connected to Syncthing.",
            ("time() - max(photoduct_phone_last_seen_timestamp_seconds)", "ago"),
            "s",
            steps={DAY: ORANGE, 3 * DAY: RED},
        ),
        number(
            "NAS",
            "Whether the archive is mounted and answers.",
            ("1 - min(photoduct_nas_mounted)", "missing"),
            "none",
            steps={1: RED},
            words={0: "mounted", 1: "MISSING"},
        ),
    ]


def _far() -> list[Builder[Panel]]:
    """Make what is counted of the library."""
    return [
        bars(
            "Files by status",
            "Where every file of the library is on its way; iCloud's records are files, too.",
            ('sum by (state) (photoduct_files{machine="status"})', "{{state}}"),
            FILES,
            span=THIRD,
        ),
        bars(
            "Assets",
            "Photos and videos in iCloud, their files, what was deleted there, what was given up, and reports that could not be true.",
            ("max by (kind) (photoduct_assets)", "{{kind}}"),
            "none",
            span=THIRD,
        ),
        bars(
            "Bytes",
            "in: all originals; compressed_from, _to: originals with a rendition, and these; saved: has left the disks; reclaimable: what kept originals still take.",
            ("max by (kind) (photoduct_library_bytes)", "{{kind}}"),
            "bytes",
            span=THIRD,
        ),
    ]


def _moving() -> list[Builder[Panel]]:
    """Make what flows and what waits."""
    return [
        lines(
            "Files done a second",
            "Tasks that were done, by stage.",
            [(per_second(f"photoduct_jobs_total{{{DONE}}}", "stage"), "{{stage}}")],
            FILES_A_SECOND,
        ),
        lines(
            "Bytes done a second",
            "Size of the files whose tasks were done, by stage.",
            [(per_second(f"photoduct_job_bytes_total{{{DONE}}}", "stage"), "{{stage}}")],
            "Bps",
        ),
        lines(
            "Waiting tasks",
            "Tasks that are due or with a worker, by stage.",
            [('sum by (stage) (photoduct_work{state=~"due|out"})', "{{stage}}")],
            FILES,
            stacked=True,
        ),
        lines(
            "Oldest waiting task",
            "Since the oldest task of each stage could have been done; a retry that is still to come does not count.",
            [("max by (stage) (photoduct_work_oldest_age_seconds)", "{{stage}}")],
            "s",
        ),
        lines(
            "Time of a task",
            "95 of 100 tasks took less, by stage.",
            [(quantile(0.95, "photoduct_job_duration_seconds_bucket", "stage"), "{{stage}}")],
            "s",
        ),
        lines(
            "Tasks not done",
            "transient: tried again; permanent: given up; unreadable: work of another version.",
            [
                (
                    per_second(f"photoduct_jobs_total{{{NOT_DONE}}}", "stage, outcome"),
                    "{{stage}} {{outcome}}",
                )
            ],
            FILES_A_SECOND,
        ),
    ]


def _outside() -> list[Builder[Panel]]:
    """Make what photoduct itself cannot mend: the line, Apple, disks, the bus."""
    return [
        lines(
            "Download",
            "Bytes that arrive from iCloud.",
            [("sum(rate(photoduct_download_bytes_total[$__rate_interval]))", "bytes in")],
            "Bps",
            span=THIRD,
        ),
        lines(
            "iCloud's answers",
            "95 of 100 requests were answered faster, by kind; of downloads, until they began.",
            [(quantile(0.95, "photoduct_icloud_request_seconds_bucket", "kind"), "{{kind}}")],
            "s",
            span=THIRD,
        ),
        lines(
            "Apple asks for patience",
            "Answers that wanted to be asked less; photoduct then asks less.",
            [(per_second("photoduct_icloud_throttles_total", "kind"), "{{kind}}")],
            "suffix: answers/s",
            span=THIRD,
        ),
        lines(
            "Free on disk",
            "What photoduct can still write. Below the library's floor, downloads wait.",
            [
                ("min by (disk) (photoduct_disk_free_bytes)", "{{disk}}"),
                ("max by (disk) (photoduct_disk_floor_bytes)", "{{disk}}: floor"),
            ],
            "bytes",
            span=THIRD,
        ),
        lines(
            "Fullness of disks",
            "Used share of each file system.",
            [
                (
                    "1 - min by (disk) (photoduct_disk_free_bytes / photoduct_disk_size_bytes)",
                    "{{disk}}",
                )
            ],
            "percentunit",
            span=THIRD,
        ),
        lines(
            "Fullness of the bus",
            "Each stream by its own limit. Reports stay for two weeks after they were read; unread ones matter.",
            [
                (
                    "max by (stream) (photoduct_bus_stream_bytes / photoduct_bus_stream_limit_bytes)",
                    "{{stream}}",
                )
            ],
            "percentunit",
            span=THIRD,
        ),
    ]
