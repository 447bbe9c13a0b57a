"""Where the running downloader's door for sign-ins is, and the proof that it is that door; it carries no password itself.

The downloader writes `login-door.json` into the session's 0700 folder at each start. Who can read it may knock; and as the
port could be anybody's after a crash, the door proves first that it knows the token, without the token being sent.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from shared.adapters.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path

DOOR: Final = "login-door.json"
HOST: Final = "127.0.0.1"
"""The door is on this machine's own loopback, by no setting anywhere else."""


class DoorPlace(BaseModel):
    """The address and the bearer token of one run of the downloader."""

    model_config = ConfigDict(frozen=True)

    address: str
    token: str

    @classmethod
    def fresh(cls, port: int) -> DoorPlace:
        """Make the place of a door that listens on that port, with a token of its own."""
        return cls(address=f"http://{HOST}:{port}", token=secrets.token_urlsafe(32))

    @classmethod
    def read(cls, folder: Path) -> DoorPlace | None:
        """Return the door that was opened last, None when there is none; PermissionError for another user's."""
        try:
            return cls.model_validate_json((folder / DOOR).read_text(encoding="utf-8"))
        except PermissionError:
            raise
        except (OSError, ValueError):
            return None

    def write(self, folder: Path) -> None:
        """Tell the tools on this machine; hold the store's lock."""
        write_private(folder / DOOR, self.model_dump_json())

    def remove(self, folder: Path) -> None:
        """Take the word back, unless a later door has written its own."""
        if DoorPlace.read(folder) == self:
            (folder / DOOR).unlink(missing_ok=True)

    def opens_for(self, authorization: str) -> bool:
        """Say whether this header carries the token; it takes the same time for every wrong one."""
        return hmac.compare_digest(authorization.encode(), f"Bearer {self.token}".encode())

    def proof(self, nonce: str) -> str:
        """Return what only one who knows the token can answer to `nonce`."""
        return hmac.new(self.token.encode(), f"door:{nonce}".encode(), hashlib.sha256).hexdigest()
