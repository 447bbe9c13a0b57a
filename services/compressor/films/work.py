"""Holds what is known of one video that is being made smaller; data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.compressor.films.movie import picture
from services.compressor.films.pixels import samples_form
from services.compressor.films.views import views

if TYPE_CHECKING:
    from pathlib import Path

    from services.compressor.films.light import Light
    from services.compressor.films.mp4 import Movie, Track
    from services.compressor.films.packets import Packets
    from services.compressor.films.stream import Stream
    from services.compressor.tiers.tier import Film


@dataclass(frozen=True, slots=True)
class Work:
    """The original, where its rendition is made, what is asked for, and the original's tracks and packets."""

    source: Path
    temp: Path
    setting: Film
    movie: Movie
    packets: Packets
    stream: Stream
    """What its stream says of its colours and its light."""

    @property
    def light(self) -> Light | None:
        """What an HDR film says of its light; None: it is no HDR."""
        return self.stream.light

    @property
    def picture(self) -> Track:
        """The video track."""
        return picture(self.movie)

    @property
    def views(self) -> tuple[str | None, ...]:
        """The ways in which its look is judged."""
        return views(self.light)

    @property
    def pixels(self) -> str:
        """How ffmpeg calls pixels of as many bits, colours 4:2:0."""
        form = samples_form(self.picture)
        return "yuv420p10le" if form and form.is_deep else "yuv420p"
