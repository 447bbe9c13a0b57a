"""Decides what each asset of a synthetic library is: its files, flags and moments; it keeps none of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from simulators.icloud.chance import Chance
from simulators.icloud.contents import Content, Role, Synthetic
from simulators.icloud.facts import Facts
from simulators.icloud.library import AssetSpec, Details
from simulators.icloud.naming import Naming
from simulators.icloud.photo_records import millis
from simulators.icloud.recipe import Recipe, size_range

_FIRST_DAY_MS = millis(datetime(2016, 1, 1, 12, tzinfo=UTC))
_APART_MS = 1_571_000
_BURST = 5


@dataclass(frozen=True)
class Shots:
    """Assets 0 to `recipe.total - 1` of a block, whose first is number `first` of the whole library.

    `since` is when they were added, in epoch milliseconds, None for soon after they were taken.
    """

    recipe: Recipe
    naming: Naming
    chance: Chance
    first: int
    since: int | None

    def facts(self) -> Iterator[Facts]:
        """Tell of every asset what lists ask for, without making its records up."""
        recipe, share = self.recipe, self.chance
        for n in range(recipe.total):
            shown = self._shown(n)
            yield Facts(
                name=self.naming.asset_id(n),
                taken=self._taken(n),
                added=self.added(n),
                hidden=share.has("hidden", n, recipe.hidden),
                favorite=share.has("favorite", n, recipe.favorite),
                video=self._is_video(shown),
                live=self._is_live(shown),
                burst=self._in_burst(n),
                slow=self._is_slow(n),
            )

    def spec(self, n: int) -> AssetSpec:
        """Make up what a library folder would have said of an asset."""
        recipe, share, shown = self.recipe, self.chance, self._shown(n)
        is_video, is_odd = self._is_video(shown), share.has("odd", shown, recipe.odd)
        return AssetSpec(
            id=self.naming.asset_id(n),
            master_id=self.naming.master_id(shown),
            filename=f"IMG_{(self.first + shown) % 10_000:04}{'.MOV' if is_video else '.JPG'}",
            created=datetime.fromtimestamp(self._taken(n) / 1000, UTC),
            added=datetime.fromtimestamp(self.added(n) / 1000, UTC),
            resources=self._resources(n, shown),
            favorite=share.has("favorite", n, recipe.favorite),
            hidden=share.has("hidden", n, recipe.hidden),
            albums=self._albums(n),
            details=self._details(n, odd=shown if is_odd else None),
        )

    def _resources(self, n: int, shown: int) -> dict[Role, Content]:
        recipe, share = self.recipe, self.chance
        if self._is_video(shown):
            return {"original": self._content("original", shown, ".mov", recipe.video_bytes)}
        files: dict[Role, Content] = {
            "original": self._content("original", shown, ".jpg", recipe.bytes)
        }
        if self._is_live(shown):
            files["live"] = self._content("live", shown, ".mov", recipe.live_bytes)
        if share.has("raw", shown, recipe.raw):
            files["alternate"] = self._content("alternate", shown, ".dng", recipe.bytes)
        if share.has("edited", n, recipe.edited):
            files["edited"] = self._content("edited", n, ".jpg", recipe.bytes)
            if self._is_live(shown):
                files["edited_live"] = self._content("edited_live", n, ".mov", recipe.live_bytes)
        return files

    def _content(self, role: Role, n: int, suffix: str, sizes: str) -> Synthetic:
        number = self.first + n
        size = self.chance.between(f"{role} size", number, *size_range(sizes))
        return Synthetic(self.recipe.seed, number, role, size, suffix)

    def _details(self, n: int, odd: int | None) -> Details:
        recipe = self.recipe
        described = self.chance.has("described", n, recipe.described)
        return Details(
            burst=self.naming.asset_id(n - n % _BURST) if self._in_burst(n) else None,
            burst_pick=n % _BURST == 0,
            slow_motion=self._is_slow(n),
            keywords=("synthetic", f"number {n}") if described else (),
            caption=f"Number {n}" if described else "",
            location=(48.2 + n % 7, 16.3 + n % 11) if described else None,
            filename_form=("missing", "plain", "invalid")[odd % 3] if odd is not None else "usual",
            no_item_type=odd is not None and odd % 2 == 0,
        )

    def _albums(self, n: int) -> tuple[str, ...]:
        # The members are the first assets: each is a real record, which takes memory.
        number = n // self.recipe.per_album
        return (f"Album {number}",) if number < self.recipe.albums else ()

    def shares(self, n: int) -> bool:
        """Whether an asset shows the master of the one before it."""
        # Only odd numbers share, so that the one before always has its own.
        recipe = self.recipe
        if not recipe.shared_master or n % 2 == 0 or self._is_video(n):
            return False
        return self.chance.has("shares", n, 2 * recipe.shared_master)

    def _shown(self, n: int) -> int:
        return n - 1 if self.shares(n) else n

    def _is_video(self, n: int) -> bool:
        return n >= self.recipe.photos

    def _is_slow(self, n: int) -> bool:
        return self._is_video(n) and self.chance.has("slow_motion", n, self.recipe.slow_motion)

    def _is_live(self, n: int) -> bool:
        return not self._is_video(n) and self.chance.has("live", n, self.recipe.live)

    def _in_burst(self, n: int) -> bool:
        start = n - n % _BURST
        whole = start + _BURST <= self.recipe.photos
        return whole and self.chance.has("burst", start, self.recipe.burst)

    def _taken(self, n: int) -> int:
        return _FIRST_DAY_MS + (self.first + n) * _APART_MS

    def added(self, n: int) -> int:
        """When an asset came into iCloud, epoch milliseconds."""
        return self._taken(n) + 60_000 if self.since is None else self.since + n
