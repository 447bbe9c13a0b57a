"""Holds what photoduct downloaded against what iCloud holds, byte for byte; it reads only."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

from shared.domain.icloud_checksum import StreamDigest

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.downloader.apple import Apple
    from benchmarks.downloader.product import Product

_ALL = (
    "SELECT asset.icloud_id, media.checksum, media.listed_size, media.sha256, media.path"
    " FROM media JOIN asset ON asset.id = media.asset_id"
    " WHERE media.resource NOT IN ('record', 'sidecar')"
)


async def verified(cloud: Apple, product: Product) -> int:
    """Return how many files there are: each resource of iCloud's exactly once, its bytes the same. AssertionError otherwise."""
    truth = await cloud.truth()
    wanted = Counter(
        (asset, resource["checksum"], resource["size"])
        for asset, one in truth.items()
        for resource in one["resources"].values()
    )
    with closing(sqlite3.connect(f"file:{product.database}?mode=ro", uri=True)) as books:
        rows = books.execute(_ALL).fetchall()
    found = Counter((row[0], row[1], row[2]) for row in rows)
    assert found == wanted, f"not the files of iCloud: {_few(found - wanted, wanted - found)}"
    paths = [product.backup / row[4] for row in rows]
    assert len(set(paths)) == len(rows)
    await asyncio.to_thread(_hold, rows, product.backup)
    return len(rows)


def _hold(rows: list[Any], backup: Path) -> None:
    for _, checksum, size, sha256, path in rows:
        digest = StreamDigest()
        plain = hashlib.sha256()
        with (backup / path).open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
                plain.update(chunk)
        assert (digest.apple, digest.size) == (checksum, size), f"{path} has other bytes"
        assert plain.hexdigest() == sha256, f"{path} is recorded with another hash"


def _few(*counts: Counter[Any]) -> str:
    return "; ".join(str(list(one)[:3]) for one in counts)
