"""What a server and its phone look like to the simulator, whether real or played; a contract without code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.routing import Route

FOLDER_ID = "pixel"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How to ask the server's side; the content of `phone.json` besides `truth_url`."""

    rest_url: str
    api_key: str
    folder: str
    device: str
    mode: str


class Pair(Protocol):
    """A server's Syncthing and a phone's, sharing one folder."""

    phone_folder: Path

    async def start(self, extra: list[Route]) -> Endpoint:
        """Bring both sides up and serve `extra` routes too; answer where the server's side is."""

    async def stop(self) -> None:
        """End everything that `start` began."""

    async def phone_changed(self) -> None:
        """Let the phone's Syncthing notice what the app did to its files."""

    async def set_online(self, online: bool) -> None:
        """Connect the phone, or take it off the net."""

    @property
    def truth_url(self) -> str:
        """Where the `extra` routes answer."""
