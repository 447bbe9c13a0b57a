"""What every service shows Prometheus before anything has happened, read as Prometheus reads it."""

from __future__ import annotations

import asyncio
import sys
import tomllib
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.adapters.prometheus import Metrics
from shared.adapters.prometheus_disk import Disk
from shared.adapters.prometheus_http import StatusPage
from shared.domain.pipeline import DOWNLOAD, STAGES
from tests.unit.runtime.asking import asked_at

ROOT = Path(__file__).parents[3]


async def asked(path: str, metrics: Metrics, lacking: str) -> tuple[str, str]:
    """Return the status and the text of a page of a service that lacks something, or nothing."""

    async def lacks() -> str:
        return lacking

    page = StatusPage(metrics, lacks)
    found = await asked_at(await page.start("127.0.0.1", 0), path)
    await page.stop()
    return found


async def read(metrics: Metrics, lacking: str = "") -> dict[tuple[str, str], float]:
    """Return the figures of the page `/metrics`, by name and the values of their labels."""
    _, body = await asked("metrics", metrics, lacking)
    return {
        (sample.name, " ".join(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


async def test_a_stage_is_counted_from_zero_for_every_way_its_tasks_can_end() -> None:
    metrics = Metrics()
    for stage in STAGES:
        metrics.expect(stage)
    found = await read(metrics)
    for outcome in ("downloaded", "transient", "permanent", "unreadable"):
        assert found["photoduct_jobs_total", f"{outcome} download"] == 0
        assert found["photoduct_job_bytes_total", f"{outcome} download"] == 0
    assert ("photoduct_jobs_total", "failed download") not in found
    for stage in STAGES:
        assert found["photoduct_jobs_in_flight", stage.name] == 0
        assert found["photoduct_job_duration_seconds_count", stage.name] == 0
        assert found["photoduct_stage_open", stage.name] == 1


@pytest.mark.parametrize("lacking", ["", "The bus at nats://nats:4222 does not answer yet."])
async def test_what_is_lacking_makes_a_service_unready_and_never_unwell(lacking: str) -> None:
    metrics = Metrics()
    assert await asked("healthz", metrics, lacking) == ("200 OK", "ok\n")
    wanted = ("503 Not Ready", f"{lacking}\n") if lacking else ("200 OK", "ready\n")
    assert await asked("readyz", metrics, lacking) == wanted
    assert (await read(metrics, lacking))["photoduct_ready", ""] == (0 if lacking else 1)


@pytest.mark.parametrize("lacking", ["", "The books are waited for."])
async def test_a_container_says_why_it_is_not_healthy(lacking: str) -> None:
    async def lacks() -> str:
        return lacking

    page = StatusPage(Metrics(), lacks)
    environment = {"PHOTODUCT_METRICS__PORT": str(await page.start("127.0.0.1", 0))}
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-IS", str(ROOT / "deploy/healthy")),
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await program.communicate()
    await page.stop()
    assert said.decode().strip() == lacking
    assert program.returncode == bool(lacking)


async def test_what_runs_is_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    (labels,) = (rest for name, rest in await read(Metrics()) if name == "photoduct_build_info")
    assert labels.endswith(f" {version}")


async def test_a_disk_shows_its_room_while_it_is_there(tmp_path: Path) -> None:
    metrics = Metrics()
    metrics.registry.register(Disk("library", tmp_path / "backup", floor=5))
    assert ("photoduct_disk_free_bytes", "library") not in await read(metrics)
    (tmp_path / "backup").mkdir()
    found = await read(metrics)
    free, size = (found[f"photoduct_disk_{one}_bytes", "library"] for one in ("free", "size"))
    assert 0 < free < size
    assert found["photoduct_disk_floor_bytes", "library"] == 5


def test_the_bytes_of_a_task_are_those_of_its_files() -> None:
    fields = {
        "stage": "download",
        "key": 1,
        "attempt": 1,
        "asset": "A",
        "created": "2026-01-01T00:00:00Z",
    }
    work = DOWNLOAD.work.model_validate(
        {
            **fields,
            "zone": "PrimarySync",
            "resource": "original",
            "checksum": "c",
            "size": 7,
            "path": "a",
            "kind": "photo",
        }
    )
    assert work.size_of_files == 7
