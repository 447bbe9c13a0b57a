"""Shows Prometheus how much room a disk has; it reads no file and changes nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FREE: Final = ("photoduct_disk_free_bytes", "Bytes that photoduct can still write there.")
_SIZE: Final = ("photoduct_disk_size_bytes", "Bytes of the whole file system.")
_FLOOR: Final = ("photoduct_disk_floor_bytes", "Bytes below which downloads wait.")


class Disk(Collector):
    """A local disk, asked at the moment of reading; none while `folder` is not there, which must lie on that disk alone."""

    def __init__(self, name: str, folder: Path, floor: int | None = None) -> None:
        self._name, self._folder, self._floor = name, folder, floor

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return its free bytes, its size and its floor."""
        try:
            found = shutil.disk_usage(self._folder)
        except OSError:
            return
        yield from room(self._name, found.free, found.total)
        if self._floor is not None:
            yield _figure(_FLOOR, self._name, self._floor)


def room(disk: str, free: int, size: int) -> Iterator[GaugeMetricFamily]:
    """Yield a disk's figures, for one that may not be asked at the moment of reading: it might not answer."""
    yield _figure(_FREE, disk, free)
    yield _figure(_SIZE, disk, size)


def _figure(name: tuple[str, str], disk: str, value: int) -> GaugeMetricFamily:
    made = GaugeMetricFamily(*name, labels=["disk"])
    made.add_metric([disk], value)
    return made
