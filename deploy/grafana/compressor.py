"""The page about renditions: how much there is to compress, how fast it goes, and what it brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploy.grafana.building import (
    FILES,
    FILES_A_SECOND,
    bars,
    each,
    lines,
    number,
    page,
    per_second,
    quantile,
)

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

OF_STAGE: Final = 'stage="compress"'


def compressor() -> Dashboard:
    """Make the page."""
    rows = {"Now": _now(), "Speed and queue": _speed(), "What it brings": _result()}
    return page("compressor", "How much there is to compress, how fast, and what it brings.", rows)


def _now() -> list[Builder[Panel]]:
    """Make what is at work."""
    return [
        number(
            "Compressors",
            "Processes that answer; `docker compose up -d --scale compressor=4` starts more.",
            ('count(up{job="photoduct", service="compressor"} == 1)', "running"),
            "none",
        ),
        number(
            "At work",
            "Files that are decoded and encoded now.",
            ("sum(photoduct_compressor_files_in_work)", "files"),
            "none",
        ),
        number(
            "Waiting",
            "Files that are due or with a compressor.",
            (f'sum(photoduct_work{{{OF_STAGE}, state=~"due|out"}})', "files"),
            "none",
        ),
        number(
            "Window",
            "Whether compressors take new work now (`compressor.during`).",
            (f"max(photoduct_stage_open{{{OF_STAGE}}})", "open"),
            "none",
            words={0: "closed", 1: "open"},
        ),
    ]


def _speed() -> list[Builder[Panel]]:
    """Make how fast it goes and what waits."""
    return [
        lines(
            "Encode speed",
            "Frames of videos that are decoded or encoded, searches and proofs included.",
            [("sum(rate(photoduct_compressor_frames_total[$__rate_interval]))", "frames")],
            "suffix: frames/s",
        ),
        lines(
            "Encoders",
            "Files in work, and how many may be at once: the cores that all compressors were given, less in quiet hours.",
            [
                ("sum by (kind) (photoduct_compressor_files_in_work)", "{{kind}}"),
                ("sum(photoduct_compressor_slots)", "may be"),
            ],
            FILES,
        ),
        lines(
            "Originals a second of work",
            "Bytes of originals for each second that a file was in work: how fast it goes, whatever their number.",
            [
                (
                    each(
                        "photoduct_compressor_input_bytes_total",
                        "photoduct_compressor_file_duration_seconds_sum",
                    ),
                    "originals",
                )
            ],
            "Bps",
        ),
        lines(
            "Originals a second",
            "Bytes of originals that all compressors together worked off.",
            [(per_second(f"photoduct_job_bytes_total{{{OF_STAGE}}}", "outcome"), "{{outcome}}")],
            "Bps",
        ),
        lines(
            "Time of a file",
            "Half of the files, and 95 of 100, took less; the wait for a free encoder does not count.",
            [
                (
                    quantile(share, "photoduct_compressor_file_duration_seconds_bucket", "kind"),
                    f"{{{{kind}}}} {share:.0%}",
                )
                for share in (0.5, 0.95)
            ],
            "s",
        ),
        lines(
            "Outcomes",
            "compressed: a rendition was made; left: the original stays as it is; the others were not done.",
            [(per_second(f"photoduct_jobs_total{{{OF_STAGE}}}", "outcome"), "{{outcome}}")],
            FILES_A_SECOND,
        ),
        lines(
            "Waiting files",
            "Files that are due or with a compressor.",
            [(f'sum by (state) (photoduct_work{{{OF_STAGE}, state=~"due|out"}})', "{{state}}")],
            FILES,
            stacked=True,
        ),
        lines(
            "Oldest waiting file",
            "Since it could have been compressed; a closed window does not stop this clock.",
            [(f"max(photoduct_work_oldest_age_seconds{{{OF_STAGE}}})", "oldest")],
            "s",
        ),
    ]


def _result() -> list[Builder[Panel]]:
    """Make what became of files and bytes."""
    return [
        bars(
            "Files by what became of them",
            "archived: the rendition is on the NAS; left: not worth it; unreadable: could not be decoded, stays in iCloud.",
            ('sum by (state) (photoduct_files{machine="compression"})', "{{state}}"),
            FILES,
        ),
        lines(
            "Bytes saved and reclaimable",
            "saved: has left the disks; reclaimable: originals that are still kept beside their renditions.",
            [('max by (kind) (photoduct_library_bytes{kind=~"saved|reclaimable"})', "{{kind}}")],
            "bytes",
        ),
        bars(
            "Renditions by their size",
            "Bytes of renditions for each byte of their originals, by kind and tier, since the compressors were started.",
            (
                "sum by (kind, tier) (photoduct_compressor_output_bytes_total)"
                ' / sum by (kind, tier) (photoduct_compressor_input_bytes_total{outcome="compressed"})',
                "{{kind}} {{tier}}",
            ),
            "percentunit",
        ),
        lines(
            "Originals and their renditions",
            "compressed_from: originals whose place a rendition took on the NAS; compressed_to: these renditions.",
            [('max by (kind) (photoduct_library_bytes{kind=~"compressed_.+"})', "{{kind}}")],
            "bytes",
        ),
    ]
