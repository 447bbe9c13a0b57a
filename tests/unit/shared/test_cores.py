"""How many cores a process may use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from shared.adapters.cores import usable_cores

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_without_a_limit_all_that_it_is_bound_to(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == 16
    write(tmp_path, "sys/fs/cgroup/cpu.max", "max 100000\n")
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert usable_cores(tmp_path) == 16


@pytest.mark.parametrize(
    ("quota", "cores"), [(200_000, 2), (250_000, 2), (50_000, 1), (9_900_000, 16)]
)
def test_a_container_s_limit_counts_in_whole_cores(tmp_path: Path, quota: int, cores: int) -> None:
    write(tmp_path, "sys/fs/cgroup/cpu.max", f"{quota} 100000\n")
    assert usable_cores(tmp_path) == cores


def test_the_limit_of_a_group_above_counts_too(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/user.slice/photoduct.service\n")
    write(tmp_path, "sys/fs/cgroup/user.slice/photoduct.service/cpu.max", "max 100000\n")
    write(tmp_path, "sys/fs/cgroup/user.slice/cpu.max", "300000 100000\n")
    assert usable_cores(tmp_path) == 3


def test_the_older_kind_of_limit_counts_too(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "12:pids:/x\n4:cpu,cpuacct:/docker/abc\n")
    for name, value in (("quota", "400000"), ("period", "100000")):
        write(tmp_path, f"sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_{name}_us", value)
    assert usable_cores(tmp_path) == 4
