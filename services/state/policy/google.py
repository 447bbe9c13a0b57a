"""What Google Photos receives, by the person's settings; all files are downloaded and archived whatever they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.state.policy.kinds import kind_of
from shared.domain.albums import among
from shared.domain.gate import CALLED
from shared.domain.ids import Resource

if TYPE_CHECKING:
    from services.state.policy.facts import Asset, Media


@dataclass(frozen=True, slots=True)
class GoogleRules:
    """The `google` part of the settings; see there."""

    send: tuple[str, ...] = ("original", "edited", "live", "alternate")
    kinds: tuple[str, ...] = ("photo", "video")
    albums: tuple[str, ...] = ()
    except_albums: tuple[str, ...] = ()
    favorites_only: bool = False
    hidden: bool = False

    @property
    def needs_look(self) -> bool:
        """True when it is not known what to send before a whole look at iCloud is recorded."""
        return bool(self.albums or self.except_albums or self.favorites_only)

    def leaves_out(self, asset: Asset, media: Media) -> str | None:
        """Return why this file is not sent, naming the setting; None when it is. What was sent before stays sent."""
        if media.is_metadata:
            return None
        return self._of_the_file(asset, media) or self._of_the_asset(asset)

    def _of_the_file(self, asset: Asset, media: Media) -> str | None:
        if media.resource not in self.send:
            return f"no {CALLED[Resource(media.resource)]} is sent (google.send)"
        if kind_of(asset) not in self.kinds:
            return f"no {kind_of(asset)}s are sent (google.kinds)"
        return None

    def _of_the_asset(self, asset: Asset) -> str | None:
        if asset.hidden and not self.hidden:
            return "hidden photos are not sent (google.hidden)"
        if self.favorites_only and not asset.favorite:
            return "only favourites are sent (google.favorites_only)"
        if self.albums and not among(asset.albums, self.albums):
            return "it is in none of the albums that are sent (google.albums)"
        for name in among(asset.albums, self.except_albums):
            return f"the album '{name}' is not sent (google.except_albums)"
        return None
