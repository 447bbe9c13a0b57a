"""Proves from the outside that no photo is missing: reads iCloud's truth, Google's store and the NAS, never the product's database."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

CHUNK = 1 << 20
GOOGLE_EXEMPT: frozenset[str] = frozenset()
"""Roles that need no copy at Google; none in the demo."""


@dataclass(slots=True)
class Findings:
    """What was counted and every difference; the proof holds when `wrong` is empty."""

    deleted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    originals_compared: int = 0
    wrong: list[str] = field(default_factory=list)


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def google_holds(store: Path) -> set[str]:
    """Return the hashes of what the Google store really holds, by reading every object anew."""
    return {sha256_of(file) for file in (store / "objects").iterdir()}


def nas_holds(root: Path) -> Counter[str]:
    """Return how many files of the NAS archive hold each hash, by reading every one."""
    return Counter(sha256_of(file) for file in root.rglob("*") if file.is_file())


def prove(
    assets: Mapping[str, Mapping[str, Any]],
    google: set[str],
    nas: Counter[str],
    expected: Mapping[str, str],
) -> Findings:
    """Compare what iCloud no longer has with both copies, and what is gone with what should be.

    `assets`: the simulated iCloud's truth by id; `expected`: id -> "deleted" or "kept", may be empty.
    """
    found = Findings()
    needed: Counter[str] = Counter()
    for key, asset in assets.items():
        (found.deleted if gone(asset) else found.kept).append(key)
        if gone(asset):
            needed.update(resource["sha256"] for resource in asset["resources"].values())
            found.wrong.extend(_missing_at_google(asset, google))
    found.originals_compared = needed.total()
    found.wrong.extend(_missing_on_nas(assets.values(), needed, nas))
    found.wrong.extend(_unexpected(assets, expected))
    return found


def gone(asset: Mapping[str, Any]) -> bool:
    """Say whether the simulated iCloud no longer shows the asset."""
    return bool(asset["deleted"] or asset["expunged"])


def _missing_at_google(asset: Mapping[str, Any], google: set[str]) -> list[str]:
    return [
        f"{asset['filename']!r} is gone from iCloud and its {role} is not at Google"
        for role, resource in asset["resources"].items()
        if resource["sha256"] not in google and role not in GOOGLE_EXEMPT
    ]


def _missing_on_nas(
    assets: Iterable[Mapping[str, Any]], needed: Counter[str], nas: Counter[str]
) -> list[str]:
    """Every deleted resource needs a file of its own, also where two have the same bytes."""
    lacking = needed - nas
    return [
        f"{asset['filename']!r} is gone from iCloud and its {role} is not on the NAS in its original bytes"
        for asset in assets
        if gone(asset)
        for role, resource in asset["resources"].items()
        if resource["sha256"] in lacking
    ]


def _unexpected(assets: Mapping[str, Mapping[str, Any]], expected: Mapping[str, str]) -> list[str]:
    wrong = []
    for key, wish in expected.items():
        is_gone = gone(assets[key])
        if is_gone != (wish == "deleted"):
            what = "is gone from iCloud" if is_gone else "is still in iCloud"
            wrong.append(f"{assets[key]['filename']!r} {what} but should be {wish}")
    return wrong


def fingerprint(directory: Path) -> dict[str, tuple[int, int, str]]:
    """Return size, mtime and hash of every readable file, to show that the demo changed none."""
    found = {}
    for file in sorted(directory.rglob("*")):
        if file.is_file():
            stat = file.stat()
            try:
                digest = sha256_of(file)
            except OSError:
                digest = "unreadable"
            found[str(file.relative_to(directory))] = (stat.st_size, stat.st_mtime_ns, digest)
    return found
