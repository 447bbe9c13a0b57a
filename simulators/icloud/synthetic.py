"""A block of made-up assets: every record and every byte follows from (seed, number), so it keeps none."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import overload

from typing_extensions import override

from simulators.icloud.chance import Chance
from simulators.icloud.contents import Content, Role, Synthetic
from simulators.icloud.facts import Facts
from simulators.icloud.library import AssetSpec, Details
from simulators.icloud.photo_records import asset_fields, master_fields, millis
from simulators.icloud.recipe import Recipe, size_range
from simulators.icloud.records import Json, Record

_FIRST_DAY_MS = millis(datetime(2016, 1, 1, 12, tzinfo=UTC))
_APART_MS = 1_571_000
_BURST = 5
# Each asset stands for three changes: an old deletion, then its master and itself.
_EACH = 3
_GONE, _MASTER, _ASSET = range(_EACH)
_KINDS = {"CPLMaster": _MASTER, "CPLAsset": _ASSET}


@dataclass(frozen=True)
class Block(Sequence[AssetSpec]):
    """Assets `first` to `first + len - 1` of a recipe, for one zone; `added` is None for long ago."""

    recipe: Recipe
    zone_id: dict[str, Json] = field(hash=False)
    first: int = 0
    added: int | None = None

    @override
    def __len__(self) -> int:
        return self.recipe.total

    @property
    def entries(self) -> int:
        """How many changes the block stands for."""
        return len(self) * _EACH

    @cached_property
    def _prefixes(self) -> tuple[str, str, str]:
        text = f"{self.recipe.seed}|{self.zone_id.get('zoneName')}|{self.first}"
        digest = hashlib.sha256(text.encode()).hexdigest().upper()
        return _uuid_front(digest[:20]), f"A{digest[20:35].lower()}", _uuid_front(digest[36:56])

    @cached_property
    def chance(self) -> Chance:
        """What each number's lot is."""
        return Chance(self.recipe.seed)

    def asset_id(self, number: int) -> str:
        """Name the asset."""
        return f"{self._prefixes[0]}{number:012X}"

    def master_id(self, number: int) -> str:
        """Name the master of a number, whether or not another asset's is shown instead."""
        return f"{self._prefixes[1]}{number:012x}"

    def place_of(self, name: str) -> int | None:
        """Where a master or asset was written; None for a name that is no record of the block."""
        for kind, prefix in ((_ASSET, self._prefixes[0]), (_MASTER, self._prefixes[1])):
            if name.startswith(prefix) and len(name) == len(prefix) + 12:
                return self._place(kind, name[-12:])
        return None

    def _place(self, kind: int, digits: str) -> int | None:
        try:
            number = int(digits, 16)
        except ValueError:
            return None
        if not 0 <= number < len(self) or (kind == _MASTER and self._shares(number)):
            return None
        return number * _EACH + self._swapped(number, kind)

    def _swapped(self, number: int, kind: int) -> int:
        # An asset may come before its master.
        return kind if number % 3 != 2 or kind == _GONE else _MASTER + _ASSET - kind

    def name_at(self, place: int) -> str:
        """Name what was written at a place."""
        number, entry = divmod(place, _EACH)
        kind = self._swapped(number, entry)
        if kind == _ASSET:
            return self.asset_id(number)
        if kind == _MASTER and not self._shares(number):
            return self.master_id(number)
        return f"{self._prefixes[2]}{place:012X}"

    def names(self, kind: str) -> Iterator[str]:
        """Name every record of a type."""
        if (which := _KINDS.get(kind)) is not None:
            make = self.asset_id if which == _ASSET else self.master_id
            yield from (make(n) for n in range(len(self)) if which == _ASSET or not self._shares(n))

    def assets_of(self, master: str) -> list[str]:
        """Name the assets that show a master of the block: one, or two."""
        place = self.place_of(master) if master.startswith(self._prefixes[1]) else None
        if place is None:
            return []
        number = place // _EACH
        also = number + 1 < len(self) and self._shares(number + 1)
        return [self.asset_id(n) for n in (number, number + 1)[: 1 + also]]

    def record(self, place: int, seq: int) -> Record:
        """Make a record up."""
        number, entry = divmod(place, _EACH)
        spec, moment = self[number], self._added(number)
        if self._swapped(number, entry) == _ASSET:
            fields = asset_fields(spec, self.zone_id)
            return Record(spec.id, "CPLAsset", fields, seq, created=moment, modified=moment)
        fields = master_fields(spec)
        return Record(spec.master_id, "CPLMaster", fields, seq, created=moment, modified=moment)

    def facts(self) -> Iterator[Facts]:
        """Tell of every asset what lists ask for, without making its records up."""
        recipe, share = self.recipe, self.chance
        for n in range(len(self)):
            shown = self._shown(n)
            yield Facts(
                name=self.asset_id(n),
                taken=self._taken(n),
                added=self._added(n),
                hidden=share.has("hidden", n, recipe.hidden),
                favorite=share.has("favorite", n, recipe.favorite),
                video=self._is_video(shown),
                live=self._is_live(shown),
                burst=self._in_burst(n),
            )

    @overload
    def __getitem__(self, index: int) -> AssetSpec: ...
    @overload
    def __getitem__(self, index: slice) -> list[AssetSpec]: ...
    @override
    def __getitem__(self, index: int | slice) -> AssetSpec | list[AssetSpec]:
        """Make up what a library folder would have said of an asset."""
        if isinstance(index, slice):
            return [self._spec(n) for n in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._spec(index % len(self))

    def _spec(self, n: int) -> AssetSpec:
        recipe, share, shown = self.recipe, self.chance, self._shown(n)
        is_video, is_odd = self._is_video(shown), share.has("odd", shown, recipe.odd)
        return AssetSpec(
            id=self.asset_id(n),
            master_id=self.master_id(shown),
            filename=f"IMG_{(self.first + shown) % 10_000:04}{'.MOV' if is_video else '.JPG'}",
            created=datetime.fromtimestamp(self._taken(n) / 1000, UTC),
            added=datetime.fromtimestamp(self._added(n) / 1000, UTC),
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
        slow = self._is_video(n) and self.chance.has("slow_motion", n, recipe.slow_motion)
        return Details(
            burst=self.asset_id(n - n % _BURST) if self._in_burst(n) else None,
            burst_pick=n % _BURST == 0,
            slow_motion=slow,
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

    def _shares(self, n: int) -> bool:
        # Only odd numbers share, so that the one before always has its own.
        recipe = self.recipe
        if not recipe.shared_master or n % 2 == 0 or self._is_video(n):
            return False
        return self.chance.has("shares", n, 2 * recipe.shared_master)

    def _shown(self, n: int) -> int:
        return n - 1 if self._shares(n) else n

    def _is_video(self, n: int) -> bool:
        return n >= self.recipe.photos

    def _is_live(self, n: int) -> bool:
        return not self._is_video(n) and self.chance.has("live", n, self.recipe.live)

    def _in_burst(self, n: int) -> bool:
        start = n - n % _BURST
        whole = start + _BURST <= self.recipe.photos
        return whole and self.chance.has("burst", start, self.recipe.burst)

    def _taken(self, n: int) -> int:
        return _FIRST_DAY_MS + (self.first + n) * _APART_MS

    def _added(self, n: int) -> int:
        return self._taken(n) + 60_000 if self.added is None else self.added + n


def _uuid_front(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-"
