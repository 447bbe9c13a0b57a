"""Which words icloudpd may be started with; pure. What deletes, or changes where or what it writes, cannot be said.

Allowed are the known ones, spelled out: icloudpd takes any beginning of an option for the whole (`--auto-d`), and later
versions may have more that delete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.domain.ids import OWN_ZONE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ALONE: Final = frozenset({"--skip-videos", "--skip-photos", "--skip-live-photos"})
"""Options without a value that may be added."""
VALUED: Final = frozenset(
    {"--album", "--recent", "--until-found", "--skip-created-before", "--skip-created-after"}
)
"""Options with one value that may be added."""
_SIZES: Final = ("original", "adjusted", "alternative")


def checked(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the person's own arguments; raises ValueError for any that is not known to be harmless."""
    waiting_for = ""
    for word in arguments:
        if waiting_for:
            _check_value(waiting_for, word)
            waiting_for = ""
            continue
        name, equals, value = word.partition("=")
        if name in VALUED and not equals:
            waiting_for = name
        elif name in VALUED:
            _check_value(name, value)
        elif word not in ALONE:
            raise ValueError(_refusal(word))
    if waiting_for:
        raise ValueError(f"{waiting_for} needs a value")
    return tuple(arguments)


def _check_value(name: str, value: str) -> None:
    if not value or value.startswith("-"):  # icloudpd would take it for another option
        raise ValueError(f"{name} needs a value")


def _refusal(word: str) -> str:
    allowed = ", ".join(sorted(ALONE | VALUED))
    return f"{word.partition('=')[0]!r} is no argument that photoduct lets icloudpd have; these are: {allowed}"


def command_line(
    apple_id: str, zone: str, folder: Path, more: Sequence[str], *, china_mainland: bool
) -> tuple[str, ...]:
    """Return the words after the program's name: everything of every photo, nothing written but the files; no secrets."""
    sizes = [word for size in _SIZES for word in ("--size", size)]
    everywhere = () if not china_mainland else ("--domain", "cn")
    library = () if zone == OWN_ZONE else ("--library", zone)
    return (
        *("--log-level", "debug", "--no-progress-bar"),  # a line for each photo tells that it lives
        *("--password-provider", "parameter"),  # and none is given: it can only use the session
        *everywhere,
        *("--username", apple_id),
        *("--directory", str(folder)),
        *("--folder-structure", "{:%Y/%m/%d}"),
        "--keep-unicode-in-filenames",
        *sizes,
        *library,
        *checked(more),
    )
