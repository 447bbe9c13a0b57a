"""One run through the sign-in and how far it has come; it is lost with the program."""

import secrets
from dataclasses import dataclass, field
from typing import Literal

from simulators.icloud.srp import Challenge

Stage = Literal["new", "challenged", "wants repair", "wants code", "verified"]


@dataclass
class SigninSession:
    """One run through sign-in: `scnt` and the id are what the client must echo."""

    id: str = field(default_factory=lambda: f"auth-{secrets.token_hex(16)}")
    scnt: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    stage: Stage = "new"
    account_name: str = ""
    reply_key: str = ""
    challenge: Challenge | None = None
    trusted: bool = False
    codes: dict[str, str] = field(default_factory=dict)


def new_reply_key() -> str:
    """Make what comes with a challenge and has to be sent back."""
    return f"d-{secrets.token_hex(8)}-{secrets.token_hex(12)}"
