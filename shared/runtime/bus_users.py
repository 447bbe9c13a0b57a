"""Gives each user of the bus its password and permissions; it never shows a password to anyone but the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.adapters.nats_server import UserRules, passwords
from shared.runtime.permissions import permissions

if TYPE_CHECKING:
    from pathlib import Path


def user_rules(secrets: Path) -> dict[str, UserRules]:
    """Return what the server's configuration says of each user; passwords that do not exist yet are made."""
    allowed = permissions()
    known = passwords(secrets, allowed)
    return {
        user: UserRules(known[user], rules.publish, rules.subscribe, rules.responds)
        for user, rules in allowed.items()
    }
