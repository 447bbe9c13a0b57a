"""The state machines of a media and of an asset as one table; the database enforces the same table, and pictures come from it.

Google, NAS, compression and the local file are separate small machines per media; removal is one per asset.
Joint rules (`backed up`, `may be deleted`) are functions over their facts and live with the policies.
"""

from __future__ import annotations

from shared.domain.errors import IllegalMove

MOVES: dict[str, dict[str, tuple[str, ...]]] = {
    "local": {
        "": ("wanted",),
        "wanted": ("backup", "superseded"),
        "superseded": ("wanted",),
        "backup": ("delete_pending",),
        "delete_pending": ("backup", "purged"),
        "purged": ("wanted",),
    },
    "google": {
        "": ("none", "exempt"),
        "none": ("staged", "refused"),
        "staged": ("arrived", "suspect"),
        "arrived": ("settled", "suspect"),
        "settled": ("freed", "suspect"),
        "freed": ("confirmed", "takeout", "suspect"),
        "confirmed": ("takeout",),
        "takeout": (),
        "refused": ("none", "takeout"),
        "suspect": ("none", "confirmed", "takeout"),
        "exempt": (),
    },
    "nas": {
        "": ("none",),
        "none": ("verified", "mismatch"),
        "verified": ("void", "mismatch", "released"),
        "void": ("verified", "mismatch", "released"),
        "mismatch": ("none", "void", "released"),
        "released": ("none",),
    },
    "compression": {
        "": ("none", "exempt"),
        "none": ("compressed", "left", "unreadable"),
        "compressed": ("archived", "none"),
        "archived": ("none", "renewing"),
        "left": ("none", "renewing"),
        "renewing": ("archived", "left"),
        "unreadable": ("none",),
        "exempt": (),
    },
    "removal": {
        "": ("none",),
        "none": ("pending", "vetoed"),
        "pending": ("none", "vetoed", "intent"),
        "intent": ("pending", "vetoed", "deleted"),
        "vetoed": ("none",),
        "deleted": ("purged", "restored"),
        "purged": ("restored",),
        "restored": (),
    },
}
"""machine -> state -> states that it may move to; "" is the state before the row exists."""


def check_move(machine: str, old: str, new: str) -> None:
    """Raise IllegalMove unless the table has this move."""
    if new not in MOVES[machine].get(old, ()):
        raise IllegalMove(f"{machine} cannot go from '{old}' to '{new}'")
